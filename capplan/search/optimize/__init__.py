"""The cheapest plan that meets every target, over whole spaces of candidates at once."""
