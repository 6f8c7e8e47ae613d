"""Several models as they are named: patterns opened, and what cannot be a model refused."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness.core.errors import UsageError
from harness.models.backends import BACKENDS
from harness.models.engines import vllm
from harness.models.loading.adapter_config import CONFIG_FILE
from harness.models.loading.bundled import BUNDLED
from harness.models.loading.checkpoint import read_json
from harness.models.loading.hub import download_snapshot
from harness.models.loading.source import check_there
from harness.models.servers import llamacpp
from harness.models.servers.address import is_served
from harness.models.spec import ModelSpec


def expand_models(given: Sequence[str]) -> list[str]:
    """Return the models that names and patterns stand for, in order, each once.

    A pattern such as `out/checkpoint-*` stands for the models among the paths that it matches,
    numbers in the order of their values, without those that were named before it.

    Raises:
        UsageError: a pattern matches no model, or a model is named twice.
    """
    found: list[str] = []
    for name in given:
        seen = {_identity(one) for one in found}
        if _is_pattern(name):
            found += [one for one in _matches(name) if _identity(one) not in seen]
        elif _identity(name) in seen:
            raise UsageError(
                f"the model {name!r} is named twice.",
                hint="Leave one of them out; a quoted pattern leaves out what stands before it.",
            )
        else:
            found.append(name)
    return found


def check_named(name: str) -> None:
    """Refuse a name that can be no model; nothing is read, asked or loaded.

    What a server or a plug-in's backend has, it alone knows.

    Raises:
        UsageError: there is no such path, or no model at it.
    """
    backend, rest = _split(name)
    if backend == f"{llamacpp.BACKEND}:":
        llamacpp.find_file(rest)
    elif backend == f"{vllm.BACKEND}:":
        vllm.check_name(rest)
    elif not backend and not is_served(ModelSpec(name)):
        check_there(name)


def find_configuration(spec: ModelSpec) -> Path | None:
    """The folder of a model's config.json, of an adapter that of its base; no weights are read.

    Of a hub's model that file alone is fetched. None where another engine or a GGUF file has it.

    Raises:
        UsageError: there is no such model.
    """
    check_named(spec.name)
    if _split(spec.name)[0] or is_served(spec) or spec.name in BUNDLED:
        return None
    folder = Path(spec.name).expanduser()
    if folder.is_file():
        return None
    if not folder.is_dir():
        folder = download_snapshot(
            spec.name, spec.revision, code=False, files=("config.json", CONFIG_FILE)
        )
    if not (folder / CONFIG_FILE).is_file():
        return folder
    base = spec.base or read_json(folder / CONFIG_FILE).get("base_model_name_or_path")
    if not base or is_adapter(str(base)):
        return None  # loading says what is wrong with that
    return find_configuration(replace(spec, name=str(base), base=None, revision=None))


def is_adapter(name: str) -> bool:
    """Whether a name is the directory of an adapter."""
    return (Path(name).expanduser() / CONFIG_FILE).is_file()


def _is_pattern(name: str) -> bool:
    served = is_served(ModelSpec(name))
    return not served and glob.has_magic(name) and not Path(_split(name)[1]).expanduser().exists()


def _split(name: str) -> tuple[str, str]:
    """A backend with its colon, or nothing, and the rest of a name."""
    backend, colon, rest = name.partition(":")
    return (backend + colon, rest) if colon and backend in BACKENDS else ("", name)


def _matches(pattern: str) -> list[str]:
    backend, pattern = _split(pattern)
    # Path.glob takes no absolute pattern, and does not keep a leading "./".
    paths = glob.glob(str(Path(pattern).expanduser()))  # noqa: PTH207
    models = sorted((path for path in paths if _is_model(path)), key=_natural)
    if not models:
        others = f"; it matches {len(paths)} other path{'s' * (len(paths) > 1)}" if paths else ""
        raise UsageError(
            f"no model matches {pattern!r}{others}.",
            hint="A model is a directory with a config.json or an adapter_config.json, or a .gguf "
            "file.",
        )
    return [backend + path for path in models]


def _is_model(path: str) -> bool:
    try:
        check_there(path)
    except UsageError:
        return False
    return True


def _natural(path: str) -> list[tuple[int, str]]:
    """A key by which checkpoint-9 stands before checkpoint-10."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in _parts(path)]


def _parts(path: str) -> Iterator[str]:
    return (part for part in re.split(r"(\d+)", path) if part)


def _identity(name: str) -> str:
    backend, rest = _split(name)
    path = Path(rest).expanduser()
    return backend + str(path.resolve()) if path.exists() else name
