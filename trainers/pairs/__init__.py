"""Pairs files: what the trainer reads, and how they are built from other forms of data."""

from trainers.pairs.record import Pair, hash_pairs, read_pairs, write_pairs

__all__ = ["Pair", "hash_pairs", "read_pairs", "write_pairs"]
