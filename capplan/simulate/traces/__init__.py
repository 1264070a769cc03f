"""Recorded traffic: readers that stream, say file and line of every fault, and keep memory bounded."""
