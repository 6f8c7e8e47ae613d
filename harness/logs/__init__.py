"""Logs of other evaluation tools as runs of ours, and runs of ours in experiment trackers."""
