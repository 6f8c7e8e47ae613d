"""Mutated inputs of every kind that the harness reads, through the public entries that read them.

    make fuzz          or: python -m tests.support.fuzzing --inputs 10000 --seed 0 [--kind NAME]

Three things are counted as faults: an exception that is no `HarnessError`, an input that takes
more than 20 seconds of a processor, and numbers that come out of what is certainly wrong.
"""
