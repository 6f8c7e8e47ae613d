"""`harness explain` as a whole: on a run of a tiny model, resumed, refused, from Python."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import harness
from harness.cli.app import run as command
from harness.core.errors import ExitCode, UsageError
from harness.explanation.measures import mean_of, observe
from harness.explanation.ready import ready
from harness.explanation.store import ATTRIBUTIONS
from harness.explanation.summarize import gather
from harness.models import ModelSpec, load_model
from harness.results.explanation import EXPLANATION, read_explanation
from harness.results.manifest import seal
from harness.results.rundir import load_run
from tests.support.tiny_gguf import write_tiny_gguf
from tests.support.tiny_models import make_checkpoint
from tests.support.victims import write_task

RUN = [
    "--perturbations", "keyboard,swap,politeness,checklist-url", "--device", "cpu", "--no-cache",
    "--quiet", "--resamples", "100", "--full",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models of one kind, a task, a run of each, and one whose answers are generated."""
    folder = tmp_path_factory.mktemp("explained")
    task = write_task(folder, examples=6)
    for name, seed in (("base", 0), ("tuned", 1)):
        make_checkpoint(folder / f"{name}-model", seed=seed)
        own = ["--model", str(folder / f"{name}-model"), "--out", str(folder / name)]
        assert command(["run", *own, "--task", str(task), "--scorer", "loglik", *RUN]) == 0
    text = ["--model", str(folder / "base-model"), "--out", str(folder / "text")]
    assert (
        command(
            ["run", *text, "--task", str(task), "--scorer", "generate", "--instructions", "1", *RUN]
        )
        == 0
    )
    return folder


@pytest.fixture
def base(folder: Path, tmp_path: Path) -> Path:
    """A copy of the first run, not explained yet."""
    return Path(shutil.copytree(folder / "base", tmp_path / "base"))


def rows(run: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(run / ATTRIBUTIONS)) as db:
        return db.execute("SELECT * FROM attributions ORDER BY 1, 2, 3, 4").fetchall()


def test_a_run_is_explained_from_python(base: Path) -> None:
    explained = harness.explain(base, sample=12, worst=2, checked=2)
    frame, model = explained.frame, explained.summary.models[0]
    assert explained.summary.sampled == 12
    assert set(model.levels) == {"clean", "character", "sentence"}
    assert model.levels["character"].cells + model.levels["sentence"].cells == 12
    cells = frame.groupby(["variant_id", "example_id"])
    assert len(cells) == model.cells
    # Density is counted among the words of the task alone; shares are of all.
    assert (frame.loc[frame["part"].isin(["layout", "special"]), "density"] == 0).all()
    assert (cells["density"].max() == 1).mean() > 0.8  # a saturated answer hangs on no word
    assert (cells["share"].sum() <= 1.001).all()
    inserted = frame[frame["fate"] == "inserted"]
    assert set(inserted["level"]) == {"sentence"}
    assert frame.loc[frame["level"] == "clean", "fate"].isna().all()
    assert explained.plot("shift").to_dict()["title"]["text"].startswith("Shift of density")
    assert repr(explained).startswith("Explanation(")
    assert model.faithfulness is not None
    assert model.faithfulness.cells == 2
    assert model.faithfulness.deletion is not None
    assert read_explanation(base, explained.run.manifest["run_id"]) == explained.summary


def test_means_are_those_of_the_words(base: Path) -> None:
    explained = harness.explain(base, sample=12, worst=0, checked=0)
    frame = explained.frame
    words = frame[(frame["part"] == "instruction") & (frame["level"] == "sentence")]
    by_cell = words.groupby(["variant_id", "example_id"], observed=True)["density"].mean()
    expected = by_cell.groupby("variant_id").mean().mean()
    found = explained.summary.models[0].levels["sentence"].measures["instruction"]
    assert found.value == pytest.approx(expected, abs=1e-5)
    assert found.interval is not None
    assert found.interval[0] <= found.value <= found.interval[1]


