"""Everything a run needs, loaded and checked before a byte is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from harness.core.errors import NothingToEvaluateError, UsageError
from harness.core.records import Example, LeftOut
from harness.evaluation.answer_encoder import check_embedding
from harness.evaluation.budget import DEFAULT_CELLS, Fitted, clean_cells, describe_fit, fit
from harness.evaluation.config import RunConfig, check_config
from harness.evaluation.cost import TaskLengths, check_lengths, measure_lengths
from harness.evaluation.design import Design
from harness.evaluation.engine import TaskTools
from harness.evaluation.identity import Identity, identify, run_directory
from harness.evaluation.judging import AskedJudge
from harness.evaluation.plan import Plan, changes_input
from harness.evaluation.repeats import check_sampling, drawing
from harness.evaluation.request_checks import (
    check_generated_answers,
    check_requests,
    has_system_text,
    request_notes,
)
from harness.evaluation.run_tasks import load_run_tasks, with_defaults
from harness.evaluation.scorers import ScorerPlan, choose_scorers, fit_scorers, plan_scorers
from harness.evaluation.selection import choose_perturbations
from harness.evaluation.variants import (
    Misses,
    TaskVariants,
    VariantOptions,
    build_variants,
    read_variants,
)
from harness.grading import Judge, load_graders, make_grader
from harness.metrics.own import check_metrics, load_metrics
from harness.models import Model, ModelSpec, load_model
from harness.prompting.prompts import Prompter, PromptFormat, choose_layout, shows_system
from harness.prompting.readers import AnswerReader, ChoiceReader, JudgedReader, LabelReader, Reader
from harness.prompting.requests import RequestBuilder
from harness.tasks import Task, TaskSpec
from perturbations import Perturbation, Selection, validity_notes
from perturbations.similarity import load_encoder


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A run that is ready to start: a record of facts, each computed once."""

    config: RunConfig
    plan: Plan
    full: Plan
    """The plan before it was cut down: every variant on every example."""
    model: Model
    layout: PromptFormat
    tools: Mapping[str, TaskTools]
    """Task name -> what turns its cells into requests."""
    lengths: tuple[TaskLengths, ...]
    """Token counts, one per task."""
    identity: Identity
    fitted: Fitted
    """How much of the full grid is asked."""
    scorers: ScorerPlan
    """How responses become answers, and what each scorer is asked on."""
    out: Path
    """The run's directory."""
    misses: Mapping[str, Misses] = field(default_factory=lambda: MappingProxyType({}))
    """Task name -> what did not become a variant."""
    left_out: tuple[LeftOut, ...] = ()
    """The perturbations that a level lacks here."""
    notes: tuple[str, ...] = ()
    """What the user should know about the model and the tasks."""


def prepare(
    config: RunConfig,
    *,
    load: Callable[[ModelSpec], Model] = load_model,
    specs: Sequence[TaskSpec] = (),
) -> RunPlan:
    """Load and check everything a run needs, cheapest first; nothing is written.

    Args:
        config: What was asked for.
        load: Loads the model; one that is loaded already is returned as it is.
        specs: Those of `config.tasks` that are no files, by their content.

    Returns:
        The run, ready for `harness.evaluation.execute.execute`.

    Raises:
        UsageError: an option, a file, a name or a model that cannot be used.
        NothingToEvaluateError: the options leave no cell.
    """
    config = with_defaults(config)
    check_config(config)
    check_sampling(config.temperature, config.repeats, config.scorers)
    _load_functions(config)
    selection = _select(config)
    tasks = load_run_tasks(config, specs)
    if config.embed_with is not None:
        check_embedding(config.embed_with, tasks)
    named = _names_scorers(config, tasks)
    config, scorer_notes = choose_scorers(config, tasks)
    made = _make_variants(config, tasks, selection.perturbations)
    plan = Plan(
        tuple(task for task in tasks if task.name in made),
        {name: of_task.variants for name, of_task in made.items()},
        _input_perturbations(config, made, selection.perturbations),
    )
    if plan.cells == 0:
        raise NothingToEvaluateError(
            "no cell is left to evaluate: no variant could be made, or no example was read."
        )
    full, plan = plan, _fit(config, plan)
    model = load(config.model_spec)
    if config.temperature > 0:
        drawing(model)
    config, fitted_notes = fit_scorers(config, plan.tasks, model, named=named)
    run_plan = make_run_plan(
        config,
        plan,
        model,
        misses={name: of_task.misses for name, of_task in made.items()},
        left_out=_all_left_out(selection, made.values()),
        full=full,
    )
    check_lengths(run_plan.lengths, plan, model.info.max_context, model.info.architecture)
    _load_judges(run_plan)
    run_plan = run_plan if named else _without_cut_answers(run_plan)
    check_requests(run_plan)
    told = validity_notes(variant.perturbation for variant in run_plan.plan.all_variants())
    notes = (*run_plan.notes, *scorer_notes, *fitted_notes, *request_notes(run_plan), *told)
    return replace(run_plan, notes=notes)


