"""lm-eval's logs as runs: the same accuracies, and what is said where there is no run in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.cli.app import run as harness
from harness.core.errors import HarnessError, NothingToEvaluateError, UsageError
from harness.core.records import Level
from harness.logs.import_logs import import_logs
from harness.logs.lm_eval import read_lm_eval
from harness.results.rundir import RunDirectory, load_run
from tests.support.foreign_logs import DATE, lm_eval_choice, lm_eval_text, save_lm_eval

Samples = list[dict[str, Any]]
LIKELY = {"negative": [-1.0, -2.0], "positive": [-2.0, -1.0]}


def _samples(answers: str) -> Samples:
    """A sample per letter: n or p is what the model says; the gold labels are n, p, n, p …"""
    said = {"n": LIKELY["negative"], "p": LIKELY["positive"]}
    return [lm_eval_choice(doc, doc % 2, said[one]) for doc, one in enumerate(answers)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three tasks that are one under three prompts, right on 6, 3 and 5 of 6 documents."""
    tasks = {
        "sst2": _samples("npnpnp"),
        "sst2_typos": _samples("npnnpn"),
        "sst2_short": _samples("npnpnn"),
    }
    return save_lm_eval(tmp_path / "out" / "org__base", tasks)


def test_tasks_of_a_folder_have_the_accuracies_that_lm_eval_prints(
    folder: Path, tmp_path: Path
) -> None:
    run = import_logs([folder.parent], out=tmp_path / "run").run
    found = {name: task.levels["clean"].accuracy for name, task in run.summary.tasks.items()}
    assert {name: one.value for name, one in found.items() if one} == {
        "sst2": 1.0,
        "sst2_typos": 0.5,
        "sst2_short": pytest.approx(5 / 6, abs=1e-6),
    }
    assert {task.metric for task in run.summary.tasks.values()} == {"acc"}


def test_prompts_of_one_task_become_variants_at_the_levels_that_were_said(
    folder: Path, tmp_path: Path
) -> None:
    levels: dict[str, Level] = {"sst2_typos": "character", "sst2_short": "semantic"}
    run = import_logs([folder], out=tmp_path / "run", as_variants="mood", levels=levels).run
    task = run.summary.tasks["mood"]
    drops = {name: stats.drop for name, stats in task.levels.items() if name != "clean"}
    assert {name: one.value for name, one in drops.items() if one} == {
        "character": 0.5,
        "semantic": pytest.approx(1 / 6, abs=1e-6),
    }
    assert [one.text for one in run.variant_records] == [
        "{{sentence}} sst2?", "{{sentence}} sst2_typos?", "{{sentence}} sst2_short?",
    ]  # fmt: skip
    assert {one.original for one in run.variant_records} == {"{{sentence}} sst2?"}


def test_without_levels_the_prompts_are_clean_instructions(folder: Path, tmp_path: Path) -> None:
    run = import_logs([folder], out=tmp_path / "run", as_variants="mood").run
    clean = run.summary.levels["clean"]
    assert (clean.prompts, clean.cells) == (3, 18)
    assert clean.worst_prompt_accuracy is not None
    assert clean.worst_prompt_accuracy.value == 0.5


def test_an_imported_run_says_what_it_is_and_is_sealed(folder: Path, tmp_path: Path) -> None:
    import_logs([folder], out=tmp_path / "run")
    run = load_run(tmp_path / "run")  # checks shape and seal
    imported = run.manifest["imported"]
    assert (imported["tool"], imported["version"]) == ("lm-eval", "0.4.13")
    assert {file["name"] for file in imported["files"]} == {p.name for p in folder.iterdir()}
    assert any("acc_norm" in note for note in run.manifest["notes"])
    (run.path / "summary.json").write_text("{}")
    with pytest.raises(UsageError, match="is not the run that"):
        load_run(run.path)


