"""Kills a job at each of its writes, one by one, and sees whether the same command ends it well.

Writes are found by interposition: Python's audit events for opening to write, renaming, removing
and making folders; SQLite's own trace of statements; and safetensors' writer, which is also cut
half way. Each kill is an `os._exit` in a forked process: nothing is flushed, closed or cleaned up.

    OMP_NUM_THREADS=1 python -m tests.support.killing JOB [STEP]

prints how many points the job (one of `jobs.JOBS`) has, and every one after which it did not end as
it should. What the jobs import is loaded once, in
the process that forks, so that a point takes one to three seconds; of a hardening, ten.
"""