def _load_functions(config: RunConfig) -> None:
    """Register graders and metrics of plug-ins; validate that the metrics asked for are there."""
    for path in map(Path, config.plugins):
        load_graders(path)
        load_metrics(path)
    check_metrics(config.metrics)


def _names_scorers(config: RunConfig, tasks: Sequence[Task]) -> bool:
    """Whether anybody says how responses become answers: options, or a task file."""
    drawn = config.temperature > 0
    return bool(config.scorers) or drawn or any(task.scorer == "generate" for task in tasks)


def _without_cut_answers(run: RunPlan) -> RunPlan:
    """The run without the generated text that nobody asked for, where it cannot hold a label."""
    try:
        check_generated_answers(run)
    except UsageError as error:
        rest = tuple(one for one in run.config.scorers if one != "generate")
        config = run.config.model_copy(update={"scorers": rest})
        made = make_run_plan(
            config,
            run.plan,
            run.model,
            misses=run.misses,
            left_out=run.left_out,
            full=run.full,
        )
        return replace(made, notes=(*made.notes, f"no text is generated: {error.message}"))
    return run


def _all_left_out(selection: Selection, made: Iterable[TaskVariants]) -> tuple[LeftOut, ...]:
    """What the selection left out, and what some instruction's language did, each once."""
    by_language = (one for of_task in made for one in of_task.left_out)
    return tuple(dict.fromkeys((*selection.left_out, *by_language)))


def make_run_plan(
    config: RunConfig,
    plan: Plan,
    model: Model,
    *,
    misses: Mapping[str, Misses] | None = None,
    left_out: Sequence[LeftOut] = (),
    full: Plan | None = None,
) -> RunPlan:
    """Bring a plan and a loaded model together: prompt format, token counts, identity, directory.

    Raises:
        UsageError: the prompt format is `chat`, and the model has no chat template.
    """
    layout = choose_layout(config.prompt_format, model.tokenizer)
    tools = {
        task.name: make_tools(task, model, layout, task.shots(config.few_shot, seed=config.seed))
        for task in plan.tasks
    }
    lengths = tuple(
        measure_lengths(task, plan, tools[task.name].prompter, model.tokenizer)
        for task in plan.tasks
    )
    # What a run may grow into is what it is, however much it asks.
    identity = identify(config, full or plan, model.info, layout)
    fitted = describe_fit(plan, full or plan)
    return RunPlan(
        config=config,
        plan=plan,
        full=full or plan,
        model=model,
        layout=layout,
        tools=MappingProxyType(tools),
        lengths=lengths,
        identity=identity,
        out=run_directory(config, plan, identity, fitted),
        misses=MappingProxyType(dict(misses or {})),
        left_out=tuple(left_out),
        fitted=fitted,
        scorers=plan_scorers(config, plan),
        notes=tuple(model.notes),
    )


def with_plan(prepared: RunPlan, plan: Plan, out: Path) -> RunPlan:
    """The same run with another plan cut from its full grid, in another directory."""
    config = prepared.config.model_copy(update={"out": out, "fresh": False})
    made = make_run_plan(
        config,
        plan,
        prepared.model,
        misses=prepared.misses,
        left_out=prepared.left_out,
        full=prepared.full,
    )
    info = prepared.model.info
    check_lengths(made.lengths, plan, info.max_context, info.architecture)
    kept = prepared.config.model_copy(update={"fresh": False})
    return replace(made, config=kept, notes=prepared.notes)


