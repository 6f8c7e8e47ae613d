"""`harness attack`: look for the phrasing that hurts a model most."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli import options

if TYPE_CHECKING:
    from harness.attacks import AttackConfig, AttackResult


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("attack")(attack_command)


def attack_command(
    model: options.Model,
    task: Annotated[str, typer.Option(help="A task's name or YAML file.")],
    out: Annotated[Path, typer.Option(help="Directory; resumed if it holds this attack.")],
    recipe: Annotated[
        str, typer.Option(help="How to search; see `harness list recipes`.")
    ] = "race",
    budget: Annotated[int, typer.Option(help="Cells that the search may ask.")] = 2000,
    level: Annotated[
        str | None,
        typer.Option(help="character, word, sentence or semantic.  [default: the recipe's first]"),
    ] = None,
    instruction: Annotated[
        str | None,
        typer.Option(help="Id of the instruction to attack.  [default: the task's first]"),
    ] = None,
    perturbations: Annotated[
        list[str] | None, typer.Option("--perturbations", help="Only these, by name.")
    ] = None,
    paraphrases: Annotated[
        Path | None, typer.Option(help="A bank that `harness paraphrase` wrote.")
    ] = None,
    search_examples: Annotated[
        int | None, typer.Option(help="Examples to search on.  [default: 100, at most half]")
    ] = None,
    report_examples: Annotated[
        int | None, typer.Option(help="Other examples to report on.  [default: 400, at most all]")
    ] = None,
    max_words_changed: Annotated[
        float | None, typer.Option(help="Largest share of words that may change.")
    ] = None,
    min_similarity: Annotated[
        float | None, typer.Option(help="Smallest cosine with the original instruction.")
    ] = None,
    masked_lm: Annotated[
        Path | None, typer.Option(help="Folder of a masked model (bertattack, bae).")
    ] = None,
    base: Annotated[str | None, typer.Option(help="Base model of an adapter.")] = None,
    revision: Annotated[str | None, typer.Option(help="Revision of a hub model.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run code that comes with a hub model.")
    ] = False,
    prompt_format: Annotated[str, typer.Option(help="auto, plain, coin or chat.")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    plugin: options.Plugins = None,
    data_dir: options.DataDir = None,
    seed: options.Seed = 0,
    confidence: Annotated[float, typer.Option(help="Confidence of the interval.")] = 0.95,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start over, do not resume.")] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Take no response from earlier runs.")
    ] = False,
    as_json: options.AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")] = False,
) -> None:
    """Look for the instruction that hurts most at a level, within a budget of cells.

    The search and the report use different examples. The same command resumes a search that was
    stopped. Results: attack.json, queries.sqlite and variants.jsonl for `harness run --variants`.
    """
    config = _config(
        model=model,
        task=task,
        out=out,
        recipe=recipe,
        budget=budget,
        level=level,
        instruction=instruction,
        perturbations=options.split_names(perturbations),
        plugins=tuple(plugin or ()),
        paraphrases=paraphrases,
        search_examples=search_examples,
        report_examples=report_examples,
        max_words_changed=max_words_changed,
        min_similarity=min_similarity,
        masked_lm=masked_lm,
        base=base,
        revision=revision,
        trust_remote_code=trust_remote_code,
        prompt_format=prompt_format,
        dtype=dtype,
        device=device,
        seed=seed,
        confidence=confidence,
        data_dir=data_dir,
        fresh=fresh,
        cache=not no_cache,
    )
    _attack(config, as_json=as_json, quiet=quiet)


def _attack(config: AttackConfig, *, as_json: bool, quiet: bool) -> None:
    from harness.attacks import execute_attack, prepare_attack
    from harness.cli.terminal import TerminalProgress, print_json
    from harness.core.progress import NoProgress

    prepared = prepare_attack(config)
    silent = quiet or (as_json and not sys.stderr.isatty())
    progress = NoProgress() if silent else TerminalProgress()
    command = shlex.join(["harness", *sys.argv[1:]])
    attacked = execute_attack(prepared, command=command, progress=progress)
    if as_json:
        print_json(attacked.report)
    elif not quiet:
        _show(attacked)


def _config(**values: Any) -> AttackConfig:
    """The checked configuration, with an option's name in every complaint."""
    from harness.attacks import AttackConfig
    from harness.core.options import check_options

    return check_options(AttackConfig, values)


def _show(attacked: AttackResult) -> None:
    from rich.text import Text

    from harness.cli.terminal import err, out, print_table, printable

    report = attacked.report
    found, measured, cells = report["found"], report["report"], report["cells"]
    low, high = measured["drop_ci"] or (None, None)
    console = out()
    console.print(Text(printable(found["original"]), "dim"))
    console.print(Text(printable(found["text"]), "bold"))
    similarity = found["similarity"]
    rows = [
        ("clean accuracy", f"{100 * measured['clean_accuracy']:.1f}"),
        ("accuracy", f"{100 * measured['accuracy']:.1f}"),
        ("drop", f"{100 * measured['drop']:+.1f}{_interval(low, high)}"),
        ("report examples", f"{measured['examples']:,}"),
        ("search cells", f"{cells['search']:,} of {cells['budget']:,}"),
        ("perturbations", " + ".join(found["chain"]) or "none"),
        ("words changed", f"{100 * found['words_changed']:.0f} %"),
        ("edit distance", f"{found['char_distance']} characters"),
        ("similarity", "-" if similarity is None else f"{similarity:.2f}"),
        ("label words intact", "yes" if found["label_words_intact"] else "no"),
    ]
    print_table("", ("", "on the report split"), rows)
    for note in report["notes"]:
        err().print(Text(f"note: {printable(note)}"), style="dim")
    console.print(f"variants: {attacked.path / 'variants.jsonl'}", markup=False)


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({100 * low:+.1f} to {100 * high:+.1f})"
