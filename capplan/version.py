"""The version: stands in reports, and keys what is kept of long runs."""

__version__ = "0.1.0"
