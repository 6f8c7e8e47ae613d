"""Copies of a model on many cores, GPUs or machines, by Ray, which loads when it is asked for."""
