"""A model's rewordings: asked for where wordings are few, kept, and never asked for twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.api.hardening_data import Material, read_material, reword, wants_rewording
from harness.core.errors import UsageError
from harness.core.progress import NoProgress
from harness.hardening.config import HardenConfig
from harness.hardening.folder import Folder, State, open_state
from harness.hardening.split import FEWEST_WORDINGS
from tests.support.hardening_task import INSTRUCTIONS, write_rows, write_task
from tests.support.parrot import Parrot

LINES = [
    "What colour does this object have?",
    "Tell me which colour it comes in.",
    "Name the shade of this item.",
    "Decide whether its paint is red.",
    "Is the thing painted in red?",
    "Check the object's hue for red.",
    "Judge by hue if this object counts as red.",
]


@pytest.fixture
def config(tmp_path: Path) -> HardenConfig:
    write_rows(tmp_path / "train.jsonl", range(20))
    write_rows(tmp_path / "test.jsonl", range(100, 110))
    task = write_task(tmp_path / "red.yaml", ["Look at the colour. Answer with 'yes' or 'no'."])
    return HardenConfig(
        model="any", task=str(task), train=tmp_path / "train.jsonl", out=tmp_path / "ckpt"
    )


def begin(config: HardenConfig) -> tuple[Material, Folder, State]:
    folder = Folder(config.out)
    folder.work.mkdir(exist_ok=True)
    return read_material(config), folder, open_state(folder, config.identity(), fresh=False)


@pytest.fixture(autouse=True)
def _no_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perturbations.similarity.load_encoder", lambda: lambda first, second: 0.9)


def with_model(monkeypatch: pytest.MonkeyPatch, model: Any) -> None:
    monkeypatch.setattr("harness.api.hardening_data.load_model", lambda spec: model)


def test_a_model_rewords_once_and_a_second_call_reads_what_it_wrote(
    config: HardenConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    material, folder, state = begin(config)
    assert (material.wordings, wants_rewording(config, material)) == (1, True)
    parrot = Parrot(LINES)
    with_model(monkeypatch, parrot)
    grown, after = reword(config, material, folder, state, NoProgress)
    assert grown.wordings >= FEWEST_WORDINGS
    assert after.reworded
    assert grown.task.model_written == set(grown.task.paraphrases["task-1"])
    assert all("'yes'" in text and "'no'" in text for text in grown.task.paraphrases["task-1"])

    asked = len(parrot.asked)
    material, folder, state = begin(config)
    again, _ = reword(config, material, folder, state, NoProgress)
    assert again.task.paraphrases == grown.task.paraphrases
    assert len(parrot.asked) == asked


def test_a_model_that_cannot_draw_texts_cannot_reword(
    config: HardenConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_model(monkeypatch, object())
    with pytest.raises(UsageError, match=r"any cannot go on with a text.*cannot reword"):
        reword(config, *begin(config), NoProgress)


def test_no_model_is_asked_where_wordings_are_enough_or_none_is_wanted(
    config: HardenConfig,
) -> None:
    many = [f"{text} ({n})" for n in range(2) for text in INSTRUCTIONS]
    write_task(Path(config.task), many)
    assert not wants_rewording(config, read_material(config))
    named = config.model_copy(update={"reworder": "other"})
    assert wants_rewording(named, read_material(named))
    none = config.model_copy(update={"reworder": "none"})
    assert not wants_rewording(none, read_material(none))
