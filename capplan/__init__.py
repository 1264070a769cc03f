"""capplan: how many GPUs, how fast and what a year of reasoning costs, before you buy."""

__version__ = "0.1.0"
