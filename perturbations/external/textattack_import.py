"""Importing TextAttack without its downloads, and without the packages that its recipes here spare.

Its import downloads NLTK data, writes to the home folder, sets environment variables and
reconfigures logging: all of that is in one module, `textattack.shared.utils.install`, which is
replaced by one that refuses downloads. It also imports flair, which does not work with
transformers 5, and packages for Chinese, grammar checks and logging. Where one is absent, a module
takes its place while TextAttack is imported, and whatever is taken from it fails with a clear error
when it is used; none of the recipes offered here uses any.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Final, NoReturn

from harness.core.errors import MissingPackageError, UsageError

INSTALL: Final = (
    'pip install "robustness-harness[textattack]" && pip install --no-deps textattack==0.3.11'
)

_INSTALLER: Final = "textattack.shared.utils.install"
_NLTK_DATA: Final = (
    "corpora/stopwords",
    "corpora/wordnet",
    "taggers/averaged_perceptron_tagger_eng",
    "taggers/universal_tagset",
)
_SPARED: Final = (
    "flair", "flair.data", "flair.models", "bert_score", "jieba", "langdetect",
    "language_tool_python", "Levenshtein", "OpenHowNet", "pinyin", "terminaltables",
)  # fmt: skip


def load_textattack(data_dir: Path | None) -> None:
    """Import TextAttack, once; afterwards `import textattack` anywhere returns it.

    At import it reads stop words from NLTK's data, which are looked for in `nltk_data` of the data
    folder, then where NLTK looks by itself (NLTK_DATA among others).

    Raises:
        MissingPackageError: it, or a package that it needs, is not installed.
        UsageError: NLTK's data are not found.
    """
    _find_nltk_data(data_dir)
    if "textattack" in sys.modules:
        return
    with _spared_packages():
        sys.modules[_INSTALLER] = _Installer(_INSTALLER)
        try:
            importlib.import_module("textattack")
        except ModuleNotFoundError as error:
            _forget_textattack()
            raise MissingPackageError(
                str(error.name), needed_for="a recipe of TextAttack", install=INSTALL
            ) from None


def _find_nltk_data(data_dir: Path | None) -> None:
    try:
        import nltk
    except ModuleNotFoundError:
        raise MissingPackageError(
            "nltk", needed_for="a recipe of TextAttack", install=INSTALL
        ) from None
    folder = str(data_dir / "nltk_data") if data_dir else None
    if folder is not None and folder not in nltk.data.path:
        # NLTK reads NLTK_DATA when it is imported; its own search path needs no variable.
        nltk.data.path.insert(0, folder)
    for resource in _NLTK_DATA:
        if not any(
            (Path(place) / f"{resource}{end}").exists()
            for place in nltk.data.path
            for end in ("", ".zip")
        ):
            raise UsageError(
                f"the recipes of TextAttack read NLTK's {resource!r}, which was not found.",
                hint="Type: --data-dir FOLDER with nltk_data in it (or set NLTK_DATA).",
            )


@contextmanager
def _spared_packages() -> Iterator[None]:
    """Stand-ins for packages that are absent, or known not to import, in `sys.modules`."""
    absent = {name for name in _SPARED if name not in sys.modules and not _is_importable(name)}
    for name in _SPARED:
        if name in absent:
            module = sys.modules[name] = _StandIn(name)
            parent, _, child = name.rpartition(".")
            if parent:
                setattr(sys.modules[parent], child, module)
    silenced = os.environ.get("WANDB_SILENT")
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
        # Its trainer sets this for the whole process.
        if silenced is None:
            os.environ.pop("WANDB_SILENT", None)


def _is_importable(name: str) -> bool:
    # Current flair versions do not import beside transformers 5, installed or not.
    return not name.startswith("flair") and importlib.util.find_spec(name) is not None


def _forget_textattack() -> None:
    """Leave no half-imported package behind."""
    for name in [one for one in sys.modules if one.split(".")[0] == "textattack"]:
        del sys.modules[name]


class _StandIn(ModuleType):
    """A module every attribute of which is a class that cannot be used."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)

        def refuse(*_: object, **__: object) -> NoReturn:
            raise UsageError(
                f"TextAttack asked for {self.__name__}.{name}, which no recipe offered here needs."
            )

        return type(name, (), {"__init__": refuse, "__module__": self.__name__, "load": refuse})


class _Installer(ModuleType):
    """TextAttack's module of downloads, without downloads."""

    TEXTATTACK_CACHE_DIR = ""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.logger = logging.getLogger("textattack")
        self.__all__ = ["TEXTATTACK_CACHE_DIR", "download_from_s3", "download_from_url", "logger"]

    def download_from_s3(self, folder_name: str, skip_if_cached: bool = True) -> NoReturn:
        """Refused."""
        raise UsageError(f"TextAttack asked to download {folder_name!r}, which is never done here.")

    def download_from_url(self, url: str, save_path: str, skip_if_cached: bool = True) -> NoReturn:
        """Refused."""
        raise UsageError(f"TextAttack asked to download {url!r}, which is never done here.")
