"""Adversarial search: recipes that look for the most harmful variant within a budget."""
