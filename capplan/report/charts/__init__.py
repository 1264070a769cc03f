"""Charts of a report: what each shows is told once, as a Vega-Lite specification and as text for a terminal."""
