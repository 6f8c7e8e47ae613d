"""Sentence level: what stands around the request, and how it is laid out."""
