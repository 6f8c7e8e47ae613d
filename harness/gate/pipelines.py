"""The files that gate a checkpoint on a CI server: a pipeline, a script, a policy to start with.

Whatever a user says reaches a pipeline as one quoted string, and the shell as the value of an
environment variable: no name is ever code.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from string import Template
from typing import Final, Literal, get_args

from harness.core.atomic import reason
from harness.core.errors import UsageError

Server = Literal["github", "gitlab", "jenkins"]
SERVERS: Final[tuple[Server, ...]] = get_args(Server)
PACKAGE: Final = "robustness-harness"
POLICY: Final = "robustness-policy.yaml"
SCRIPT: Final = "robustness-gate.sh"

_TEMPLATES: Final = Path(__file__).parent / "ci"


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What a pipeline evaluates, and where its baselines are kept."""

    model: str
    """The checkpoint: a path in the repository, or a hub id."""
    install: str
    """What pip installs."""
    tasks: tuple[str, ...] = ()
    """Task names or files; none: the starter suite."""
    limit: int | None = None
    """Examples per task."""
    cells: int | None = None
    """The budget of a run."""
    store: str | None = None
    """Where baselines are kept; None: where the server keeps things best."""

    @property
    def options(self) -> str:
        """The options of `harness run`, as xargs reads them."""
        words = ["--levels", "all", "--quiet"]
        words += ["--task", ",".join(self.tasks)] if self.tasks else []
        words += ["--limit", str(self.limit)] if self.limit else []
        words += ["--cells", str(self.cells)] if self.cells else []
        return " ".join(word if word.replace("-", "").isalnum() else f'"{word}"' for word in words)


@dataclass(frozen=True, slots=True)
class _Pipeline:
    """How a server's pipeline is written."""

    file: str
    template: str
    store: str
    """Where baselines are kept unless the user says."""
    quote: Callable[[str], str]
    foreign: tuple[str, ...] = ()
    """What the server itself would read in a string."""


def _quote_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a YAML string too


def _quote_groovy(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


_PIPELINES: Final[dict[Server, _Pipeline]] = {
    "github": _Pipeline(
        ".github/workflows/robustness.yml",
        "github.yml",
        "git:robustness-baselines",
        _quote_json,
        ("${{",),
    ),
    "gitlab": _Pipeline("robustness.gitlab-ci.yml", "gitlab.yml", "baselines", _quote_json),
    "jenkins": _Pipeline(
        "Jenkinsfile.robustness", "Jenkinsfile", "/var/tmp/robustness-baselines", _quote_groovy
    ),
}


def write_pipeline(folder: Path, server: Server, evaluated: Evaluated) -> list[Path]:
    """Write a server's pipeline, its script and a policy into a repository.

    Args:
        folder: the repository; it is made if it is not there.
        server: whose pipeline.
        evaluated: what it evaluates.

    Returns:
        The files that were written.

    Raises:
        UsageError: one of them is there already, the folder cannot be written, or something that
            was given cannot stand in a pipeline.
    """
    pipeline = _PIPELINES[server]
    texts = {
        folder / pipeline.file: _fill(pipeline, evaluated),
        folder / SCRIPT: (_TEMPLATES / SCRIPT).read_text("utf-8"),
        folder / POLICY: (_TEMPLATES / "policy.yaml").read_text("utf-8"),
    }
    for target in texts:
        if target.exists() or target.is_symlink():
            raise UsageError(f"{target} is there already.", hint="Move it away first.")
    for target, text in texts.items():
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("x", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
        except OSError as error:
            raise UsageError(f"{target} cannot be written: {reason(error)}.") from None
    return list(texts)


def find_install() -> str:
    """What pip must be told to install this very version elsewhere.

    The commit, where it was installed from a repository or from a clone of one; else the version,
    as an index has it.
    """
    try:
        installed = distribution(PACKAGE)
    except PackageNotFoundError:
        return f"{PACKAGE}[all]"
    origin = json.loads(installed.read_text("direct_url.json") or "{}")
    url = str(origin.get("url", ""))
    if commit := origin.get("vcs_info", {}).get("commit_id"):
        return f"{PACKAGE}[all] @ git+{url}@{commit}"
    if remote := _remote_of(Path(url.removeprefix("file://"))):
        return f"{PACKAGE}[all] @ {remote}"
    return f"{PACKAGE}[all]=={installed.version}"


def _remote_of(clone: Path) -> str | None:
    """The address and commit of the repository that a folder is a clone of."""
    if not (clone / ".git").exists():
        return None
    try:
        url, commit = (
            subprocess.run(
                ["git", "-C", str(clone), *arguments], check=True, capture_output=True, text=True
            ).stdout.strip()
            for arguments in (("remote", "get-url", "origin"), ("rev-parse", "HEAD"))
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"git+{url}@{commit}" if url.startswith(("https://", "ssh://")) else None


def _fill(pipeline: _Pipeline, evaluated: Evaluated) -> str:
    given = {
        "--model": evaluated.model,
        "--install": evaluated.install,
        "--store": evaluated.store or pipeline.store,
        "--task": "".join(evaluated.tasks),
    }
    for option, text in given.items():
        _check(pipeline, option, text)
    if set('"\\') & set(given["--task"]):
        raise UsageError("--task has a quote or a backslash in it, which no pipeline can hold.")
    values = {
        "model": evaluated.model,
        "options": evaluated.options,
        "install": evaluated.install,
        "store": given["--store"],
    }
    template = Template((_TEMPLATES / pipeline.template).read_text("utf-8"))
    return template.substitute({name: pipeline.quote(text) for name, text in values.items()})


def _check(pipeline: _Pipeline, option: str, text: str) -> None:
    if text.isprintable() and not any(mark in text for mark in pipeline.foreign):
        return
    raise UsageError(
        f"{option} {text!r} cannot stand in {pipeline.file}: the server would read an expression "
        "or a control character in it.",
        hint=f"Type: {option} with a plain name or path.",
    )
