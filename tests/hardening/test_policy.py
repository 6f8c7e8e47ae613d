"""The gate that is written: it holds for the run that it was made of, and fails a worse one."""

from __future__ import annotations

from pathlib import Path

import harness
from harness.gate.policy import read_policy
from harness.hardening.policy import TOLERANCE, make_policy, say_power, write_policy
from tests.support.make_run import make_run
from tests.support.saved_runs import save_run


def test_the_policy_is_kept_by_its_own_run_and_not_by_a_worse_one(tmp_path: Path) -> None:
    good = make_run("runs/good", strength=0.1, examples=200)
    paths = {}
    for name, strength in (("good", 0.1), ("bad", 2.0)):
        paths[name] = tmp_path / name
        save_run(make_run(f"runs/{name}", strength=strength, examples=200), paths[name])
    policy = tmp_path / "policy.yaml"
    policy.write_text(write_policy(make_policy(good.summary), how="first\nsecond"), "utf-8")
    same = harness.check(paths["good"], paths["good"], policy=policy)
    assert same.passed
    assert "would not fail" in say_power(same)
    worse = harness.check(paths["bad"], paths["good"], policy=policy)
    assert worse.outcome == "failed"
    assert say_power(worse) == "The policy fails the model before hardening, as it should."


def test_the_file_says_how_it_is_used_and_reads_as_it_was_made(tmp_path: Path) -> None:
    summary = make_run("runs/good", examples=40).summary
    made = make_policy(summary)
    path = tmp_path / "policy.yaml"
    path.write_text(write_policy(made, how="harness run\nharness check"), "utf-8")
    assert path.read_text("utf-8").startswith("# harness run\n# harness check\nrules:\n")
    assert read_policy(path) == made
    clean = summary.levels["clean"].accuracy
    assert clean is not None
    assert clean.low is not None
    assert made.rules[0].min == round(clean.low, 4)
    assert made.rules[1].max_drop == TOLERANCE