def test_likelihoods_are_carried_and_each_metric_has_its_own_answer(tmp_path: Path) -> None:
    # -1.7 / 8 letters beats -1.5 / 8 letters nowhere: the options are of one length.
    sample = lm_eval_choice(0, 1, [-1.5, -1.7])
    sample["arguments"]["gen_args_1"]["arg_1"] = " most positive"
    log = read_lm_eval(_one(tmp_path, [sample, lm_eval_choice(1, 0, [-1.0, -9.0])]))
    row = log.rows[0]
    assert row.likelihoods == (-1.5, -1.7)
    assert (row.scored["acc"].answer, row.scored["acc_norm"].answer) == (0, 1)


def _one(tmp_path: Path, samples: Samples, name: str = "sst2") -> Path:
    save_lm_eval(tmp_path / "one", {name: samples})
    return tmp_path / "one" / f"samples_{name}_{DATE}.jsonl"


def test_filters_are_metrics_and_unread_answers_are_unparsed(tmp_path: Path) -> None:
    samples = [
        *lm_eval_text(0, "4", "It is 4.", {"strict": "[invalid]", "flexible": "4"}),
        *lm_eval_text(1, "5", "#### 5", {"strict": "5", "flexible": "5"}),
    ]
    path = _one(tmp_path, samples, "sums")
    first = import_logs([path], out=tmp_path / "a").run
    second = import_logs([path], out=tmp_path / "b", metric="exact_match,flexible").run
    stats = [run.summary.levels["clean"] for run in (first, second)]
    assert [one.accuracy.value for one in stats if one.accuracy] == [0.5, 1.0]
    assert [one.unparsed_rate.value for one in stats if one.unparsed_rate] == [0.5, 0.0]
    assert list(first.samples["text"]) == ["It is 4.", "#### 5"]


def test_two_imported_models_are_compared_and_judged(folder: Path, tmp_path: Path) -> None:
    tasks = {"sst2": _samples("npnppn"), "sst2_typos": _samples("nppnpn")}
    other = save_lm_eval(tmp_path / "other", tasks, model="org/tuned")
    for name, source in (("base", folder), ("tuned", other)):
        import_logs([source], out=tmp_path / name)
    runs = [str(tmp_path / name) for name in ("base", "tuned")]
    policy = tmp_path / "policy.yaml"
    policy.write_text("rules:\n  - {metric: accuracy, level: clean, min: 0.1}\n")
    assert harness(["compare", *runs, "--shared"]) == 0
    assert harness(["report", runs[0]]) == 0
    assert harness(["export", runs[0]]) == 0
    judged = ["check", "--candidate", runs[1], "--baseline", runs[0], "--policy", str(policy)]
    assert harness([*judged, "--shared"]) == 0


def test_the_same_logs_again_leave_the_same_run(folder: Path, tmp_path: Path) -> None:
    ids = [import_logs([folder], out=tmp_path / "run").run.manifest["run_id"] for _ in range(2)]
    assert ids[0] == ids[1]
    with pytest.raises(UsageError, match="another configuration"):
        import_logs([folder], out=tmp_path / "run", as_variants="mood")


def test_an_imported_run_cannot_be_resumed(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import_logs([folder], out=tmp_path / "run")
    with pytest.raises(UsageError, match="imported from lm-eval: it cannot be resumed"):
        RunDirectory(tmp_path / "run").open({"identity": {}, "content": {}}, fresh=False)
    assert harness(["prompts", str(tmp_path / "run")]) == 2
    assert "its prompts were made by another tool" in capsys.readouterr().err


def _without(key: str) -> Callable[[Samples], Samples]:
    return lambda samples: [{k: v for k, v in one.items() if k != key} for one in samples]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without("doc_id"), "line 1: the sample has no doc_id"),
        (_without("resps"), "not a sample of lm-eval"),
        (lambda samples: [*samples, samples[0]], "line 5: .* stands there twice"),
        (lambda samples: [{**one, "acc": float("nan")} for one in samples], "no number per"),
        (lambda samples: [{**one, "acc": 7, "acc_norm": -1} for one in samples], "from 7 to 7"),
        (lambda samples: [{**one, "metrics": None} for one in samples], "it has none"),
    ],
)
def test_samples_that_make_no_run_are_one_line(
    tmp_path: Path, change: Callable[[Samples], Samples], message: str
) -> None:
    samples = [{**one, "acc_norm": None} for one in _samples("npnp")]
    path = _one(tmp_path, change(samples))
    with pytest.raises(HarnessError, match=message) as raised:
        import_logs([path], out=tmp_path / "run")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run").exists()


