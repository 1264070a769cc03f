"""Measured results: reading points, scoring predictions against them, fitting engine profiles to them."""
