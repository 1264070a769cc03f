"""The event-driven simulator: continuous batching under real traffic, between events nothing is stepped."""
