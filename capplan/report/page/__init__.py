"""One self-contained page of a scenario for people who will not open a terminal: gathered, charted, rendered."""
