"""Search for the instruction that hurts a model most: the call behind `harness attack`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.api.models import ModelLike, lent, name_of
from harness.api.progress import ProgressLike, to_progress
from harness.api.tasks import TaskLike, parse_task
from harness.api.words import describe_call, in_python
from harness.attacks.config import AttackConfig
from harness.attacks.prepare import prepare_attack
from harness.attacks.run import AttackResult, execute_attack
from harness.core.options import check_options
from harness.core.records import PerturbedLevel, StrengthName
from harness.models.spec import DType, ModelDevice
from harness.prompting.prompts import FormatChoice


@in_python
def attack(
    model: ModelLike,
    task: TaskLike,
    out: str | Path,
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
    data_dir: str | Path | None = None,
    instruction: str | None = None,
    paraphrases: str | Path | None = None,
    prompt_format: FormatChoice = "auto",
    recipe: str = "race",
    budget: int = 2000,
    search_examples: int | None = None,
    report_examples: int | None = None,
    masked_lm: str | Path | None = None,
    level: PerturbedLevel | None = None,
    perturbations: str | Sequence[str] = (),
    plugins: str | Sequence[str] = (),
    strength: StrengthName | Sequence[StrengthName] = ("medium",),
    max_words_changed: float | None = None,
    min_similarity: float | None = None,
    seed: int = 0,
    confidence: float = 0.95,
    fresh: bool = False,
    cache: bool = True,
    window: int | None = None,
    progress: ProgressLike = None,
) -> AttackResult:
    """Search for the instruction that hurts a model most, within a budget of cells.

    The search and the report use different examples. The same call resumes a search that was
    stopped.

    Args:
        model: Directory, hub id, .gguf file, adapter directory, the bundled smollm2-135m, or a
            server's `openai:NAME` or URL; or a loaded transformers model as `(model, tokenizer)`
            or `harness.Model`.
        task: Task by name, by YAML file, or by such a file's content (see `harness.make_task`).
        out: Directory of the attack; resumed if it holds this one.
        base: Base model of an adapter, where not the one that it names.
        revision: Branch, tag or commit of a hub model.
        trust_remote_code: Run Python code that comes with a hub model.
        dtype: Number format of the weights; auto: float32 on a CPU, else the checkpoint's.
        device: Where the model runs; auto: a GPU where there is one.
        base_url: URL of the server of `openai:NAME`; default: OPENAI_BASE_URL, or OpenAI's.
        key_env: Environment variable that holds the server's key; default: OPENAI_API_KEY for
            `openai:NAME`.
        concurrency: Requests in flight; default: as many as make the server faster.
        timeout: Seconds to wait for one answer of a server.
        price_in: Price of a million prompt tokens.
        price_out: Price of a million generated tokens.
        max_cost: Stop, to be resumed, once a run has cost so much by these prices.
        data_dir: Data folder with public rows and word tables; default: HARNESS_DATA_DIR.
        instruction: Instruction to attack, by id; default: the task's first.
        paraphrases: Paraphrase bank, as `harness paraphrase` writes it.
        prompt_format: Layout of prompts; auto: chat where the model has a template.
        recipe: How to search: `harness list recipes`.
        budget: Query budget in cells. The report's examples are measured on top of it.
        search_examples: Examples to search on; default: 100, at most half.
        report_examples: Other examples to report on; default: 400, at most all.
        masked_lm: Folder of a masked language model (bertattack, bae).
        level: Level to search at; default: the recipe's first.
        perturbations: Only these perturbations, by name; `all` is the level's whole catalogue;
            default: its core set.
        plugins: Python files with perturbations of your own.
        strength: How many words one candidate changes, and how much: low, medium or high, or
            several to search among.
        max_words_changed: Maximum share of the instruction's words that may change; default: by
            the level.
        min_similarity: Minimum embedding cosine to the original instruction.
        seed: Random seed.
        confidence: Confidence of the interval.
        fresh: Start over, do not resume.
        cache: Use responses of earlier runs.
        window: Cells between two writes to disk; default: by the device.
        progress: True for a bar, False for none, or an object of your own; default: a bar in a
            notebook only.

    Returns:
        The finished attack: `attack.report` is its record, and `variants.jsonl` in `attack.path`
        can be given to `harness.run(variants=...)`.

    Raises:
        UsageError: An option, a name, a file or a model that cannot be used, a budget too small
            for one step, or an instruction in which nothing can be changed.
        IncompleteRunError: The disk is full, a server does not answer, or no budget is left; the
            same call resumes.

    Example:
        >>> found = harness.attack("smollm2-135m", "sentiment", "attacks/typos", level="character")
        >>> found.report["found"]["text"], found.report["report"]["drop"]
        ('Dceide whether the review is postiive or negative.', 0.042)
    """
    given = {name: value for name, value in locals().items() if name != "progress"}
    specs = (parse_task(task),) if isinstance(task, Mapping) else ()
    given |= {"model": name_of(model), "task": specs[0].name if specs else str(task)}
    config = check_options(AttackConfig, given, say=str)
    with lent(model, config) as loaded:
        return execute_attack(
            prepare_attack(config, model=loaded, specs=specs),
            command=describe_call("attack", config, given),
            progress=to_progress(progress),
        )
