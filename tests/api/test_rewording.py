"""A run whose instructions a model rewords first."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

import harness
from harness.cli.app import run as cli
from harness.core.errors import ExitCode, UsageError
from harness.core.progress import NoProgress
from harness.paraphrasing import Bank, ParaphraseConfig, read_bank, write_bank
from harness.paraphrasing.write import write_paraphrases
from tests.support.checkpoints import save_tiny_llama

TASK: dict[str, Any] = {
    "name": "films",
    "labels": ["good", "bad"],
    "instructions": [{"id": "plain", "text": "Read the review of a film. Is it 'good' or 'bad'?"}],
    "input": "{{ text }}",
    "source": {"file": "films.jsonl"},
}
REWORDED = "Look at what the critic wrote. Is it 'good' or 'bad'?"
BANK = Path("runs/paraphrases/tiny/films.yaml")


class Notes(NoProgress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a model and a task."""
    save_tiny_llama(tmp_path / "tiny", context=2048)
    (tmp_path / "films.yaml").write_text(yaml.safe_dump(TASK), encoding="utf-8")
    rows = [f'{{"text": "film {n}", "label": "{("good", "bad")[n % 2]}"}}\n' for n in range(4)]
    (tmp_path / "films.jsonl").write_text("".join(rows), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    few_draws = partial(ParaphraseConfig, rounds=1)
    monkeypatch.setattr("harness.api.rewording.ParaphraseConfig", few_draws)
    return tmp_path


def evaluate(**options: Any) -> harness.Run:
    return harness.run("tiny", tasks="films.yaml", levels="semantic", scorers="loglik", **options)


def with_a_paraphrase(path: Path) -> Bank:
    """The bank in a file, as if the model had found one more rewording."""
    bank = read_bank(path)
    parts = {**bank.parts, "Read the review of a film.": ("Look at what the critic wrote.",)}
    there = replace(bank, parts=parts, paraphrases={"plain": (REWORDED,)})
    write_bank(there, path)
    return there


def test_the_bank_is_written_once_and_asked_ever_after(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate(paraphrase_with="tiny")
    bank = with_a_paraphrase(BANK)
    assert bank.model == "tiny"
    assert bank.drawn == {"Read the review of a film.": 3}
    monkeypatch.setattr("harness.paraphrasing.write.draw_answers", None)  # no draw is left
    run = evaluate(paraphrase_with="tiny", per_perturbation=4)
    texts = {v.text: v.semantic_source for v in run.variant_records if v.level == "semantic"}
    assert texts[REWORDED] == "model"
    assert evaluate(paraphrases=BANK, per_perturbation=4).path == run.path
    assert evaluate(paraphrases=BANK.parent, per_perturbation=4).path == run.path


def test_a_run_that_is_stopped_while_it_rewords_goes_on_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_after_two(model: Any, task: Any, *args: Any, save: Any, **more: Any) -> Bank:
        def save_and_stop(bank: Bank) -> None:
            save(bank)
            if max(bank.drawn.values()) == 2:
                raise KeyboardInterrupt

        return write_paraphrases(model, task, *args, save=save_and_stop, **more)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("harness.api.rewording.write_paraphrases", stop_after_two)
        evaluate(paraphrase_with="tiny")
    assert not list(Path("runs").glob("tiny-*"))
    stopped = read_bank(BANK)
    evaluate(paraphrase_with="tiny")
    went_on = read_bank(BANK)
    BANK.unlink()
    evaluate(paraphrase_with="tiny")
    assert stopped.drawn == {"Read the review of a film.": 2}
    assert read_bank(BANK) == went_on


def test_a_dry_run_writes_no_bank_and_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = "run -m tiny --task films.yaml --scorer loglik --paraphrase-with tiny --dry-run"
    assert cli(line.split()) == 0
    said = capsys.readouterr().err
    assert "not planned: paraphrases of films, which tiny writes before the run, into runs/" in said
    assert not Path("runs").exists()


CONFIGS: dict[str, dict[str, Any]] = {
    "encoder": {"model_type": "bert", "architectures": ["BertForMaskedLM"]},
    "classifier": {"model_type": "deberta-v2", "architectures": ["DebertaV2Model"]},
    "encoder-decoder": {"model_type": "t5", "is_encoder_decoder": True},
}


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        *(("run", kind) for kind in [*CONFIGS, "adapter", "nowhere", "no/such/path"]),
        *(("paraphrase", kind) for kind in ("encoder", "nowhere")),
        *(("harden", kind) for kind in ("encoder", "nowhere")),
    ],
)
def test_what_cannot_reword_is_refused_before_any_weights_are_read(
    folder: Path, command: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, config in {**CONFIGS, "adapter": {}}.items():
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(json.dumps(config))
    (folder / "adapter" / "config.json").unlink()
    adapter = json.dumps({"base_model_name_or_path": "encoder-decoder"})
    (folder / "adapter" / "adapter_config.json").write_text(adapter)
    rows = [{"text": f"other {n}", "label": ("good", "bad")[n % 2]} for n in range(40)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines = {
        "run": f"run -m tiny --task films.yaml --paraphrase-with {kind} --dry-run",
        "paraphrase": f"paraphrase -m {kind} --task films.yaml",
        "harden": "harden -m tiny --task films.yaml --train rows.jsonl --out hard --dry-run "
        f"--reworder {kind}",
    }
    assert cli(lines[command].split()) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert ("cannot reword" in said) == (kind in {*CONFIGS, "adapter"}), said
    assert kind in said
    assert said.count("\n") == 1


def test_several_models_share_the_banks(folder: Path) -> None:
    save_tiny_llama(folder / "other", seed=1, context=2048)
    line = "run -m tiny -m other --task films.yaml --levels semantic --scorer loglik -q"
    assert cli([*line.split(), "--paraphrase-with", "tiny"]) == 0
    assert [path.name for path in Path("runs/paraphrases").iterdir()] == ["tiny"]
    runs = [harness.load_run(path.parent) for path in Path("runs").glob("*/run.json")]
    assert len({run.manifest["content"]["variants"] for run in runs}) == 1
    assert len(runs) == 2


def test_without_a_task_it_is_the_starter_suite_that_is_reworded(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = "run -m tiny --levels semantic --limit 2 --scorer loglik --paraphrase-with tiny"
    assert cli([*line.split(), "--dry-run"]) == 0
    assert "paraphrases of sentiment, inference" in " ".join(capsys.readouterr().err.split())


def test_what_does_not_go_together_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="paraphrase_with has one written"):
        evaluate(paraphrases="bank.yaml", paraphrase_with="tiny")
    with pytest.raises(UsageError, match="others written"):
        evaluate(variants="texts.jsonl", paraphrase_with="tiny")
    with pytest.raises(UsageError, match="nowhere"):
        evaluate(paraphrase_with="nowhere")


def test_a_folder_without_a_bank_of_the_tasks_is_named(folder: Path) -> None:
    (folder / "banks").mkdir()
    with pytest.raises(UsageError, match="no paraphrase bank of films"):
        evaluate(paraphrases="banks")
