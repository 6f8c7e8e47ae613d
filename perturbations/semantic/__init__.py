"""Semantic level: the same request in other words and another construction."""