def test_an_explanation_that_was_killed_goes_on(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.explanation import attribute as job

    whole = harness.explain(base, sample=20, checked=0).summary
    stored = rows(base)
    (base / ATTRIBUTIONS).unlink()
    (base / EXPLANATION).unlink()
    monkeypatch.setattr(job, "WINDOW", 8)
    real, seen = job._attribution, 0

    def dies(*given: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen > 13:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(job, "_attribution", dies)
    with pytest.raises(KeyboardInterrupt):
        harness.explain(base, sample=20, checked=0)
    assert len(rows(base)) == 8
    monkeypatch.setattr(job, "_attribution", real)
    again = harness.explain(base, sample=20, checked=0).summary
    assert [row[:6] for row in rows(base)] == [row[:6] for row in stored]
    assert again.models[0].cells == whole.models[0].cells
    level, measure = "character", "instruction_share"
    values = [one.models[0].levels[level].measures[measure].value for one in (whole, again)]  # type: ignore[index]
    assert values[0] == pytest.approx(values[1], abs=1e-4)


def test_a_tuned_model_stands_beside_its_base(base: Path, folder: Path) -> None:
    explained = harness.explain(base, tuned=folder / "tuned", sample=12, worst=2, checked=0)
    names = [model.name for model in explained.summary.models]
    assert [Path(name).name for name in names] == ["base-model", "tuned-model"]
    assert explained.summary.gains["clean"]["instruction"].interval is not None
    assert set(explained.frame["model"]) == set(names)
    levels = [model.levels["character"] for model in explained.summary.models]
    first, second = (level.measures["instruction"].value for level in levels)
    gain = explained.summary.gains["character"]["instruction"].value
    assert gain == pytest.approx(second - first, abs=1e-6)
    assert not (folder / "tuned" / ATTRIBUTIONS).exists()


def test_layers_of_two_models_are_compared(base: Path, folder: Path) -> None:
    with pytest.raises(UsageError, match="layers compares the layers of two models"):
        harness.explain(base, layers=True)
    explained = harness.explain(
        base, tuned=folder / "tuned", layers=True, sample=6, worst=0, checked=0
    )
    changes = explained.summary.layers
    assert changes is not None
    assert explained.layers["layer"].tolist() == [0, 1]
    assert explained.layers["rotation"].between(0, 1).all()
    assert explained.layers["angle"].between(0, 90).all()
    # The two are drawn apart, each weight with the same spread: the change is sqrt(2) of the size.
    assert explained.layers["weights"].tolist() == pytest.approx([2**0.5] * 2, rel=0.1)
    assert [one.chosen for one in changes.swaps] == ["most changed", "least changed"]
    assert {one.layer for one in changes.swaps} == {0, 1}
    assert all(one.moved > 0 for one in changes.swaps)
    # The tuned model's loss by labels' likelihoods is what its run has.
    # Asked anew with its own layers, the tuned model loses what it lost in its run.
    pairs = gather(explained.plan, load_run(folder / "tuned")).sampled
    own = mean_of((observe(one, one.loss) for one in pairs), "ratio", 0.95)
    assert changes.pairs == len(pairs) == 6
    assert changes.loss is not None
    assert own is not None
    assert changes.loss.value == pytest.approx(own.value, abs=1e-4)
    assert "What tuning changed inside" in (base / "report.html").read_text()
    assert "What tuning changed inside" in (base / "report.md").read_text()


def test_the_right_answer_can_be_explained_instead(base: Path) -> None:
    own = harness.explain(base, sample=12, checked=0).frame
    gold = harness.explain(base, sample=12, answers="gold", checked=0).frame
    assert set(own["said"]) <= {"positive", "negative"}
    right = {str(n): ("negative", "positive")[n % 2] for n in range(6)}
    assert (gold["said"] == gold["example_id"].map(right)).all()


def test_what_a_model_generated_is_explained_and_empty_answers_are_left_out(
    folder: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(folder / "text", tmp_path / "text"))
    with closing(sqlite3.connect(run / "samples.sqlite")) as db, db:
        emptied = db.execute("UPDATE samples SET text = ' ' WHERE example_id = '0'").rowcount
    manifest = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(seal(manifest, run)))
    explained = harness.explain(run, sample=1000, checked=0)
    assert explained.summary.models[0].left_out == emptied > 0
    assert "0" not in set(explained.frame["example_id"])
    assert explained.summary.models[0].answer_tokens > 1
    assert explained.summary.models[0].share.with_loss is None


def test_the_command_shows_what_it_would_do_and_what_it_found(
    base: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        command(["explain", str(base), "--sample", "12", "--checked", "1", "--dry-run", "--json"])
        == 0
    )
    planned = json.loads(capsys.readouterr().out)["models"][0]
    assert planned["explained"] == 0
    assert not (base / ATTRIBUTIONS).exists()
    assert command(["explain", str(base), "--sample", "12", "--checked", "1"]) == 0
    shown = capsys.readouterr()
    assert f"{planned['cells']} of {planned['cells']} cells" in shown.err
    assert "rank correlation" in shown.out
    assert (
        command(["explain", str(base), "--sample", "12", "--checked", "1", "--json", "--quiet"])
        == 0
    )
    assert json.loads(capsys.readouterr().out) == json.loads((base / EXPLANATION).read_text())
    assert command(["explain", str(base), "--sample", "12", "--checked", "1", "--dry-run"]) == 0
    assert "explained already" in capsys.readouterr().out


def other_weights(base: Path, folder: Path) -> dict[str, Any]:
    return {"model": str(folder / "tuned-model")}


def served(base: Path, folder: Path) -> dict[str, Any]:
    manifest = json.loads((base / "run.json").read_text())
    manifest["model"]["offer"]["way"] = "forced"
    (base / "run.json").write_text(json.dumps(seal(manifest, base)))
    return {}


def unlike(base: Path, folder: Path) -> dict[str, Any]:
    other = Path(shutil.copytree(folder / "tuned", base.parent / "other"))
    lines = [json.loads(line) for line in (other / "variants.jsonl").read_text().splitlines()]
    changed = (json.dumps({**line, "text": line["text"] + "!"}) + "\n" for line in lines)
    (other / "variants.jsonl").write_text("".join(changed))
    manifest = json.loads((other / "run.json").read_text())
    (other / "run.json").write_text(json.dumps(seal(manifest, other)))
    return {"tuned": other}


def run_by(backend: str, name: str) -> Callable[[Path, Path], dict[str, Any]]:
    def spoil(base: Path, folder: Path) -> dict[str, Any]:
        manifest = json.loads((base / "run.json").read_text())
        manifest["model"] |= {"kind": backend, "name": f"{backend}:{name}"}
        (base / "run.json").write_text(json.dumps(seal(manifest, base)))
        return {}

    return spoil


def quantised(**settings: object) -> Callable[[Path, Path], dict[str, Any]]:
    def spoil(base: Path, folder: Path) -> dict[str, Any]:
        model = Path(shutil.copytree(folder / "base-model", base.parent / "quantised"))
        config = json.loads((model / "config.json").read_text())
        (model / "config.json").write_text(json.dumps({**config, "quantization_config": settings}))
        return {"model": str(model)}

    return spoil


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            run_by("llama.cpp", "tiny.gguf"),
            r"base: llama\.cpp:tiny\.gguf is run by llama\.cpp from quantised weights",
        ),
        (run_by("vllm", "tiny"), r"base: vllm:tiny is run by vLLM, which returns no gradients"),
        (lambda *_: {"model": "vllm:tiny"}, r"^vllm:tiny is run by vLLM"),
        (
            lambda *_: {"model": "llama.cpp:tiny.gguf"},
            r"^llama\.cpp:tiny\.gguf is run by llama\.cpp",
        ),
        (lambda *_: {"model": "openai:gpt"}, r"^openai:gpt was asked at a server"),
        (
            quantised(quant_method="bitsandbytes", load_in_4bit=True),
            r"quantised is quantised \(bitsandbytes, 4 bits\), and words are weighed by gradients",
        ),
        (quantised(load_in_8bit=True), r"\(bitsandbytes, 8 bits\)"),
        (quantised(quant_method="gptq", bits=4, group_size=128), r"\(gptq, 4 bits\)"),
        (quantised(quant_method="awq", bits=4, version="gemm"), r"\(awq, 4 bits\)"),
        (quantised(quant_method="fp8"), r"\(fp8\)"),
        (other_weights, r"has other weights or another tokenizer than the model of"),
        (served, r"was asked at a server, and a server returns no gradients"),
        (unlike, r"has no perturbed cell in common with"),
        (lambda base, _: {"tuned": base}, r"^tuned .*base is the run itself"),
        (lambda *_: {"example_ids": "nine"}, r"unknown example 'nine'\. Available: 0, 1, 2"),
        (lambda *_: {"answers": "god"}, r"unknown answers 'god'\. Did you mean 'gold'"),
        (lambda *_: {"sample": 0}, r"sample 0: input should be greater than or equal to 1"),
    ],
)
def test_what_cannot_be_explained_is_said_in_a_line(
    base: Path, folder: Path, spoil: Callable[[Path, Path], dict[str, Any]], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        harness.explain(base, **spoil(base, folder))


def test_a_model_in_memory_is_taken_if_it_is_the_runs(folder: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    loaded = [
        (AutoModelForCausalLM.from_pretrained(path), AutoTokenizer.from_pretrained(path))
        for path in (folder / "base-model", folder / "tuned-model")
    ]
    task = str(folder / "reviews.yaml")
    run = harness.run(
        loaded[0], tasks=task, scorers="loglik", levels="sentence", instructions=1, resamples=100,
        out=tmp_path / "run", cache=False,
    )  # fmt: skip
    with pytest.raises(UsageError, match="its model was in memory"):
        harness.explain(run)
    with pytest.raises(UsageError, match="has other weights"):
        harness.explain(run, model=loaded[1], sample=3, checked=0)
    assert harness.explain(run, model=loaded[0], sample=3, checked=0).summary.models[0].cells > 3


def test_an_encoder_decoder_is_explained_by_what_its_encoder_reads(
    folder: Path, tmp_path: Path
) -> None:
    make_checkpoint(tmp_path / "t5", "t5", "ended")
    run = harness.run(
        tmp_path / "t5", tasks=str(folder / "reviews.yaml"), scorers="loglik", instructions=1,
        perturbations="politeness", resamples=100, limit=3, out=tmp_path / "run", cache=False,
    )  # fmt: skip
    explained = harness.explain(run, checked=1)
    frame = explained.frame
    # What the tokenizer puts after a text has a word of its own.
    assert set(frame.groupby(["variant_id", "example_id"])["part"].last()) == {"special"}
    assert explained.summary.models[0].levels["sentence"].cells == 3
    assert explained.summary.models[0].faithfulness is not None


def test_a_gguf_is_explained_through_the_weights_that_it_was_converted_to(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    run = harness.run(
        write_tiny_gguf(tmp_path / "tiny.gguf"), tasks=str(folder / "reviews.yaml"),
        scorers="loglik", instructions=1, perturbations="politeness", resamples=100, limit=3,
        out=tmp_path / "run", cache=False,
    )  # fmt: skip
    assert harness.explain(run, checked=1).summary.models[0].levels["sentence"].cells == 3


def test_a_quantised_model_in_memory_is_refused(base: Path, folder: Path) -> None:
    model = load_model(ModelSpec(str(folder / "base-model"), device="cpu"))
    model.network.config.quantization_config = {"quant_method": "awq", "bits": 4}  # type: ignore[attr-defined]
    plan = SimpleNamespace(model=model)
    with pytest.raises(UsageError, match=r"is quantised \(awq, 4 bits\)"):
        ready(load_run(base), plan, "own")  # type: ignore[arg-type]


def test_a_damaged_store_is_named(base: Path) -> None:
    (base / ATTRIBUTIONS).write_bytes(b"no database at all, but long enough to be read as one" * 9)
    with pytest.raises(UsageError, match=r"attributions\.sqlite is damaged"):
        harness.explain(base, sample=2, checked=0)


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("attributions", "logp = logp / 2"), ("attributions", "tokens = tokens + 1"),
        ("attributions", "words = replace(words, 'share', 'shard')"),
        ("checks", "content = replace(content, '0.', '0.9')"),
    ],
)  # fmt: skip
def test_a_row_that_a_disk_changed_is_not_summed_up(base: Path, table: str, change: str) -> None:
    harness.explain(base, sample=2, checked=1)
    with closing(sqlite3.connect(base / ATTRIBUTIONS)) as db, db:
        db.execute(f"UPDATE {table} SET {change}")
    with pytest.raises(UsageError, match="a row is not as it was written"):
        harness.explain(base, sample=2, checked=1)


def test_a_run_that_starts_over_is_no_longer_explained(base: Path, folder: Path) -> None:
    harness.explain(base, sample=2, checked=0)
    task = str(folder / "reviews.yaml")
    own = ["run", "--model", str(folder / "base-model"), "--out", str(base), "--task", task]
    assert command([*own, "--scorer", "loglik", "--fresh", *RUN]) == ExitCode.OK
    assert not (base / ATTRIBUTIONS).exists()
    assert not (base / EXPLANATION).exists()
