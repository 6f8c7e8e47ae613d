"""`harness perturb`: show what each perturbation makes of a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import options
from harness.cli.command import add_command

if TYPE_CHECKING:
    from rich.text import Text

    from harness.core.records import Variant

Marks = tuple[tuple[str, str, str], tuple[str, str, str]]


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(
        app,
        "perturb",
        perturb_command,
        'harness perturb "Classify the review." --levels character,word',
        'harness perturb "Classify the review." --stack keyboard+politeness --seed 3',
    )


def perturb_command(
    text: Annotated[str, typer.Argument(help="The instruction to perturb.")],
    levels: options.Levels = None,
    perturbations: options.Perturbations = None,
    stack: options.Stacks = None,
    label: Annotated[
        list[str] | None, typer.Option(help="Verbalizer that must stay. Repeatable.")
    ] = None,
    per_perturbation: Annotated[int, typer.Option(help="Variants per perturbation.", min=1)] = 1,
    strength: options.Strength = "medium",
    plugin: options.Plugins = None,
    data_dir: options.DataDir = None,
    seed: options.Seed = 0,
    as_json: options.AsJson = False,
) -> None:
    """Show variants of a text at each level, with the edits marked."""
    from harness.api.perturbing import vary_text
    from harness.cli.terminal import err, print_json
    from harness.core.names import parse_levels
    from harness.evaluation.selection import choose_perturbations, describe_left_out
    from harness.results.rundir import variant_row

    chosen = choose_perturbations(
        levels=None if levels is None else parse_levels(levels),
        names=options.split_names(perturbations),
        stacks=tuple(stack or ()),
        plugins=tuple(plugin or ()),
        data_dir=data_dir,
        strengths=(strength,),
    )
    made = vary_text(
        text,
        chosen,
        label_words=options.split_names(label),
        seed=seed,
        per_perturbation=per_perturbation,
    )
    for note in describe_left_out([*chosen.left_out, *made.left_out]):
        err().print(note, style="dim", markup=False, highlight=False)
    variants = list(made.variants)
    if as_json:
        print_json([variant_row(variant) for variant in variants])
    else:
        _show(variants)


def _show(variants: list[Variant]) -> None:
    from itertools import groupby

    from rich.padding import Padding
    from rich.text import Text

    from harness.cli.terminal import out
    from harness.core.progress_bar import printable
    from perturbations import validity_notes

    console = out()
    for level, group in groupby(variants, key=lambda variant: variant.level):
        console.print(Text(level, "bold"))
        for variant in group:
            console.print(Padding(Text(variant.perturbation, "dim"), (0, 0, 0, 2)))
            for note in validity_notes([variant.perturbation]):
                console.print(Padding(Text(printable(note), "yellow"), (0, 0, 0, 2)))
            marks = _COLOURED if console.color_system else _PLAIN
            console.print(Padding(_marked(variant, marks), (0, 0, 0, 4)))


# What surrounds a deletion and an insertion, and their styles.
_COLOURED = (("", "", "strike red"), ("", "", "underline green"))
_PLAIN = (("[-", "-]", ""), ("{+", "+}", ""))


def _marked(variant: Variant, marks: Marks) -> Text:
    """The text with its deletions and insertions marked."""
    from rich.text import Text

    from harness.core.progress_bar import printable

    marked, position = Text(), 0
    for edit in sorted(variant.edits, key=lambda edit: (edit.start, edit.end)):
        marked.append(printable(variant.original[position : edit.start]))
        for piece, (left, right, style) in zip((edit.before, edit.after), marks, strict=True):
            if piece:
                marked.append(left + printable(piece) + right, style)
        position = edit.end
    marked.append(printable(variant.original[position:]))
    return marked
