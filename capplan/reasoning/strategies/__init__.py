"""The reasoning strategies, one module each; `capplan.reasoning.strategy` finds them by file name."""
