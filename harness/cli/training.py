"""`harness pairs`, `harness train` and `harness merge`: train for robustness."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from harness.cli import options
from harness.cli.command import add_command
from harness.cli.params import choice
from harness.models.spec import DType

if TYPE_CHECKING:
    from trainers.pairs.build import PairSet, PairsOptions
    from trainers.pairs.paraphrases import ParaphraseOptions
    from trainers.pairs.templates import TemplateOptions
    from trainers.train import TrainResult


def register(app: typer.Typer) -> None:
    """Add the commands."""
    add_command(
        app,
        "pairs",
        pairs_command,
        "harness pairs --source paraphrases --input rows.jsonl --levels all --out pairs.jsonl",
        "harness pairs --source t0 --input t0.jsonl.xz --exclude test.jsonl --out pairs.jsonl",
    )
    add_command(
        app,
        "train",
        train_command,
        "harness train --model smollm2-135m --pairs pairs.jsonl --out checkpoints/coin",
        "harness train --config coin.yaml --max-steps 100",
    )
    add_command(app, "merge", merge_command, "harness merge checkpoints/coin --out merged")


def pairs_command(
    source: Annotated[str, typer.Option(help="t0, templates, coin-csv or paraphrases.")],
    input_file: Annotated[Path, typer.Option("--input", help="The file that pairs come from.")],
    out: Annotated[Path, typer.Option(help="Pairs file to write (.jsonl).")],
    limit: Annotated[int | None, typer.Option(min=1, help="Most pairs to write.")] = None,
    exclude: Annotated[
        list[Path] | None,
        typer.Option(help="A file with evaluation rows that no pair may hold. Repeatable."),
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="Source templates: whose templates, such as glue/sst2.")
    ] = None,
    rows: Annotated[
        Path | None, typer.Option(help="Source templates: the rows to fill them with.")
    ] = None,
    labels: Annotated[
        str | None, typer.Option(help="Source templates, FLAN: answer words in label order.")
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(help="Source templates: TEMPLATE_NAME=ROW_NAME of a field. Repeatable."),
    ] = None,
    bank: Annotated[
        Path | None, typer.Option(help="Source paraphrases: a paraphrase bank.")
    ] = None,
    levels: Annotated[
        str | None, typer.Option(help="Source paraphrases: levels to perturb at, or all.")
    ] = None,
    perturbations: Annotated[
        list[str] | None, typer.Option("--perturbations", help="Only these, by name.")
    ] = None,
    hold_out: Annotated[
        list[str] | None,
        typer.Option(help="A level or perturbation to leave out. Repeatable."),
    ] = None,
    per_row: Annotated[int, typer.Option(min=1, help="Source paraphrases: pairs a row.")] = 1,
    max_ratio: Annotated[
        float, typer.Option(min=1, help="Most words of one wording over the other's.")
    ] = 2.0,
    max_words: Annotated[int, typer.Option(min=1, help="Most words of a pair's text.")] = 400,
    no_balance: Annotated[
        bool, typer.Option("--no-balance", help="Keep targets as frequent as they are.")
    ] = False,
    data_dir: options.DataDir = None,
    seed: options.Seed = 0,
    as_json: options.AsJson = False,
) -> None:
    """Build a training file of instructions in two wordings.

    Beside it, a page of samples and of what was dropped is written to look at first.
    """
    from harness.core.atomic import write_text
    from trainers.pairs import write_pairs
    from trainers.pairs.build import SOURCES, PairsOptions, build_pairs
    from trainers.pairs.page import render_page

    choice("source", SOURCES)(source)
    asked = PairsOptions(
        source=source,  # type: ignore[arg-type]
        input=input_file,
        exclude=tuple(exclude or ()),
        limit=limit,
        seed=seed,
        max_ratio=max_ratio,
        max_words=max_words,
        balance=not no_balance,
        templates=_templates(task, rows, labels, field) if source == "templates" else None,
        paraphrases=(
            _paraphrases(bank, levels, perturbations, hold_out, per_row, data_dir)
            if source == "paraphrases"
            else None
        ),
    )
    built = build_pairs(asked)
    write_pairs(out, built.pairs)
    page = out.with_name(f"{out.name.removesuffix('.jsonl')}.samples.md")
    write_text(page, render_page(built, title=out.name, seed=seed))
    _show_pairs(built, asked, out, page, as_json=as_json)


def train_command(
    config: Annotated[
        Path | None, typer.Option(help="YAML file; every option below is a key of it.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Base model: directory, hub id, .gguf or an alias."),
    ] = None,
    pairs: Annotated[Path | None, typer.Option(help="Pairs file, from harness pairs.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the checkpoint; resumed if it holds this.")
    ] = None,
    fresh: Annotated[bool | None, typer.Option("--fresh", help="Start over.")] = None,
    objective: Annotated[
        str | None,
        typer.Option(help="sft, coin, im, consistency, consensus; or coin,consistency=0.5."),
    ] = None,
    temperature: Annotated[float | None, typer.Option(help="Of the contrast.")] = None,
    contrast_weight: Annotated[
        float | None, typer.Option(help="Fixed weight of the contrast, not the adaptive one.")
    ] = None,
    contrast_limit: Annotated[
        float | None, typer.Option(help="Upper bound of the adaptive weight.")
    ] = None,
    pooling: Annotated[
        str | None, typer.Option(help="last, mean, max or first_last states.")
    ] = None,
    pool_at: Annotated[
        str | None, typer.Option(help="Pool up to sequence-end or prompt-end.")
    ] = None,
    negatives: Annotated[
        str | None, typer.Option(help="From the whole batch, or from the micro one.")
    ] = None,
    hard_negatives: Annotated[
        bool | None,
        typer.Option(
            "--hard-negatives/--no-hard-negatives", help="Keep pairs beside their hard negatives."
        ),
    ] = None,
    strict_majority: Annotated[
        bool | None,
        typer.Option("--strict-majority/--no-strict-majority", help="consensus: no ties decide."),
    ] = None,
    prompt_format: Annotated[str | None, typer.Option(help="auto, plain, coin or chat.")] = None,
    max_length: Annotated[int | None, typer.Option(help="Longest text, in tokens.")] = None,
    overlong: Annotated[str | None, typer.Option(help="error, or drop longer pairs.")] = None,
    end_token: Annotated[
        bool | None, typer.Option("--end-token/--no-end-token", help="End token after targets.")
    ] = None,
    padding_side: Annotated[str | None, typer.Option(help="left or right.")] = None,
    eval_pairs: Annotated[Path | None, typer.Option(help="Pairs file for validation.")] = None,
    eval_share: Annotated[
        float | None, typer.Option(help="Share of the inputs held out for validation.")
    ] = None,
    tuning: Annotated[str | None, typer.Option(help="lora, or full.")] = None,
    lora_r: Annotated[int | None, typer.Option(help="Rank.")] = None,
    lora_alpha: Annotated[int | None, typer.Option(help="Scale, over the rank.")] = None,
    lora_dropout: Annotated[float | None, typer.Option(help="Dropout.")] = None,
    lora_targets: Annotated[
        str | None, typer.Option(help="Modules, a list; or all-linear.")
    ] = None,
    quantize: Annotated[str | None, typer.Option(help="none, 8bit or 4bit base (GPU).")] = None,
    bf16: Annotated[str | None, typer.Option(help="auto, on or off.")] = None,
    gradient_checkpointing: Annotated[
        bool | None,
        typer.Option(
            "--gradient-checkpointing/--no-gradient-checkpointing",
            help="Recompute activations: less memory, more time.",
        ),
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Pairs a step, over all devices.")] = None,
    micro_batch: Annotated[
        int | None, typer.Option(help="Pairs through the model at once.")
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the pairs.")] = None,
    max_steps: Annotated[int | None, typer.Option(help="Most steps.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of AdamW.")] = None,
    schedule: Annotated[str | None, typer.Option(help="linear, cosine or constant.")] = None,
    warmup: Annotated[float | None, typer.Option(help="Share of the steps.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Of AdamW.")] = None,
    max_grad_norm: Annotated[float | None, typer.Option(help="Clip gradients; 0: do not.")] = None,
    seed: Annotated[int | None, typer.Option(help="Decides batches and adapter.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")] = None,
    save_every: Annotated[int | None, typer.Option(help="Steps between checkpoints.")] = None,
    keep: Annotated[int | None, typer.Option(help="Checkpoints to keep.")] = None,
    eval_every: Annotated[int | None, typer.Option(help="Steps between validations.")] = None,
    log_every: Annotated[int | None, typer.Option(help="Steps between log lines.")] = None,
    report_to: Annotated[str | None, typer.Option(help="Trackers, such as tensorboard.")] = None,
    data_workers: Annotated[
        int | None, typer.Option(help="Processes that prepare batches.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")] = False,
) -> None:
    """Train a model on pairs so that its answers depend less on the wording.

    The same command resumes a training that was stopped. On several GPUs:
    accelerate launch "$(which harness)" train --config coin.yaml
    """
    given = {key: value for key, value in locals().items() if key not in _NO_KEYS}
    _train(config, given, as_json=as_json, quiet=quiet)


_NO_KEYS = frozenset({"config", "as_json", "quiet"})


def merge_command(
    checkpoint: Annotated[Path, typer.Argument(help="An adapter's directory.")],
    out: Annotated[Path, typer.Option(help="New folder for the whole model.")],
    base: Annotated[
        str | None, typer.Option(help="Base model, where not the one that the adapter names.")
    ] = None,
    dtype: Annotated[
        str,
        typer.Option(
            parser=choice("dtype", get_args(DType)),
            metavar="<name>",
            help="Number format to write: auto (as the base), float32, bfloat16 or float16.",
        ),
    ] = "auto",
) -> None:
    """Merge an adapter into its base and write the whole model."""
    _need("peft")
    from trainers.merge import merge

    merged = merge(str(checkpoint), out, base=base, dtype=dtype)
    typer.echo(f"{merged.out}: {merged.parameters:,} parameters, base {merged.base}")


def _templates(
    task: str | None, rows: Path | None, labels: str | None, fields: list[str] | None
) -> TemplateOptions:
    from harness.core.errors import UsageError
    from trainers.pairs.templates import TemplateOptions

    if task is None or rows is None:
        raise UsageError("--source templates needs --task and --rows.")
    renamed = dict(one.split("=", 1) for one in fields or () if "=" in one)
    if len(renamed) != len(fields or ()):
        raise UsageError("--field is TEMPLATE_NAME=ROW_NAME.")
    words = options.split_names([labels]) if labels else ()
    return TemplateOptions(task=task, rows=rows, labels=words, fields=renamed)


def _paraphrases(
    bank: Path | None,
    levels: str | None,
    names: list[str] | None,
    hold_out: list[str] | None,
    per_row: int,
    data_dir: Path | None,
) -> ParaphraseOptions:
    from harness.cli.terminal import err
    from harness.core.errors import UsageError
    from harness.core.names import parse_levels
    from harness.evaluation.selection import choose_perturbations, describe_left_out
    from harness.tasks.paraphrase_bank import read_bank
    from trainers.pairs.paraphrases import ParaphraseOptions

    chosen = options.split_names(names)
    wanted = parse_levels(levels) if levels else ()
    if bank is None and not chosen and not wanted:
        raise UsageError("--source paraphrases needs --bank, --levels or --perturbations.")
    if bank is not None and not chosen and not wanted:
        chosen = ("paraphrase",)
    selection = choose_perturbations(levels=wanted, names=chosen, stacks=(), data_dir=data_dir)
    for note in describe_left_out(selection.left_out):
        err().print(f"note: {note}", style="dim", markup=False)
    held = set(options.split_names(hold_out))
    unknown = held - {p.name for p in selection.perturbations}
    unknown -= {p.level for p in selection.perturbations}
    if unknown:
        raise UsageError(f"--hold-out {min(unknown)}: no such level or perturbation is chosen.")
    left = tuple(p for p in selection.perturbations if not held & {p.name, p.level})
    if not left:
        raise UsageError("--hold-out leaves no perturbation.")
    return ParaphraseOptions(left, read_bank(bank).by_text() if bank else {}, per_row)


def _show_pairs(
    built: PairSet, asked: PairsOptions, out: Path, page: Path, *, as_json: bool
) -> None:
    from harness.cli.terminal import out as console
    from harness.cli.terminal import print_json, print_table
    from trainers.pairs.page import drop_rows
    from trainers.sampler import count_hard_negatives

    dropped = drop_rows(built)
    hard = count_hard_negatives(built.pairs)
    if as_json:
        print_json(
            {
                "out": str(out),
                "samples": str(page),
                "pairs": len(built.pairs),
                "candidates": built.candidates,
                "with_hard_negative": hard,
                "dropped": {reason: number for reason, number, _ in dropped},
            }
        )
        return
    print_table(
        "Dropped", ("reason", "number", "what it means"), [(r, f"{n:,}", m) for r, n, m in dropped]
    )
    console().print(
        f"{len(built.pairs):,} pairs, {hard:,} with a hard negative: {out}", markup=False
    )
    console().print(f"look at: {page}", markup=False)
    if not asked.exclude:
        console().print("nothing was excluded: evaluation rows may be among them", style="yellow")


def _train(config: Path | None, given: dict[str, object], *, as_json: bool, quiet: bool) -> None:
    _need("accelerate")
    _need("peft")
    from harness.cli.terminal import err, print_json
    from trainers.config import load_train_config

    resolved = load_train_config(config, given)
    from trainers.train import train

    trained = train(resolved, console=None if quiet or as_json else err())
    if as_json:
        print_json(trained.manifest)
    elif not quiet:
        _show_trained(trained)


def _need(package: str) -> None:
    import importlib.util

    from harness.core.errors import MissingPackageError

    if importlib.util.find_spec(package) is None:
        raise MissingPackageError(
            package, needed_for="training", install='pip install "robustness-harness[train]"'
        )


def _show_trained(trained: TrainResult) -> None:
    from harness.cli.terminal import out, print_table

    shown = ("train_runtime", "last_loss", "last_tokens_per_second", "last_peak_memory_mb")
    metrics = trained.metrics
    rows = [
        (name, f"{value:,.4g}")
        for name, value in metrics.items()
        if name in shown or name.startswith("eval_")
    ]
    print_table(f"Trained for {trained.manifest['steps']:,} steps", ("metric", "value"), rows)
    if trained.repeated:
        out().print("finished before; --fresh would repeat it", style="yellow")
    out().print(f"checkpoint: {trained.out}", markup=False)
    out().print(f"evaluate it: harness run --model {trained.out}", markup=False)