def test_rows_without_a_number_are_left_out_and_said(tmp_path: Path) -> None:
    samples = _samples("npnp")
    samples[2]["acc"] = float("nan")
    imported = import_logs([_one(tmp_path, samples)], out=tmp_path / "run")
    assert len(imported.run.samples) == 3
    assert any("1 of 4 rows" in note and "'2'" in note for note in imported.lost)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b'{"doc_id": 0, "doc": {}', "line 1: not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_broken_files_are_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "samples_x.jsonl"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        import_logs([path])


def test_prompts_that_share_no_example_or_differ_in_one_are_refused(tmp_path: Path) -> None:
    away = [{**one, "doc_id": one["doc_id"] + 100} for one in _samples("npnp")]
    folder = save_lm_eval(tmp_path / "a", {"one": _samples("npnp"), "two": away})
    with pytest.raises(NothingToEvaluateError, match="two shares no example with one"):
        import_logs([folder], as_variants="mood")
    other = _samples("npnp")
    other[1]["doc"] = {"sentence": "something else"}
    folder = save_lm_eval(tmp_path / "b", {"one": _samples("npnp"), "two": other})
    with pytest.raises(UsageError, match="the example '1' has another content in two"):
        import_logs([folder], as_variants="mood")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--level", "typos=sst2"], "unknown level 'typos'"),
        (["--level", "character"], "is not LEVEL=NAME"),
        (["--level", "character=sst2_typo"], "Did you mean 'sst2_typos'"),
        (["--level", "character=sst2_typos"], "no clean prompt"),
        (["--metric", "acc_nrom"], "Did you mean 'acc_norm'"),
        (["--metric", "f1"], "f1 of sst2 cannot be carried: it has no number"),
        (["--model", "org/bse"], "Did you mean 'org/base'"),
        (
            ["--as-variants", "mood", "--level", "word=sst2_typos", "--level", "word=sst2_typos"],
            "twice",
        ),
        (["--as-variants", "mood", "--level", "word=sst2_typos"], "sst2, sst2_short could be"),
    ],
)
def test_options_that_do_not_fit_say_what_to_type(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert harness(["import", str(folder), *options]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_logs_of_two_models_are_two_runs(folder: Path, tmp_path: Path) -> None:
    other = save_lm_eval(tmp_path / "other", {"sst2": _samples("nn")}, model="org/tuned")
    with pytest.raises(UsageError, match="of 2 models: org/base, org/tuned"):
        import_logs([folder, other])
    run = import_logs([folder, other], model="org/tuned", out=tmp_path / "run").run
    assert run.manifest["model"]["name"] == "org/tuned"
    assert len(run.samples) == 2


def test_samples_alone_need_the_name_of_their_model(tmp_path: Path) -> None:
    path = tmp_path / "samples_sst2.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in _samples("npnp")))
    with pytest.raises(UsageError, match="does not say which model"):
        import_logs([path])
    imported = import_logs([path], model="mine", out=tmp_path / "run")
    assert any("no results_DATE.json beside it" in note for note in imported.lost)


def test_hostile_texts_stay_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = _samples("npnp")
    samples[0]["doc"] = {"sentence": "\ud800<script>alert(1)</script>\x1b[31m\x00=1+1"}
    name = "..\x1b[2J<b>"
    folder = save_lm_eval(tmp_path / "in", {name: samples}, model="../../<img src=x>\x1b[2J")
    out = tmp_path / "run"
    assert harness(["import", str(folder), "--out", str(out)]) == 0
    assert harness(["report", str(out)]) == 0
    assert "\x1b[2J" not in capsys.readouterr().out
    assert "<script>alert(1)" not in (out / "report.html").read_text("utf-8")
    assert load_run(out).examples["input"].str.contains("\N{REPLACEMENT CHARACTER}").any()
