"""Readers of other programs' task files: each makes tasks of ours, and names what is lost."""
