"""The first steps of a hardening: wordings, their split, the rows, and the pairs of both arms."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Final

import yaml

from harness.api.pairing import write_pairs_file
from harness.core.atomic import write_text
from harness.core.errors import UsageError
from harness.core.progress import Progress
from harness.core.records import Example
from harness.evaluation.selection import choose_perturbations
from harness.hardening.config import NO_REWORDER, HardenConfig
from harness.hardening.folder import Folder, State, save_state
from harness.hardening.requests import (
    check_rows,
    control_wordings,
    make_control,
    make_requests,
    make_siblings,
    without_tested,
)
from harness.hardening.split import (
    ENOUGH,
    FEWEST_WORDINGS,
    PerturbationSplit,
    Wording,
    WordingSplit,
    collect_wordings,
    split_perturbations,
    split_wordings,
)
from harness.hardening.task_files import Content, over_rows, read_content, with_wordings
from harness.models import load_model
from harness.models.spec import ModelSpec
from harness.paraphrasing import ParaphraseConfig, as_writer, check_writer, write_paraphrases
from harness.tasks import Task, load_task, load_tasks
from harness.tasks.load import build_task
from harness.tasks.paraphrase_bank import Bank, add_bank, read_bank, write_bank
from harness.tasks.sources import data_dir_from_environment
from trainers.pairs import write_pairs
from trainers.pairs.config import PairsConfig

FEWEST_PER_INSTRUCTION: Final = 8
"""Rewordings of each instruction that a model is asked for at least."""


@dataclass(frozen=True, slots=True)
class Material:
    """What a hardening works with: read and checked, nothing of it written yet."""

    content: Content
    path: Path
    """The task's file."""
    task: Task
    """With every rewording that is known."""
    rows: tuple[Example, ...]
    """To train on; none of them is a row of the test."""
    tested: int
    """Rows given that are left out since the task evaluates them."""
    perturbations: PerturbationSplit

    @property
    def wordings(self) -> int:
        """How many there are so far."""
        return len(collect_wordings(self.task))


def read_material(config: HardenConfig) -> Material:
    """Read the task and the rows, and check whatever can be checked before a model is loaded.

    Raises:
        UsageError: a task, a file or a row that cannot be used, or too few wordings and no
            model to reword them.
        NothingToEvaluateError: too few rows that are not tested, or one answer only.
    """
    data_dir = config.data_dir or data_dir_from_environment()
    content, path = read_content(config.task)
    task = load_task(path, data_dir=data_dir)
    if config.bank is not None:
        (task,) = add_bank([task], read_bank(config.bank))
    given = build_task(over_rows(content, config.train), config.train, data_dir=data_dir)
    rows = without_tested(given.examples, task.examples)
    check_rows(task, rows, given=len(given.examples), batch=config.batch)
    chosen = choose_perturbations(levels=None, names=(), stacks=(), data_dir=data_dir)
    if config.also:
        load_tasks(suite=None, names=config.also, data_dir=data_dir)
    if config.reworder == NO_REWORDER:
        split_wordings(collect_wordings(task), seed=config.seed)
    return Material(
        content=content,
        path=path,
        task=task,
        rows=rows,
        tested=len(given.examples) - len(rows),
        perturbations=split_perturbations(chosen.perturbations, seed=config.seed),
    )


def reworder_of(config: HardenConfig) -> ModelSpec:
    """The model that rewords, where one does."""
    return ModelSpec(name=config.reworder or config.model, device=config.device)


def wants_rewording(config: HardenConfig, material: Material) -> bool:
    """Whether a model is to reword: it was named, or there are too few wordings without it."""
    if config.reworder == NO_REWORDER:
        return False
    return config.reworder is not None or material.wordings < ENOUGH


def check_reworder(config: HardenConfig, material: Material) -> None:
    """Validate that the model that is to reword can do so, before anything is written.

    Raises:
        UsageError: there is no such model, or it does not go on with texts.
    """
    if wants_rewording(config, material):
        check_writer(reworder_of(config))


