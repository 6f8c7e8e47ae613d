"""Runs at a temperature: draws per cell, their numbers, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.api.tasks import parse_task
from harness.comparison.comparable import find_differences, run_data
from harness.core.errors import UsageError
from harness.core.records import Cell, Example, Variant
from harness.evaluation.config import RunConfig
from harness.evaluation.execute import execute
from harness.evaluation.prepare import prepare
from harness.grading import Grade
from harness.prompting.scoring import score_draws
from harness.results.export import export_samples
from harness.results.rundir import Run
from reports.html import render_html
from reports.markdown import render_markdown
from reports.view import build_view
from tests.support.tiny_models import make_checkpoint

WORDS = ["a", "e", "i", "o"]


def task() -> dict[str, Any]:
    rows = [{"text": f"Letter {n}", "label": WORDS[n % 4]} for n in range(8)]
    return {
        "name": "letters",
        "input": "{{ text }}",
        "labels": WORDS,
        "instructions": ["Name a letter.", "Say one letter.", "Which letter is it?"],
        "source": {"rows": rows},
    }


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("model"), "llama", "bytes")


def config(model: Path, out: Path, **options: Any) -> RunConfig:
    chosen: dict[str, Any] = {
        "perturbations": ("keyboard",), "cache": False, "full": True, "temperature": 1.0,
        "repeats": 3, "max_new_tokens": 12, "resamples": 200, "window": 10, **options,
    }  # fmt: skip
    return RunConfig(model=str(model), tasks=("letters",), out=out, device="cpu", **chosen)


def sample(model: Path, out: Path, **options: Any) -> Run:
    specs = (parse_task(task()),)
    return execute(prepare(config(model, out, **options), specs=specs), command="test")


@pytest.fixture(scope="module")
def run(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return sample(model, tmp_path_factory.mktemp("runs") / "run")


def test_a_cell_is_the_mean_of_its_draws(run: Run) -> None:
    draws = run.draws
    assert draws is not None
    means = draws.groupby(["variant_id", "example_id"])["score"].agg(["mean", "count"])
    assert set(means["count"]) == {3}
    samples = run.samples.set_index(["variant_id", "example_id"])["score"]
    assert len(samples) == len(means)
    assert samples.to_dict() == pytest.approx(means["mean"].to_dict())
    assert len(set(draws["text"])) > len(draws) / 4  # or else nothing was drawn


def test_the_summary_says_what_draws_say(run: Run) -> None:
    summary = run.summary
    assert set(summary.sampling) == set(summary.levels) == {"clean", "character"}
    assert summary.sampling == summary.tasks["letters"].sampling
    clean = summary.sampling["clean"]
    assert (clean.repeats, clean.cells) == (3, 24)
    assert clean.pass_at_1 == summary.levels["clean"].accuracy
    assert clean.pass_all is not None
    assert clean.pass_any is not None
    assert clean.pass_at_1 is not None
    assert clean.pass_all.value <= clean.pass_at_1.value <= clean.pass_any.value
    content = json.loads((run.path / "summary.json").read_text())
    assert content["sampling"]["clean"]["sampling_variance_ci"] is not None


@pytest.mark.parametrize("window", [1, 1000])
def test_windows_change_nothing(model: Path, run: Run, tmp_path: Path, window: int) -> None:
    other = sample(model, tmp_path / "other", window=window)
    assert other.draws is not None
    assert run.draws is not None
    assert other.draws.equals(run.draws)
    assert (other.path / "summary.json").read_bytes() == (run.path / "summary.json").read_bytes()


def test_a_resumed_run_is_equal(model: Path, run: Run, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    class Killed:
        windows = 0

    from harness.results.store import SampleStore

    write, seen = SampleStore.write, Killed()

    def dying(self: SampleStore, *args: Any) -> None:
        seen.windows += 1
        if seen.windows == 3:
            raise Stop
        write(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SampleStore, "write", dying)
        with pytest.raises(Stop):
            sample(model, tmp_path / "run")
    resumed = sample(model, tmp_path / "run")
    assert (resumed.path / "summary.json").read_bytes() == (run.path / "summary.json").read_bytes()


def test_cached_draws_are_the_same(
    model: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    first = sample(model, tmp_path / "first", cache=True)
    again = sample(model, tmp_path / "again", cache=True)
    assert first.draws is not None
    assert again.draws is not None
    assert again.draws.equals(first.draws)
    assert again.manifest["timing"]["cache_hits"] >= len(first.samples)
    more = sample(model, tmp_path / "more", cache=True, repeats=4)
    assert more.draws is not None
    kept = more.draws[more.draws["place"] < 3].reset_index(drop=True)
    assert kept.equals(first.draws)


def test_exports_hold_the_draws(run: Run, tmp_path: Path) -> None:
    lines = export_samples(run.path, file_format="jsonl", out=tmp_path / "s.jsonl").read_text()
    row = json.loads(lines.splitlines()[0])
    assert len(row["draws"]) == 3
    assert set(row["draws"][0]) == {"prediction", "score", "text"}
    assert row["score"] == pytest.approx(sum(one["score"] for one in row["draws"]) / 3)
    table = export_samples(run.path, file_format="csv", out=tmp_path / "s.csv").read_text()
    assert '""prediction""' in table


def test_reports_set_sampling_and_phrasing_apart(run: Run) -> None:
    view = build_view([run])
    markdown, page = render_markdown(view), render_html(view)
    assert "## Sampling and phrasing" in markdown
    assert "Answers were drawn 3 times per cell." in markdown
    share = f"{100 * run.summary.sampling['character'].pass_any.value:.1f}%"  # type: ignore[union-attr]
    (row,) = (
        line
        for line in markdown.split("## Sampling and phrasing")[1].splitlines()
        if line.startswith("| character")
    )
    assert share in row
    assert 'id="sampling"' in page
    assert share in page


def test_unlike_runs_are_told_apart(model: Path, run: Run, tmp_path: Path) -> None:
    greedy = sample(model, tmp_path / "greedy", temperature=0.0, repeats=1, scorers=("generate",))
    assert not greedy.summary.sampling
    assert "Sampling and phrasing" not in render_markdown(build_view([greedy]))
    assert "sampling" not in json.loads((greedy.path / "summary.json").read_text())
    found = find_differences(run_data(run), run_data(greedy)).settings
    assert found == (
        "--temperature: run has 1.0, greedy has 0.0",
        "--repeats: run has 3, greedy has 1",
    )


def test_greedy_runs_are_called_as_ever(model: Path, tmp_path: Path) -> None:
    greedy = config(model, tmp_path, temperature=0, repeats=1).identity()
    assert not {"temperature", "repeats"} & set(greedy)
    assert config(model, tmp_path).identity()["repeats"] == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"temperature": 0.0, "repeats": 5},
            "--repeats 5 without --temperature: greedy text is the same every time.",
        ),
        (
            {"scorers": ("loglik", "generate")},
            "--temperature 1 draws text, and the scorer loglik reads likelihoods, which are the "
            "same every time.",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(
    model: Path, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        sample(model, tmp_path / "run", **options)
    assert caught.value.message == message


def test_the_answer_is_the_most_frequent_one() -> None:
    cell = Cell(
        Variant("v", "t", "clean", "clean", "i", 0, 0, "Do.", "Do."), Example("e", {}, "", "a")
    )
    grades = [Grade(0, None), Grade(1, "a"), Grade(0, "b"), Grade(1, "a"), Grade(0, None)]
    sampled = score_draws(cell, list("vwxyz"), grades)
    assert (sampled.prediction, sampled.text, sampled.parsed) == (None, "v", False)
    sampled = score_draws(cell, list("wxy"), grades[1:4])
    assert (sampled.prediction, sampled.text) == ("a", "w")
    assert sampled.score == pytest.approx(2 / 3)
    assert sampled.correct
