"""Contrastive instruction tuning and its baselines."""
