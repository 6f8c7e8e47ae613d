"""Every metric, as a pure function of arrays of cells; see each module for definitions and sources.

`grid` reads the arrays from frames. `accuracy`, `drop`, `agreement`, `flips` and `likelihood` hold
the definitions; `measures` adds intervals and paired differences to those that carry them.
"""
