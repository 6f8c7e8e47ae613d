"""Evaluate a model: the call behind `harness.run` and `harness run`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.api.models import ModelLike, lent, loader, name_of
from harness.api.progress import ProgressLike, to_progress
from harness.api.results import Run, to_run
from harness.api.rewording import reword_first
from harness.api.tasks import TasksLike, split_tasks
from harness.api.words import describe_call, in_python, to_keywords
from harness.core.options import check_options
from harness.core.progress import NoProgress, Progress
from harness.core.records import Placement, StrengthName, Target
from harness.evaluation.budget import Fitted
from harness.evaluation.config import RunConfig
from harness.evaluation.execute import execute
from harness.evaluation.prepare import RunPlan, prepare
from harness.evaluation.refine import refine
from harness.evaluation.selection import describe_left_out
from harness.models.spec import DType, ModelDevice
from harness.prompting.prompts import FormatChoice
from harness.results import rundir


@in_python
def run(
    model: ModelLike,
    *,
    base: str | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
    dtype: DType = "auto",
    device: ModelDevice = "auto",
    base_url: str | None = None,
    key_env: str | None = None,
    concurrency: int | None = None,
    timeout: float = 120.0,
    price_in: float = 0.0,
    price_out: float = 0.0,
    max_cost: float | None = None,
    suite: str | None = None,
    tasks: TasksLike = (),
    data_dir: str | Path | None = None,
    limit: int | None = None,
    instructions: int | str | None = None,
    few_shot: int = 0,
    levels: str | Sequence[str] | None = None,
    perturbations: str | Sequence[str] = (),
    stacks: str | Sequence[str] = (),
    plugins: str | Sequence[str] = (),
    target: Target = "instruction",
    per_perturbation: int = 1,
    strength: StrengthName | Sequence[StrengthName] = ("medium",),
    paraphrases: str | Path | None = None,
    paraphrase_with: str | None = None,
    similarity: bool = False,
    min_similarity: float | None = None,
    variants: str | Path | None = None,
    scorers: str | Sequence[str] = (),
    scorer_share: float | None = None,
    prompt_format: FormatChoice = "auto",
    placement: Placement | None = None,
    max_new_tokens: int = 7,
    temperature: float = 0,
    repeats: int = 1,
    share: float | None = None,
    cells: int | None = None,
    full: bool = False,
    seed: int = 0,
    confidence: float = 0.95,
    resamples: int = 2000,
    embed_with: str | None = None,
    metrics: str | Sequence[str] = (),
    precision: float | None = None,
    until: float | None = None,
    workers: int | None = None,
    ray: str | None = None,
    out: str | Path | None = None,
    fresh: bool = False,
    cache: bool = True,
    window: int | None = None,
    progress: ProgressLike = None,
) -> Run:
    """Evaluate a model on every level and write its reports, as `harness run` does.

    Each keyword is the command's option of that name. The same call resumes a run that was
    stopped, and returns at once where it is finished.

    Args:
        model: Directory, hub id, .gguf file, adapter directory, the bundled `smollm2-135m`,
            `llama.cpp:FILE.gguf`, `vllm:MODEL`, or a server's `openai:NAME` or URL; or a loaded
            transformers model as `(model, tokenizer)` or `harness.Model`.
        base: Base model of an adapter, where not the one that it names.
        revision: Branch, tag or commit of a hub model.
        trust_remote_code: Run Python code that comes with a hub model.
        dtype: Number format of the weights; `auto` is float32 on a CPU, else the checkpoint's.
        device: Where the model runs; `auto` is a GPU where there is one, `split` has its layers on
            all GPUs.
        base_url: URL of the server of `openai:NAME`; default: OPENAI_BASE_URL, or OpenAI's.
        key_env: Environment variable that holds the server's key; default: OPENAI_API_KEY for
            `openai:NAME`.
        concurrency: Requests in flight; default: as many as make the server faster.
        timeout: Seconds to wait for one answer of a server.
        price_in: Price of a million prompt tokens.
        price_out: Price of a million generated tokens.
        max_cost: Stop, to be resumed, once a run has cost so much by these prices.
        suite: Suite of tasks; default: `starter`, unless tasks are given.
        tasks: Tasks by name, by YAML file or by such a file's content (see `harness.make_task`),
            one or several; of a suite's tasks, only these.
        data_dir: Data folder with public rows and word tables; default: HARNESS_DATA_DIR.
        limit: Maximum examples per task (seeded sample).
        instructions: Number of instructions per task, or `promptbench[:N]`.
        few_shot: Answered examples before each question.
        levels: Levels to perturb at, each its core set; default: all. Clean is always run.
        perturbations: Only these perturbations, by name; `all` is the whole catalogue.
        stacks: Compositions such as `keyboard+politeness`.
        plugins: Python files with perturbations, graders or metrics of your own.
        target: What is perturbed: the instruction, the input, both, or the system text, alone or
            with them (`system+instruction`, `system+input`, `all`).
        per_perturbation: Variants per perturbation.
        strength: How many words noise changes, and how much: low, medium or high; with several the
            report shows accuracy against strength.
        paraphrases: Paraphrase bank, as `harness paraphrase` writes it, or a folder of them.
        paraphrase_with: Model that rewords the instructions first; its banks are used again.
        similarity: Measure the similarity of variants to their originals.
        min_similarity: Resample variants whose embedding cosine to the original is below this.
        variants: Score exactly the instruction texts of this JSONL file.
        scorers: How a response becomes an answer: `calibrated`, `loglik`, `generate` or `all`; the
            headline speaks of the first. Default: the task file's or calibrated, and the others.
        scorer_share: Share of the examples for scorers that need other requests than the first;
            default: 1, or 0.2 where `scorers` is not given.
        prompt_format: Layout of prompts; `auto` is chat where the model has a template.
        placement: Where the instruction stands: `first` (before the input), `last` (after it) or
            `both`; default: the task file's.
        max_new_tokens: Maximum tokens of a generated answer.
        temperature: Draw answers at this temperature instead of taking the likeliest text.
        repeats: Answers drawn per cell; a cell's score is their mean.
        share: Share of the perturbed cells that is asked; default: what `cells` pays for.
        cells: Budget of cells; default: 4000, or all where share, precision or variants is given.
        full: Ask every variant on every example.
        until: Go on, from report to report, until the widest drop interval is within this many
            points. Stopping it leaves the last report.
        seed: Random seed.
        confidence: Confidence of intervals and adjusted tests.
        resamples: Bootstrap resamples.
        embed_with: Model of transformers on this machine that says how alike free-text answers are.
        metrics: Metrics of packages or plug-ins of your own, beside accuracy.
        precision: Stop a level once its interval's half-width is at most this many points.
        workers: Copies of the model that answer side by side, each on a GPU or its share of the
            cores.
        ray: Address of a Ray cluster whose machines have the workers: `host:port`, or `auto` on
            one of them; default: this machine.
        out: Run directory; resumed if it holds this run; default: a folder below `runs`.
        fresh: Start over, do not resume.
        cache: Use responses of earlier runs.
        window: Cells between two writes to disk; default: by the device.
        progress: True for a bar, False for none, or an object of your own that is told how the
            run goes (`harness.core.progress.Progress`); default: a bar in a notebook only.

    Returns:
        The finished run: its summary, frames, table, charts and directory.

    Raises:
        UsageError: An option, a name, a file or a model that cannot be used.
        NothingToEvaluateError: The options leave no cell.
        IncompleteRunError: The disk is full, a server does not answer, or no budget is left; the
            same call resumes.

    Example:
        >>> run = harness.run("smollm2-135m", tasks="sentiment", levels="character", limit=8)
        >>> run.summary.levels["character"].drop.value
        0.021
    """
    given = {name: value for name, value in locals().items() if name != "progress"}
    names, specs = split_tasks(tasks)
    given |= {"model": name_of(model), "tasks": names}
    config = check_options(RunConfig, given, say=str)
    bar = to_progress(progress)
    with lent(model, config) as loaded, loader(config) as found:
        load = found if loaded is None else lambda _: loaded
        reworded = reword_first(config, specs, progress=bar)
        prepared = prepare(reworded, load=load, specs=specs)
        for note in notes_of(prepared):
            bar.note(to_keywords(note, given))
        return evaluate(prepared, command=describe_call("run", config, given), progress=bar)


def evaluate(prepared: RunPlan, *, command: str, progress: Progress | None = None) -> Run:
    """Evaluate what has been prepared, write its reports, and return the finished run.

    Args:
        prepared: The run, ready to start.
        command: What resumes it, for its manifest.
        progress: Told how far the run is.

    Raises:
        UsageError: The directory holds another run, or another process writes to it.
        IncompleteRunError: The disk is full, a server does not answer, or no budget is left; the
            same call resumes.
    """
    from reports import render

    def report(run: rundir.Run) -> None:
        render([run], ("md", "html"), run.path)

    told = progress or NoProgress()
    if prepared.config.until is not None:
        return to_run(refine(prepared, command=command, progress=told, report=report))
    finished = to_run(execute(prepared, command=command, progress=told))
    report(finished)
    return finished


def notes_of(prepared: RunPlan) -> Iterator[str]:
    """What a user should know before a run starts: its share of the grid, and what is left out."""
    if not prepared.fitted.is_full:
        yield describe_fitted(prepared.fitted, until=prepared.config.until)
    yield from describe_left_out(prepared.left_out)
    yield from prepared.notes


def describe_fitted(fitted: Fitted, *, until: float | None = None) -> str:
    """How much of the full grid is asked, and what asks it all.

    Args:
        fitted: what the plan was cut down to.
        until: the half-width in points up to which a run goes on from there, if it does.
    """
    parts = [f"{fitted.share:.0%} of the perturbed cells"]
    if fitted.instructions < fitted.of_instructions:
        parts.append(f"{fitted.instructions} of {fitted.of_instructions} instructions per task")
    if fitted.examples < fitted.of_examples:
        parts.append(f"at most {fitted.examples} of {fitted.of_examples} examples per task")
    size = f"{fitted.cells:,} of {fitted.full_cells:,} cells ({', '.join(parts)})"
    if until is not None:
        return (
            f"begins with {size} and goes on until drops are known to within {until:g} points; "
            "what is stored already counts."
        )
    return f"asks {size}; --full asks all, --cells N another budget."
