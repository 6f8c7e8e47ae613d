"""Runs in experiment trackers: what is written is decided once, each tracker only writes it."""
