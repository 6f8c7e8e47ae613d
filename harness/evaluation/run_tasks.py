"""The tasks of a run: those that its options name, as its options ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.core.errors import UsageError
from harness.core.records import PARTS_OF
from harness.evaluation.config import DEFAULT_SUITE, RunConfig
from harness.tasks import Task, TaskSpec, load_tasks
from harness.tasks.examples import Sample
from harness.tasks.instructions import choose_instructions
from harness.tasks.paraphrase_bank import add_paraphrases
from harness.tasks.sources import data_dir_from_environment


def with_defaults(config: RunConfig) -> RunConfig:
    """The options with the suite and the data folder that they leave open.

    Raises:
        UsageError: the data folder is none.
    """
    if config.data_dir is not None and not config.data_dir.is_dir():
        raise UsageError(f"--data-dir {config.data_dir} is no folder.")
    suite = config.suite if config.suite or config.tasks else DEFAULT_SUITE
    data_dir = config.data_dir or data_dir_from_environment()
    return config.model_copy(update={"suite": suite, "data_dir": data_dir})


def load_run_tasks(config: RunConfig, specs: Sequence[TaskSpec]) -> list[Task]:
    """The tasks of a run with the instructions that it may ask, and their paraphrases.

    Args:
        config: What was asked for.
        specs: Those of `config.tasks` that are no files, by their content.

    Raises:
        UsageError: a task, a file or a name that cannot be used, or does not fit an option.
    """
    given = {spec.name for spec in specs}
    tasks = load_tasks(
        suite=config.suite,
        names=[name for name in config.tasks if name not in given],
        data_dir=config.data_dir,
        few_shot=config.few_shot > 0,
        specs=specs,
        sample=Sample(config.limit, config.seed),
    )
    for task in tasks:
        available = len(task.few_shot)
        if config.few_shot > available:
            same = task.few_shot_left_out
            raise UsageError(
                f"--few-shot {config.few_shot}: task {task.name!r} has {available} few-shot rows"
                f"{f' beside {same} that are evaluated examples' if same else ''}.",
                hint="Give it a `few_shot:` source, or ask for fewer.",
            )
    if config.paraphrases is not None:
        tasks = add_paraphrases(tasks, config.paraphrases)
    if config.placement is not None:
        tasks = [replace(task, placement=config.placement) for task in tasks]
    without = next((task.name for task in tasks if not task.system), None)
    if "system" in PARTS_OF[config.target] and without is not None:
        raise UsageError(
            f"--target {config.target}: task {without!r} has no system text.",
            hint="Write `system:` into its file, or name other tasks.",
        )
    return [choose_instructions(task, config.instructions) for task in tasks]
