"""What changed between two reports, why, and whether it may pass."""
