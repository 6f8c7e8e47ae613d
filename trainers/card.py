"""The model card of a checkpoint, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from trainers.objectives import TERMS

Json = dict[str, Any]


def render_card(manifest: Json, measured: Iterable[tuple[str, Iterable[str]]] = ()) -> str:
    """The card that a manifest describes, with the metadata block that model hubs read.

    Args:
        manifest: of a finished training.
        measured: sections, title and lines, of what was measured afterwards; they stand first.
    """
    return "\n".join(_lines(manifest, measured)) + "\n"


def _lines(manifest: Json, measured: Iterable[tuple[str, Iterable[str]]]) -> Iterator[str]:
    base, data = manifest["base"], manifest["data"]
    adapter = manifest["kind"] == "adapter"
    yield from _front_matter(base["name"], adapter=adapter)
    yield f"# {base['name'].rsplit('/', 1)[-1]}, tuned on paraphrased instructions"
    yield ""
    yield (
        f"{'A LoRA adapter for' if adapter else 'All weights of'} `{base['name']}`, trained on "
        f"{data['pairs']:,} pairs of an instruction and its paraphrase, so that the answer depends "
        "less on how the instruction is phrased."
    )
    for title, lines in measured:
        yield from _section(title, lines)
    yield from _section("Objective", _objective(manifest))
    yield from _section("Data", _data(data))
    yield from _section("Settings", markdown_table(("option", "value"), manifest["config"].items()))
    yield from _section("Results", _results(manifest))
    yield from _section("Use", _use(manifest, adapter=adapter))
    yield from _section(
        "Limits",
        [
            "Trained on the variants of its pairs; how it answers others must be measured. It has "
            "the base model's limits and licence.",
        ],
    )


def _front_matter(base: str, *, adapter: bool) -> Iterator[str]:
    yield "---"
    # An alias or a folder is no id of a hub.
    if base.count("/") == 1:
        yield f"base_model: {base}"
    yield f"library_name: {'peft' if adapter else 'transformers'}"
    yield "tags:"
    yield "- robustness-harness"
    yield "- instruction-tuning"
    yield "---"
    yield ""


def _objective(manifest: Json) -> Iterator[str]:
    terms = manifest["objective"]
    yield from markdown_table(
        ("term", "weight", "what it is"),
        [(term, f"{weight:g}", TERMS[term].about) for term, weight in terms.items()],
    )
    methods = [TERMS[term].source for term in terms if TERMS[term].source]
    if methods:
        yield ""
        yield f"After {'; '.join(methods)}."
    if "contrast" in terms:
        yield ""
        yield f"Negatives per anchor: {manifest['negatives_per_anchor']:,}."


def _data(data: Json) -> Iterator[str]:
    yield from markdown_table(
        ("what", "number"),
        [
            ("pairs", f"{data['pairs']:,}"),
            ("with a hard negative", f"{data['with_hard_negative']:,}"),
            ("left out as too long", f"{data['overlong']:,}"),
            ("held out for validation", f"{data['validation']:,}"),
            ("tokens, originals and paraphrases", f"{data['tokens']:,}"),
        ],
    )
    yield ""
    yield f"File `{data['file']}`, content hash `{data['hash']}`."


def _results(manifest: Json) -> Iterator[str]:
    metrics = manifest["metrics"]
    if not metrics:
        yield "None yet."
        return
    yield from markdown_table(("metric", "value"), [(k, f"{v:.4g}") for k, v in metrics.items()])
    yield ""
    yield f"After {manifest['steps']:,} steps on {manifest['devices']} device(s)."


def _use(manifest: Json, *, adapter: bool) -> Iterator[str]:
    yield "```console"
    yield "harness run --model .            # how robust it is, level by level"
    if adapter:
        yield "harness merge . --out MERGED     # a whole model, without the adapter"
    yield "```"
    yield ""
    yield (
        f"Prompts were laid out as `{manifest['prompt_format']}`; evaluate it with "
        f"`--prompt-format {manifest['prompt_format']}`."
    )
    yield ""
    yield f"Base fingerprint `{manifest['base']['fingerprint']}`, seed {manifest['seed']}."


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield ""
    yield f"## {title}"
    yield ""
    yield from lines


def markdown_table(header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> Iterator[str]:
    """A table's lines; no cell ends another."""
    yield "| " + " | ".join(header) + " |"
    yield "|" + " --- |" * len(header)
    for row in rows:
        cells = (str(cell).replace("|", "\\|") for cell in row)
        yield "| " + " | ".join(cells) + " |"
