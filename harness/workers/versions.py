"""What must be the same on every machine, or answers would not be."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass, fields
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Versions:
    """The software of one machine."""

    python: str
    ray: str
    harness: str
    """Its version, with a hash of its code: two states of one version differ."""
    torch: str
    transformers: str

    def differences(self, other: Versions) -> list[str]:
        """What must be equal and is not, as sentences' ends: `Python 3.11.7 here, 3.12.1 there`."""
        return [
            f"{name} {getattr(self, name)} here and {getattr(other, name)} there"
            for name in ("python", "ray", "harness")
            if getattr(self, name) != getattr(other, name)
        ]

    def other_libraries(self, other: Versions) -> list[str]:
        """What may differ, but may cost last digits."""
        return [
            f"{one.name} {getattr(self, one.name)} here, {getattr(other, one.name)} there"
            for one in fields(self)
            if one.name in ("torch", "transformers")
            and _release(getattr(self, one.name)) != _release(getattr(other, one.name))
        ]


def versions_here() -> Versions:
    """The software of this machine."""
    return Versions(
        python=platform.python_version(),
        ray=_installed("ray"),
        harness=f"{_installed('robustness-harness')} ({_code_hash()})",
        torch=_installed("torch"),
        transformers=_installed("transformers"),
    )


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _release(text: str) -> str:
    """A version without its build: torch for a CPU and for a GPU are the same code."""
    return text.partition("+")[0]


@cache
def _code_hash() -> str:
    """Eight digits of a hash of the harness's own code."""
    import harness

    digest = hashlib.blake2b(digest_size=4)
    folder = Path(harness.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        digest.update(str(path.relative_to(folder)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
