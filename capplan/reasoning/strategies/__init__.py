"""The reasoning strategies, one module each; `capplan.reasoning.demand` finds them by file name."""
