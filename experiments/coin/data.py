"""The data of a form as commands: rows for each use, then pairs in templates and in wordings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from commands import HERE, Config, Step, flags, harness, script, values

BANK = "wordings.yaml"
FILES = {"flan": "flan_v1_templates.json", "promptsource": "promptsource_templates.jsonl.gz"}
"""Whose templates -> their file in the data folder."""


def plan_data(config: Config, data: Path, out: Path) -> Iterator[Step]:
    """The commands that make every pairs file of a form."""
    for task, source in config["tasks"].items():
        yield Step(
            f"rows {task}",
            (
                *script("rows.py", "--input", data / source["train"], "--task", task),
                *values("--sizes", config["rows"]),
                *(values("--values", source["values"]) if "values" in source else ()),
                *("--out", str(out / "rows")),
            ),
        )
    for part, options in config["pairs"].items():
        files = []
        for task in config["tasks"]:
            for bank in FILES:
                if bank in options:
                    files.append(out / "pairs" / f"{part}.{task}.{bank}.jsonl")
                    yield _templates(config, data, out, part, task, bank)
        joined = out / "pairs" / f"{part}.jsonl"
        words = ("--target-times", options.get("target_times", 5), "--out", joined)
        yield Step(f"pairs {part}", script("mix.py", *files, *words))
    yield from _wordings(config, data, out)


def _templates(config: Config, data: Path, out: Path, part: str, task: str, bank: str) -> Step:
    """Pairs of one task's rows in two wordings of FLAN or of promptsource."""
    source, name = config["tasks"][task], f"{part}.{task}.{bank}"
    rows = config["pairs"][part].get("rows", part)
    labels = ("--labels", ",".join(source["labels"])) if bank == "flan" else ()
    fields = [
        word
        for theirs, own in source.get("fields", {}).items()
        for word in ("--field", f"{theirs}={own}")
    ]
    excluded = [
        word for one in config["tasks"].values() for word in ("--exclude", data / one["dev"])
    ]
    return Step(
        f"pairs {name}",
        harness(
            *("pairs", "--source", "templates", "--input", data / "instructions" / FILES[bank]),
            *("--task", source[bank], *labels, *fields),
            *("--rows", out / "rows" / f"{task}.{rows}.jsonl"),
            *(*excluded, "--limit", config["pairs"][part][bank]),
            *("--out", out / "pairs" / f"{name}.jsonl"),
        ),
    )


def _wordings(config: Config, data: Path, out: Path) -> Iterator[Step]:
    """The rows of the arms' pairs under other wordings, a part of them perturbed.

    Halves are every other pair in templates, the rest in other wordings. Neither the test's nor
    the validation's perturbations are among them.
    """
    folder = out / "pairs"
    for name, options in config["wordings"]["pairs"].items():
        banks = [HERE / bank for bank in options.get("banks", [BANK])]
        requests, bank = folder / f"{name}.requests.jsonl", folder / f"{name}.bank.json"
        yield Step(
            f"requests {name}",
            script(
                *("wordings.py", folder / "arms.jsonl", "--rows", out / "rows"),
                *(
                    "--wordings",
                    *banks,
                    *flags({"own_words": True} if "own_words" in options else {}),
                ),
                *("--requests", requests, "--bank", bank),
            ),
        )
        held_out = (*config["wordings"]["hold_out"], *options.get("hold_out", ()))
        if "perturbations" in options:  # these and no others, so there is nothing to hold out
            chosen = ["--perturbations", options["perturbations"]]
        else:
            chosen = ["--levels", options.get("levels", "all")]
            chosen += [word for one in held_out for word in ("--hold-out", one)]
        yield Step(
            f"pairs {name}",
            harness(
                *("pairs", "--source", "paraphrases", "--input", requests, "--bank", bank),
                *(*chosen, "--no-balance", "--data-dir", data),
                *("--out", folder / f"{name}.jsonl"),
            ),
        )
    for name, other in config["wordings"].get("halves", {}).items():
        yield Step(
            f"pairs {name}",
            script(
                *("mix.py", folder / "arms.jsonl", "--every-other", folder / f"{other}.jsonl"),
                *("--target-times", 1, "--out", folder / f"{name}.jsonl"),
            ),
        )
