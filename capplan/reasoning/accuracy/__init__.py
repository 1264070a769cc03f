"""Accuracy laws: how right answers grow with tokens, samples, verifiers and rounds."""