def make_tools(
    task: Task, model: Model, layout: PromptFormat, shots: tuple[Example, ...] = ()
) -> TaskTools:
    """What turns the task's cells into requests to this model and its responses into samples.

    Raises:
        UsageError: the task has a prefill, and the model's answers are texts of their own.
    """
    if task.prefill and model.info.architecture == "encoder-decoder":
        raise UsageError(
            f"task {task.name!r} has a prefill, and {model.info.name} is an encoder-decoder, whose "
            "answer is a text of its own that a prompt cannot begin.",
            hint="Leave `prefill:` out of the task file, or take a model that goes on with its "
            "prompt.",
        )
    prompter = Prompter(
        layout=layout,
        answer_cue=task.answer_cue,
        prefill=task.prefill,
        verbalizer_of=task.verbalizer_of,
        shots=shots,
        render_chat=model.tokenizer.render_chat if layout == "chat" else None,
        placement=task.placement,
        system=task.system,
        has_system_role=layout != "chat" or _has_system_role(task, model),
        gap=task.gap,
    )
    labels = task.label_names if task.kind == "labels" else ()
    return TaskTools(
        prompter=prompter,
        builder=RequestBuilder(prompter, model.tokenizer, labels),
        reader=_make_reader(task, model, prompter.begun),
        normalize=task.choices.normalize if task.choices else "none",
        instructions={one.id: one.text for one in task.instructions},
    )


def _has_system_role(task: Task, model: Model) -> bool:
    """Whether the model's chat template says what a system turn says, where the task has one."""
    return not has_system_text(task) or shows_system(model.tokenizer.render_chat)


def _make_reader(task: Task, model: Model, begun: str) -> Reader:
    if task.answer is not None:
        grader, judge = make_grader(task.answer), task.answer.grader
        if isinstance(judge, Judge):
            asked = AskedJudge(task.name, judge, model)
            return JudgedReader(task.answer, grader, judge, asked, begun=begun)
        return AnswerReader(task.answer, grader, begun=begun)
    if task.choices is not None:
        return ChoiceReader(task.label_names if task.choices.by == "letter" else ())
    return LabelReader(task.verbalizer_of)


def _load_judges(run: RunPlan) -> None:
    for tools in run.tools.values():
        if isinstance(tools.reader, JudgedReader) and isinstance(tools.reader.model, AskedJudge):
            tools.reader.model.load()


def _select(config: RunConfig) -> Selection:
    if config.variants is not None:
        return Selection(())
    return choose_perturbations(
        levels=config.levels,
        names=config.perturbations,
        stacks=config.stacks,
        plugins=config.plugins,
        target=config.target,
        data_dir=config.data_dir,
        strengths=config.strength,
    )


def _input_perturbations(
    config: RunConfig, made: Mapping[str, TaskVariants], chosen: Sequence[Perturbation]
) -> Mapping[str, Perturbation]:
    """The perturbations whose variants change inputs; a replayed file names some of its own."""
    named = {
        variant.perturbation: None
        for of_task in made.values()
        for variant in of_task.variants
        if changes_input(variant)
    }
    known = {one.name: one for one in chosen}
    missing = [name for name in named if name not in known]
    if missing:
        replayed = choose_perturbations(
            levels=(),
            names=missing,
            stacks=(),
            plugins=config.plugins,
            target="input",
            data_dir=config.data_dir,
        )
        known |= {one.name: one for one in replayed.perturbations}
    return MappingProxyType({name: known[name] for name in named})


def _fit(config: RunConfig, plan: Plan) -> Plan:
    """The plan with the share that was asked for, or cut down to the budget."""
    if config.share is not None:
        return replace(plan, design=Design(config.share, config.seed))
    replayed = config.variants is not None and config.until is None
    exact = config.full or config.precision is not None or replayed
    if exact and config.cells is None:
        return plan
    fitted = fit(
        plan,
        config.cells or DEFAULT_CELLS,
        seed=config.seed,
        keep_instructions=config.instructions is not None,
        keep_examples=config.limit is not None,
    )
    if fitted.design.share == 0:
        clean = clean_cells(fitted)
        raise UsageError(
            f"the budget is {config.cells or DEFAULT_CELLS:,} cells (--cells), and the clean "
            f"instructions alone have {clean:,}; every drop is measured against them.",
            hint=f"Type: --cells {2 * clean}, --full, or less of --limit, --instructions, --task.",
        )
    return fitted


def _make_variants(
    config: RunConfig, tasks: Sequence[Task], chosen: Sequence[Perturbation]
) -> dict[str, TaskVariants]:
    if config.variants is not None:
        return read_variants(config.variants, tasks)
    measured = config.similarity or config.min_similarity is not None
    options = VariantOptions(
        seed=config.seed,
        per_perturbation=config.per_perturbation,
        target=config.target,
        similarity=load_encoder() if measured else None,
        min_similarity=config.min_similarity,
    )
    return {task.name: build_variants(task, chosen, options) for task in tasks}
