"""Whether a run directory is what its run.json says: its shape, its seal, and what is missing.

When a run ends its manifest is sealed: it names the other files with the hash of their content, and
holds a hash of itself. A reader believes a finished run only if all of it is what the run wrote.
The seal finds accidents and edits by hand; it is no signature, as anyone can seal a run anew.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)

from harness.core.errors import HarnessError, UsageError
from harness.core.records import LeftOutReason, Level
from harness.core.sqlite import has_journal, open_to_read
from harness.results.jsonfiles import Json, read_json

SCHEMA_VERSION: Final = 1
SAMPLES: Final = "samples.sqlite"
SUMMARY: Final = "summary.json"
_PLACES: Final = frozenset(
    {"model", "base", "tasks", "data_dir", "paraphrases", "variants", "plugins", "out"}
)
"""What of a run's configuration says where things lie: it may be mended when they have moved."""
SEALED: Final = ("variants.jsonl", "examples.jsonl", SAMPLES, SUMMARY)
"""The files that a finished run's manifest vouches for."""

_Count = Annotated[StrictInt, Field(ge=0)]


class _Shape(BaseModel):
    """What a part of run.json must hold; it may hold more."""

    model_config = ConfigDict(extra="allow", frozen=True)


class _TaskShape(_Shape):
    labels: list[StrictStr]
    label_words: list[StrictStr]
    chance: Annotated[FiniteFloat, Field(ge=0, le=1)]
    examples: _Count
    example_ids: list[StrictStr]
    rendered_prompt: StrictStr
    label_tokens: list[StrictInt] | None

    @model_validator(mode="after")
    def _is_of_one_length(self) -> Self:
        tokens = self.labels if self.label_tokens is None else self.label_tokens
        counts = (len(self.labels), len(self.label_words), len(tokens))
        if len(set(counts)) > 1:
            raise ValueError(f"labels, words and tokens are {counts} in number")
        if len(self.example_ids) != self.examples:
            raise ValueError(f"{len(self.example_ids):,} ids of {self.examples:,} examples")
        return self


class _LeftOutShape(BaseModel):
    """As `LeftOut`, which is made of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: StrictStr
    level: Level
    reason: LeftOutReason
    need: StrictStr


class _ManifestShape(_Shape):
    run_id: StrictStr
    status: Literal["running", "incomplete", "complete"]
    command: StrictStr
    identity: dict[str, object]
    content: dict[str, object]
    config: dict[str, object]
    model: dict[str, object]
    prompt_format: StrictStr
    seed: StrictInt
    tasks: dict[str, _TaskShape]
    left_out: list[_LeftOutShape] = []


class _DesignShape(_Shape):
    share: Annotated[FiniteFloat, Field(gt=0, le=1)]
    cells: _Count
    full_cells: _Count
    instructions: _Count
    of_instructions: _Count
    examples: _Count
    of_examples: _Count
    layers: list[_Count]


class _TimingShape(_Shape):
    cells: _Count
    seconds: Annotated[FiniteFloat, Field(ge=0)]
    cache_hits: _Count


class _SealedShape(_ManifestShape):
    design: _DesignShape
    timing: _TimingShape
    samples: _Count
    files: dict[str, StrictStr]
    seal: StrictStr


def check_manifest(manifest: Json, path: Path) -> None:
    """Validate run.json: its schema version, and that every part has the type it must have.

    Raises:
        UsageError: with the key that is missing or wrong.
    """
    version = manifest.get("schema_version")
    if version != SCHEMA_VERSION:
        raise UsageError(
            f"{path} has the schema version {version}; this release reads {SCHEMA_VERSION}.",
            hint="Read it with the release that wrote it, or repeat its command with --fresh.",
        )
    shape = _SealedShape if manifest.get("status") == "complete" else _ManifestShape
    try:
        shape.model_validate(manifest)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"{path / 'run.json'} is damaged: {where}: {first['msg'].lower()}.",
            hint="Copy the run again from where it was made, or repeat its command with --fresh.",
        ) from None


def seal(manifest: Json, folder: Path) -> Json:
    """The manifest of a finished run, with what its other files hold.

    Raises:
        UsageError: one of them is missing or cannot be read.
    """
    files = {name: _hash_file(folder / name) for name in SEALED}
    sealed = {**manifest, "samples": count_samples(folder / SAMPLES), "files": files}
    return {**sealed, "seal": _hash_manifest(sealed)}


def check_seal(manifest: Json, folder: Path) -> None:
    """Check that a finished run's files are those that it wrote.

    Raises:
        UsageError: naming every file that is missing, changed, or another run's.
    """
    problems = list(_broken(manifest, folder))
    if problems:
        raise UsageError(
            f"{folder} is not the run that its run.json describes: {'; '.join(problems)}.",
            hint="Copy it again from where it was made, or start over: repeat its command "
            f"({manifest['command']}) with --fresh.",
        )


def is_sealed_file(manifest: Json, path: Path) -> bool:
    """Whether a file is still as the finished run of this manifest left it."""
    files = manifest.get("files")
    return isinstance(files, Mapping) and files.get(path.name) == _hash_file(path)


def count_samples(path: Path) -> int:
    """How many samples a store holds.

    Raises:
        UsageError: it is no sample store.
    """
    try:
        with closing(open_to_read(path)) as db:
            total: int = db.execute("SELECT count(*) FROM samples").fetchone()[0]
            return total
    except (OSError, sqlite3.Error) as error:
        raise UsageError(f"{path}: not a sample store: {error}.") from None


def _broken(manifest: Json, folder: Path) -> Iterator[str]:
    if manifest["seal"] != _hash_manifest(manifest):
        yield "run.json was changed after the run had ended"
    for name in SEALED:
        path = folder / name
        if not path.is_file():
            yield f"{name} is missing"
        elif not is_sealed_file(manifest, path):
            yield _explain_change(manifest, path)
    if has_journal(folder / SAMPLES):
        yield f"beside {SAMPLES} stands a journal of later changes"


def _explain_change(manifest: Json, path: Path) -> str:
    """What became of a file that is not as it was."""
    try:
        if path.name == SUMMARY:
            other = read_json(path).get("run_id")
            if other != manifest["run_id"]:
                return f"{SUMMARY} belongs to the run {other}, not to {manifest['run_id']}"
        if path.name == SAMPLES:
            held = count_samples(path)
            if held != manifest["samples"]:
                return f"{SAMPLES} holds {held:,} of {manifest['samples']:,} samples"
    except HarnessError:
        return f"{path.name} is damaged"
    return f"{path.name} was changed after the run had ended"


def _hash_manifest(manifest: Json) -> str:
    """A hash of what a manifest says, but for its command and where things lie."""
    facts = {key: value for key, value in manifest.items() if key not in {"seal", "command"}}
    config = dict(facts["config"])
    facts["config"] = {key: value for key, value in config.items() if key not in _PLACES}
    text = json.dumps(json.loads(json.dumps(facts)), sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _hash_file(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
