"""Engines of others in this process."""
