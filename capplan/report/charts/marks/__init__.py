"""Kinds of drawing, one a file: each as Vega-Lite and as strips of text."""
