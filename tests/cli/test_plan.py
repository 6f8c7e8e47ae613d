"""`harness plan`: the cheapest design for a drop or a difference, without a model and from runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.api.comparing import compare
from harness.cli.app import run as harness
from harness.core.errors import ExitCode
from tests.support.checkpoints import save_tiny_llama


def _finish(folder: Path, seed: int) -> Path:
    model = save_tiny_llama(folder / "tiny", seed=seed)
    options = ["--task", "sentiment", "--limit", "30", "--levels", "character,word", "--quiet"]
    options += ["--scorer", "loglik"]
    options += ["--share", "0.5", "--device", "cpu", "--no-cache", "--resamples", "100"]
    assert harness(["run", "--model", str(model), "--out", str(folder / "run"), *options]) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _finish(tmp_path_factory.mktemp("planned"), 0)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same cells by another model."""
    return _finish(tmp_path_factory.mktemp("other"), 1)


def plan(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert harness(["plan", *options]) == ExitCode.OK
    return " ".join(capsys.readouterr().out.split())


def test_a_plan_without_a_model_says_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    said = plan(capsys, "--detect", "5", "--tasks", "2", "--cells-per-second", "10")
    found = json.loads(plan(capsys, "--detect", "5", "--tasks", "2", "--json"))
    cheapest = found["cheapest"]
    assert cheapest["detectable"] <= 0.05
    assert f"{cheapest['cells']:,} cells" in said
    assert f"--instructions {cheapest['instructions']} --limit {cheapest['examples']}" in said
    assert cheapest["cells"] <= min(one["cells"] for one in found["others"])
    low, high = cheapest["half_width_range"]
    assert low < cheapest["half_width"] < high
    assert f"in four runs of five between {100 * low:.1f} and {100 * high:.1f}." in said


def test_smaller_drops_cost_more(capsys: pytest.CaptureFixture[str]) -> None:
    costs = [
        json.loads(plan(capsys, "--detect", points, "--json"))["cheapest"]["cells"]
        for points in ("8", "6", "4")
    ]
    assert costs == sorted(costs)


def test_levels_are_named_as_everywhere_and_fewer_cost_less(
    capsys: pytest.CaptureFixture[str],
) -> None:
    one, four, default = (
        json.loads(plan(capsys, "--detect", "5", *levels, "--json"))["cheapest"]["cells"]
        for levels in (("--levels", "word"), ("--levels", "all"), ())
    )
    assert one < four == default


def test_a_plan_from_a_run_says_what_it_finds_and_what_all_of_it_would(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = plan(capsys, "--detect", "0.1", "--from", str(finished))
    found = json.loads(plan(capsys, "--detect", "0.1", "--from", str(finished), "--json"))
    manifest = json.loads((finished / "run.json").read_text("utf-8"))
    assert found["now"]["cells"] == pytest.approx(manifest["design"]["cells"], rel=0.02)
    assert found["cheapest"] is None
    assert found["best"]["examples"] == 30
    summary = json.loads((finished / "summary.json").read_text("utf-8"))
    measured = [level["drop_detectable"] for level in summary["levels"].values()]
    assert found["now"]["detectable"] == max(one for one in measured if one is not None)
    assert "A drop of 0.1 points is beyond 6 instructions and 30 examples per task" in said
    assert found["seconds_per_cell"] > 0


def test_a_difference_is_planned_without_a_model_and_costs_more_the_smaller_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = plan(capsys, "--detect-difference", "8", "--tasks", "2", "--cells-per-second", "10")
    found = json.loads(plan(capsys, "--detect-difference", "8", "--tasks", "2", "--json"))
    assert found["of"] == "difference"
    assert found["cheapest"]["detectable"] <= 0.08
    assert f"{found['cheapest']['cells']:,} cells per run, about " in said
    assert "with two runs, harness plan --detect-difference P --from RUN --against RUN" in said
    smaller = json.loads(plan(capsys, "--detect-difference", "6", "--tasks", "2", "--json"))
    assert smaller["cheapest"]["cells"] > found["cheapest"]["cells"]


def test_a_difference_is_planned_from_two_runs_as_a_comparison_finds_it(
    finished: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = ["--detect-difference", "0.1", "--from", str(finished), "--against", str(other)]
    found, said = json.loads(plan(capsys, *pair, "--json")), plan(capsys, *pair)
    overall = compare(finished, other).pairs[0].overall
    assert overall is not None
    assert found["now"]["detectable"] == pytest.approx(overall.detectable)
    assert "A difference of 0.1 points between two runs of one design" in said
    assert "typical variances" not in said
    assert found["best"]["examples"] == 30
    alone = plan(capsys, "--detect-difference", "0.1", "--from", str(finished))
    assert "Reckoned with typical variances" in alone


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "harness plan finds one thing at a time"),
        (["--detect", "3", "--detect-difference", "2"], "finds one thing at a time"),
        (
            ["--detect-difference", "2", "--against", "b"],
            "--against is a second run, and the first",
        ),
        (["--detect-difference", "0"], "--detect-difference 0 must lie between 0 and 100."),
        (["--detect", "3", "--levels", "clean"], "--levels clean leaves no level to test."),
        (["--detect", "3", "--levels", "sentance"], "sentence"),
        (["--detect", "0"], "--detect 0 must lie between 0 and 100."),
        (["--detect", "3", "--baseline-accuracy", "80"], "--baseline-accuracy 80 must lie"),
        (["--detect", "3", "--from", "nowhere"], "nowhere is not a run directory"),
        (["--detect", "nan"], "--detect nan must lie between"),
    ],
)
def test_what_cannot_be_planned_is_one_line(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harness(["plan", *options]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
