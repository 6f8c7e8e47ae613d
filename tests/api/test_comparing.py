"""Comparing and gating from Python: the command's numbers, as objects."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import harness
from harness.cli.app import run as command
from harness.core.errors import UnknownNameError, UsageError
from tests.support.make_run import TASKS, make_run
from tests.support.saved_runs import save_run

POLICY = {"rules": [{"metric": "accuracy", "level": "clean", "max_drop": 0.2, "margin": 0.2}]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("runs")
    base = save_run(make_run(tasks=TASKS[:2], examples=12, model="base"), folder / "base")
    weak = make_run(tasks=TASKS[:2], examples=12, strength=2.0, model="weak")
    return base, save_run(weak, folder / "weak")


@pytest.fixture(scope="module")
def compared(runs: tuple[Path, Path]) -> harness.Comparison:
    return harness.compare(*runs)


def test_compare_is_the_command(
    runs: tuple[Path, Path], compared: harness.Comparison, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["compare", *map(str, runs), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(compared.to_dict()))


def test_the_frame_holds_every_difference(compared: harness.Comparison) -> None:
    frame = compared.frame
    assert len(frame) == len(compared.pairs[0].differences)
    over = frame[frame["task"].isna() & (frame["metric"] == "accuracy")].set_index("level")
    wanted = compared.pairs[0].difference("accuracy", "word")
    assert wanted is not None
    assert over.loc["word", "value"] == wanted.value
    assert (over.loc["word", "low"], over.loc["word", "high"]) == wanted.interval
    assert set(frame["run"]) == {"weak"}
    assert set(frame["against"]) == {"base"}


def test_what_is_shown(compared: harness.Comparison) -> None:
    assert repr(compared) == "Comparison(base vs weak: 1,128 cells, loglik)"
    assert "weak is" in str(compared)
    assert compared._repr_html_().count("<tr>") == len(compared.pairs[0].differences) // 3 + 1
    assert compared.plot("drop").to_dict()["description"].startswith("Drop: weak minus base")
    with pytest.raises(UnknownNameError, match="Did you mean 'accuracy'"):
        compared.plot("acuracy")
    with pytest.raises(UsageError, match="pair 2: the comparison has 1"):
        compared.plot(pair=2)


def test_one_name_stands_for_a_list(runs: tuple[Path, Path]) -> None:
    one = harness.compare(*runs, metrics="drop", names=["a", "b"])
    assert {d.metric for d in one.pairs[0].differences} == {"drop"}
    assert one.runs == ("a", "b")
    with pytest.raises(UsageError, match="1 names for 2 runs"):
        harness.compare(*runs, names=["a"])
    with pytest.raises(UsageError, match=r"^shared and force exclude each other"):
        harness.compare(*runs, shared=True, force=True)


def test_check_is_the_command(
    runs: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, weak = runs
    policy = tmp_path / "policy.yaml"
    policy.write_text(json.dumps(POLICY), "utf-8")
    verdict = harness.check(weak, base, policy=policy)
    code = command(["check", "--candidate", str(weak), "--baseline", str(base), "--json",
                    "--policy", str(policy)])  # fmt: skip
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(verdict.to_dict()))
    assert code == int(verdict.exit_code)
    assert verdict == harness.check(harness.load_run(weak), harness.load_run(base), policy=POLICY)


def test_a_verdict_is_true_where_it_passed(runs: tuple[Path, Path]) -> None:
    _, weak = runs
    good = harness.check(weak, policy={"rules": [{"metric": "accuracy", "min": 0.01}]})
    bad = harness.check(weak, policy={"rules": [{"metric": "accuracy", "min": 0.99}]})
    assert good
    assert not bad
    assert repr(bad) == "Verdict(failed: weak, 4 checks)"
    assert bad._repr_html_().count("<tr>") == 5
    assert str(bad).startswith("Gate failed: weak")
    assert list(bad.frame["status"]) == ["fail"] * 4


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "key": ({"rule": []}, "the policy: unknown key 'rule'. Did you mean 'rules'?"),
    "metric": ({"rules": [{"metric": "acuracy", "min": 1}]}, "Did you mean 'accuracy'"),
    "two": ({"rules": [{"metric": "drop"}], "strictt": 1}, "the policy: 2 mistakes:\n"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_policy_in_python_is_validated_as_a_file_is(case: str, runs: tuple[Path, Path]) -> None:
    policy, message = WRONG[case]
    with pytest.raises(UsageError) as raised:
        harness.check(runs[0], policy=policy)
    assert message in str(raised.value)
    assert "pydantic" not in str(raised.value)
