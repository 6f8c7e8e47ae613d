"""Hardening: what is decided between labelled rows and a checkpoint that rephrasing moves less.

The pure part of `harness harden`: which instructions and perturbations are trained on and which
are kept for the test (`split`), what each row is shown with (`requests`), what fits into the time
(`budget`), and what is said of the outcome (`card`, `policy`). `harness.api.hardening` does it.
"""
