"""Sources: from what the user typed to a checkpoint directory on this machine."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.core.errors import MissingPackageError, UsageError, nearest_hint
from harness.models.loading.adapter_config import CONFIG_FILE, WEIGHTS_FILE
from harness.models.loading.bundled import BUNDLED, find_bundled
from harness.models.loading.checkpoint import check_checkpoint, has_tokenizer, read_json
from harness.models.loading.gguf import convert_gguf
from harness.models.loading.hub import download_snapshot
from harness.models.spec import ModelSpec

_HUB_ID: Final = re.compile(r"[\w.-]+(/[\w.-]+)?")
_IN_TRAINING: Final = re.compile(r"checkpoint-\d+")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model's weights, tokenizer and adapter lie."""

    kind: str
    """`directory`, `hub`, `gguf`, `adapter` or `bundled`."""
    directory: Path
    """The checkpoint."""
    base: str | None = None
    """What was given as the base model of an adapter."""
    adapter: Path | None = None

    @property
    def tokenizer(self) -> Path:
        """The directory of the tokenizer.

        An adapter may bring its own. A checkpoint that a training wrote on its way often has none:
        it is that of the folder above.

        Raises:
            UsageError: there is none.
        """
        for folder in filter(None, (self.adapter, self.directory)):
            if has_tokenizer(folder):
                return folder
            if _IN_TRAINING.fullmatch(folder.name) and has_tokenizer(folder.parent):
                return folder.parent
        raise UsageError(
            f"{self.directory} has no tokenizer.",
            hint="Copy tokenizer.json and tokenizer_config.json there, from the model that it was "
            "trained from, and chat_template.jinja if that has one.",
        )


def find_source(spec: ModelSpec) -> Source:
    """The source of what the user typed: alias, directory, .gguf file, adapter or hub id.

    Python files of a hub repository are fetched only where `spec.trust_remote_code` is set.

    Raises:
        UsageError: nothing loadable is there; the message says why and what to type.
    """
    if spec.name in BUNDLED:
        source = Source("bundled", convert_gguf(find_bundled(spec.name), name=spec.name))
    else:
        source = _find_elsewhere(
            spec.name, base=spec.base, revision=spec.revision, code=spec.trust_remote_code
        )
    if spec.base is not None and source.adapter is None:
        raise UsageError(
            f"--base was given, but {spec.name} is no adapter (it has no adapter_config.json).",
            hint="Leave out --base.",
        )
    return source


def check_there(name: str) -> None:
    """Refuse a path that cannot be a model; nothing is read, fetched or converted.

    Raises:
        UsageError: there is no such path, or no model at it.
    """
    path = Path(name).expanduser()
    if not name.strip():  # as a path it would be the working directory
        raise _no_such_path(name, path)
    if path.is_dir():
        if not any((path / file).is_file() for file in (CONFIG_FILE, "config.json")):
            raise _not_a_model(path)
    elif path.is_file():
        _check_is_gguf(name, path)
    elif name not in BUNDLED and not _may_be_hub_id(name):
        raise _no_such_path(name, path)


def _find_elsewhere(spec: str, *, base: str | None, revision: str | None, code: bool) -> Source:
    path = Path(spec).expanduser()
    if not spec.strip():  # as a path it would be the working directory
        raise _no_such_path(spec, path)
    if path.is_dir():
        return _from_directory("directory", path.resolve(), base, code=code)
    if path.is_file():
        _check_is_gguf(spec, path)
        resolved = path.resolve()
        return Source("gguf", convert_gguf(resolved, name=resolved.stem))
    if not _may_be_hub_id(spec):
        raise _no_such_path(spec, path)
    return _from_directory("hub", download_snapshot(spec, revision, code=code), base, code=code)


def _from_directory(kind: str, directory: Path, base: str | None, *, code: bool) -> Source:
    if (directory / CONFIG_FILE).is_file():
        return _from_adapter(directory, base, code=code)
    if not (directory / "config.json").is_file():
        raise _not_a_model(directory)
    check_checkpoint(directory)
    return Source(kind, directory)


def _from_adapter(directory: Path, base: str | None, *, code: bool) -> Source:
    """The adapter with its base, which may be anything but another adapter."""
    check_checkpoint(directory, weights=WEIGHTS_FILE)
    named = read_json(directory / CONFIG_FILE).get("base_model_name_or_path")
    chosen = base or (str(named) if named else None)
    type_base = "Type --base with the directory or the hub id of the model it was trained on."
    if chosen is None:
        raise UsageError(f"{directory} is an adapter that doesn't name its base.", hint=type_base)
    try:
        found = find_source(ModelSpec(chosen, trust_remote_code=code))
    except MissingPackageError:
        raise
    except UsageError as error:
        origin = "given as --base" if base else "named in its adapter_config.json"
        raise UsageError(
            f"the base {chosen!r} of the adapter {directory}, {origin}, can't be used: "
            f"{error.message}",
            hint=error.hint if base else type_base,
        ) from error
    if found.adapter is not None:
        raise UsageError(f"the base {chosen!r} of {directory} is an adapter too.", hint=type_base)
    return Source("adapter", found.directory, base=chosen, adapter=directory)


def _check_is_gguf(spec: str, path: Path) -> None:
    if path.suffix != ".gguf":
        raise UsageError(
            f"{spec} is a file, and a model is a directory, a .gguf file or a hub id.",
            hint=f"Give its directory: {path.parent}",
        )


def _may_be_hub_id(spec: str) -> bool:
    return bool(not _looks_like_path(spec) and _HUB_ID.fullmatch(spec) and not _nearest_alias(spec))


def _looks_like_path(spec: str) -> bool:
    return spec.startswith((".", "/", "~")) or spec.endswith((".gguf", "/")) or spec.count("/") > 1


def _nearest_alias(spec: str) -> list[str]:
    return difflib.get_close_matches(spec, BUNDLED, n=1, cutoff=0.75)


def _no_such_path(spec: str, path: Path) -> UsageError:
    beside: list[str] = []
    if path.parent.is_dir():
        beside = [
            str(Path(spec).parent / p.name)
            for p in path.parent.iterdir()
            if p.is_dir() or p.suffix == ".gguf"
        ]
    return UsageError(
        f"there is no model {spec!r}.{nearest_hint(spec, [*beside, *BUNDLED])}",
        hint="Give a directory, a .gguf file, a hub id or an alias (see: harness list models).",
    )


def _not_a_model(directory: Path) -> UsageError:
    inside = sorted(
        path.parent.name
        for pattern in ("*/config.json", "*/adapter_config.json")
        for path in directory.glob(pattern)
    )
    holds = f" It holds {', '.join(inside[:3])}: give one of those." if inside else ""
    ggufs = sorted(path.name for path in directory.glob("*.gguf"))
    if ggufs:
        holds = f" It holds {ggufs[0]}: give that file."
    return UsageError(f"{directory} is not a model directory: it has no config.json.{holds}")
