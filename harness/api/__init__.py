"""The Python API: the same code path as the command line, as functions.

`harness` itself offers every name of this room (`harness.run`, `harness.compare`, …), each loaded
when it is first used. The files, by what is done:

- `running`: evaluate a model
- `results`: a finished run, its frames, table and charts
- `explaining`: which words its answers hang on
- `comparing`: two or more runs side by side
- `gating`: a run judged by a policy
- `attacking`: search for the instruction that hurts most
- `pairing`, `training`: make pairs, train on them
- `hardening` and its steps: from labelled rows to a checkpoint, in one call
- `models`, `tasks`: what may be given as a model and as a task
- `perturbing`: variants of one text
"""