def reword(
    config: HardenConfig,
    material: Material,
    folder: Folder,
    state: State,
    progress: Callable[[], Progress],
) -> tuple[Material, State]:
    """The material with a model's rewordings, written as they come and resumed where stopped.

    Raises:
        UsageError: the model cannot draw texts.
    """
    path = folder.file("bank.yaml")
    if not state.reworded:
        begun = read_bank(path) if path.is_file() else None
        spec = reworder_of(config)
        model = as_writer(load_model(spec), spec.name)
        from perturbations.similarity import load_encoder

        wanted = ceil(ENOUGH / len(material.task.instructions))
        bank = write_paraphrases(
            model,
            material.task,
            ParaphraseConfig(per_instruction=max(wanted, FEWEST_PER_INSTRUCTION), seed=config.seed),
            similarity=load_encoder(),
            progress=progress(),
            begun=begun,
            save=lambda so_far: write_bank(so_far, path),
        )
        write_bank(bank, path)
        state = save_state(folder, state.model_copy(update={"reworded": True}))
    bank = read_bank(path)
    (task,) = add_bank([material.task], bank)
    check_enough(collect_wordings(task), bank, reworder_of(config).name)
    return replace(material, task=task), state


def check_enough(wordings: Sequence[Wording], bank: Bank, name: str) -> None:
    """What a split says of too few wordings is no help where a model has just been asked for more.

    Raises:
        UsageError: too few to train on and to test with.
    """
    if len(wordings) >= FEWEST_WORDINGS:
        return
    passed = sum(len(texts) for texts in bank.paraphrases.values())
    raise UsageError(
        f"of what {name} made of the task's instructions {passed} passed the filters; there are "
        f"{len(wordings)} wordings, and {FEWEST_WORDINGS} are needed to train and to test.",
        hint="Only sentences that name no answer are reworded: give what is asked and what may be "
        "answered a sentence each. Or type: --bank FILE, or --reworder MODEL with a larger one.",
    )


@dataclass(frozen=True, slots=True)
class Arms:
    """What is trained on, with what it is tested."""

    wordings: WordingSplit
    perturbations: PerturbationSplit
    pairs: Path
    control_pairs: Path
    held_out: Path
    """The task file of the test."""
    number: int
    """Of pairs."""


def write_arms(config: HardenConfig, material: Material, folder: Folder) -> Arms:
    """Write the pairs of hardening and of plain tuning, and the task file of the test.

    Raises:
        UsageError: too few wordings to split.
        NothingToEvaluateError: no pair is left.
    """
    split = split_wordings(collect_wordings(material.task), seed=config.seed)
    _write_inputs(config, material, split, folder)
    made = write_pairs_file(
        PairsConfig(
            source="paraphrases",
            input=folder.file("requests.jsonl"),
            bank=folder.file("siblings.yaml"),
            exclude=(folder.file("tested.jsonl"),),
            data_dir=config.data_dir,
            levels=None,
            perturbations=("paraphrase", *material.perturbations.trained),
            max_words=config.max_length * 2,
            seed=config.seed,
            out=folder.file("pairs.jsonl"),
        )
    )
    control = folder.file("control-pairs.jsonl")
    write_pairs(control, make_control(made.pairs, control_wordings(split.trained)))
    held_out = folder.file("held-out.yaml")
    content = with_wordings(material.content, material.path, split.held)
    write_text(held_out, yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100))
    return Arms(split, material.perturbations, made.path, control, held_out, len(made.pairs))


def _write_inputs(
    config: HardenConfig, material: Material, split: WordingSplit, folder: Folder
) -> None:
    """What `harness pairs` reads: rows under wordings, their siblings, and what must not be in."""
    requests = make_requests(
        material.task,
        material.rows,
        split.trained,
        config.steps * config.batch,
        seed=config.seed,
    )
    _write_rows(folder.file("requests.jsonl"), requests)
    _write_rows(
        folder.file("tested.jsonl"), ({"input": one.input} for one in material.task.examples)
    )
    write_bank(make_siblings(split.trained), folder.file("siblings.yaml"))


def _write_rows(path: Path, rows: Iterable[dict[str, str]]) -> None:
    write_text(path, (json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
