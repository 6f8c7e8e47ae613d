"""Everything a run needs, loaded and checked before a byte is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from harness.core.errors import NothingToEvaluateError, UsageError
from harness.core.records import Example
from harness.evaluation.config import DEFAULT_SUITE, RunConfig, check_config
from harness.evaluation.cost import TaskLengths, check_lengths, measure_lengths
from harness.evaluation.engine import TaskTools
from harness.evaluation.plan import Plan
from harness.evaluation.selection import choose_perturbations
from harness.evaluation.variants import TaskVariants, VariantOptions, build_variants, read_variants
from harness.models import Model, load_model
from harness.prompting.prompts import Prompter, PromptFormat, resolve_format
from harness.prompting.requests import RequestBuilder
from harness.prompting.scoring import LabelParser
from harness.results.provenance import run_id, task_hash, variants_hash
from harness.results.rundir import Json
from harness.tasks import Task, load_tasks
from harness.tasks.instructions import choose_instructions
from harness.tasks.paraphrase_bank import add_bank, read_bank
from harness.tasks.rows import data_dir_from_environment
from perturbations import Perturbation
from perturbations.similarity import load_encoder


@dataclass(frozen=True)
class RunPlan:
    """A run that is ready to start."""

    config: RunConfig
    plan: Plan
    made: dict[str, TaskVariants]
    model: Model
    layout: PromptFormat
    notes: tuple[str, ...] = ()
    _tools: dict[str, TaskTools] = field(default_factory=dict)

    def tools(self, task: Task) -> TaskTools:
        """What turns this task's cells into requests."""
        if task.name not in self._tools:
            shots = task.shots(self.config.few_shot, seed=self.config.seed)
            self._tools[task.name] = make_tools(task, self.model, self.layout, shots)
        return self._tools[task.name]

    @cached_property
    def lengths(self) -> list[TaskLengths]:
        """Token counts of each task."""
        return [
            measure_lengths(task, self.plan, self.tools(task).prompter, self.model.tokenizer)
            for task in self.plan.tasks
        ]

    @cached_property
    def content(self) -> Json:
        """Hashes of what the run's results depend on beside its options."""
        return {
            "model": self.model.info.fingerprint,
            "tasks": {task.name: task_hash(task) for task in self.plan.tasks},
            "variants": variants_hash(list(self.plan.all_variants())),
        }

    @cached_property
    def identity(self) -> Json:
        """The options that define the results, `auto` resolved."""
        resolved = {"dtype": self.model.info.dtype, "prompt_format": self.layout}
        return {**self.config.identity(), **resolved}

    @property
    def run_id(self) -> str:
        """A short name of what is asked; equal for equal questions."""
        return run_id(self.identity, self.content)

    @cached_property
    def out(self) -> Path:
        """The run's directory: as given, or named after the model, the tasks and the question."""
        if self.config.out is not None:
            return self.config.out
        tasks = self.config.suite or "-".join(task.name for task in self.plan.tasks)[:40]
        name = Path(self.config.model).name.replace(" ", "-")
        return Path("runs") / f"{name}-{tasks}-{self.run_id}"


def prepare(config: RunConfig) -> RunPlan:
    """Load and check everything a run needs, cheapest first; nothing is written.

    Raises:
        UsageError: an option, a file, a name or a model that cannot be used.
        NothingToEvaluateError: the options leave no cell.
    """
    config = _with_defaults(config)
    check_config(config)
    chosen, notes = _perturbations(config)
    tasks = _load_tasks(config)
    made = _make_variants(config, tasks, chosen)
    tasks = [task for task in tasks if task.name in made]
    variants = {name: own.variants for name, own in made.items()}
    plan = Plan(tuple(tasks), variants, config.data_dir)
    if plan.cells == 0:
        raise NothingToEvaluateError(
            "no cell is left to evaluate: no variant could be made, or no example was read."
        )
    model = load_model(config.model_spec)
    has_template = model.tokenizer.chat_template is not None
    layout = resolve_format(config.prompt_format, has_chat_template=has_template)
    prepared = RunPlan(config, plan, made, model, layout, notes=(*notes, *model.notes))
    check_lengths(prepared.lengths, plan, model.info.max_context)
    return prepared


def make_tools(
    task: Task, model: Model, layout: PromptFormat, shots: tuple[Example, ...] = ()
) -> TaskTools:
    """What turns the task's cells into requests to this model and its responses into samples."""
    prompter = Prompter(
        layout=layout,
        answer_cue=task.answer_cue,
        verbalizer_of=task.verbalizer_of,
        shots=shots,
        render_chat=model.tokenizer.render_chat if layout == "chat" else None,
    )
    return TaskTools(
        prompter=prompter,
        builder=RequestBuilder(prompter, model.tokenizer, task.label_names),
        parser=LabelParser(task.verbalizer_of),
    )


def _with_defaults(config: RunConfig) -> RunConfig:
    suite = config.suite if config.suite or config.tasks else DEFAULT_SUITE
    data_dir = config.data_dir or data_dir_from_environment()
    return config.model_copy(update={"suite": suite, "data_dir": data_dir})


def _perturbations(config: RunConfig) -> tuple[list[Perturbation], list[str]]:
    if config.variants is not None:
        return [], []
    selection = choose_perturbations(
        levels=config.levels,
        names=config.perturbations,
        stacks=config.stacks,
        plugins=config.plugins,
        target=config.target,
        data_dir=config.data_dir,
    )
    return list(selection.perturbations), list(selection.notes)


def _load_tasks(config: RunConfig) -> list[Task]:
    tasks = load_tasks(
        suite=config.suite,
        names=config.tasks,
        data_dir=config.data_dir,
        few_shot=config.few_shot > 0,
    )
    for task in tasks:
        available = len(task.few_shot)
        if config.few_shot > available:
            raise UsageError(
                f"--few-shot {config.few_shot}: task {task.name!r} has {available} few-shot rows.",
                hint="Give it a `few_shot:` source, or ask for fewer.",
            )
    if config.paraphrases is not None:
        tasks = add_bank(tasks, read_bank(config.paraphrases))
    return [
        choose_instructions(task.with_examples(config.limit, seed=config.seed), config.instructions)
        for task in tasks
    ]


def _make_variants(
    config: RunConfig, tasks: list[Task], chosen: list[Perturbation]
) -> dict[str, TaskVariants]:
    if config.variants is not None:
        return read_variants(config.variants, tasks)
    measured = config.similarity or config.min_similarity is not None
    options = VariantOptions(
        seed=config.seed,
        per_perturbation=config.per_perturbation,
        target=config.target,
        data_dir=config.data_dir,
        similarity=load_encoder() if measured else None,
        min_similarity=config.min_similarity,
    )
    return {task.name: build_variants(task, chosen, options) for task in tasks}
