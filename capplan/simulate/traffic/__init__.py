"""Synthetic traffic: arrivals by burstiness and time of day, lengths by law."""
