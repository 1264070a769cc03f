"""Trace formats, one file each: `recognises` looks at the first line, `parser` makes a parser of the others."""
