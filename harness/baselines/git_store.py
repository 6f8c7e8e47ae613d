"""Baselines on a branch of the repository that one stands in, beside its code and out of its way.

The branch holds one folder per name, and one commit, which is replaced: runs are megabytes, and a
history of them would slow every clone. The work tree and the index are never touched. Where the
repository has a remote `origin`, the branch is read from there and pushed there; a push that meets
another one is tried again from what that one left.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pydantic import TypeAdapter, ValidationError

from harness.baselines.store import NAME, Baseline
from harness.core.errors import MissingPackageError, UsageError

REMOTE: Final = "origin"
ENTRY: Final = "baseline.json"
TRIES: Final = 5

_BASELINE: TypeAdapter[Baseline] = TypeAdapter(Baseline)
_AUTHOR: Final = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "harness"), ("EMAIL", "harness@localhost"))
}


@dataclass(frozen=True, slots=True)
class GitStore:
    """A store on a branch."""

    address: str
    branch: str
    remote: str | None
    """Where the branch lives; None where the repository has no remote."""

    @classmethod
    def open(cls, address: str) -> GitStore:
        """The store on the branch that `git:BRANCH` names, in the repository one stands in.

        Raises:
            MissingPackageError: git is not installed.
            UsageError: no repository here, or no name of a branch.
        """
        branch = address.removeprefix("git:")
        try:
            _git("check-ref-format", "--branch", branch)
        except FileNotFoundError:
            raise MissingPackageError(
                "git", needed_for=f"the store {address}", install="apt install git"
            ) from None
        except subprocess.CalledProcessError:
            raise UsageError(
                f"{branch!r} is no name of a branch.",
                hint="Type: --store git:robustness-baselines",
            ) from None
        try:
            remotes = _git("remote").decode().split()
        except subprocess.CalledProcessError:
            raise UsageError(
                f"{address} needs a git repository, and {Path.cwd()} is in none.",
                hint="Go into the repository, or type: --store with a folder.",
            ) from None
        return cls(address, branch, REMOTE if REMOTE in remotes else None)

    def list(self) -> Sequence[Baseline]:
        """What the branch holds, by name."""
        tip = self._tip()
        names = (
            _git("ls-tree", "--name-only", "--full-tree", "-z", tip).decode().split("\0")
            if tip
            else []
        )
        return [self._baseline(tip, name) for name in sorted(filter(NAME.fullmatch, names))]

    def put(self, baseline: Baseline, files: Sequence[Path]) -> None:
        """Replace a name's files by a commit of everything that the branch shall hold."""
        for _ in range(TRIES):
            tip = self._tip()
            if self._replace(tip, self._commit(tip, baseline, files)):
                return
        raise UsageError(
            f"{self.address} was changed by others {TRIES} times while it was written.",
            hint="Repeat the command.",
        )

    def read(self, name: str) -> Iterator[tuple[str, bytes]]:
        """The name and content of each file of a run that the branch holds."""
        tip = self._tip()
        listed = (
            _git("ls-tree", "--name-only", "--full-tree", "-z", f"{tip}:{name}")
            .decode()
            .split("\0")
        )
        for file in filter(None, listed):
            if file != ENTRY:
                yield file, _git("cat-file", "blob", f"{tip}:{name}/{file}")

    def _tip(self) -> str:
        """The branch's commit, empty where there is no such branch yet."""
        if self.remote is None:
            return self._resolve(f"refs/heads/{self.branch}")
        place = f"refs/remotes/{self.remote}/{self.branch}"
        there = self._talk("ls-remote", self.remote, f"refs/heads/{self.branch}").decode().split()
        if not there:
            return ""
        self._talk("fetch", "--quiet", "--depth=1", self.remote, f"+{there[1]}:{place}")
        return self._resolve(place)

    def _resolve(self, ref: str) -> str:
        try:
            return _git("rev-parse", "--verify", "--quiet", ref).decode().strip()
        except subprocess.CalledProcessError:
            return ""

    def _baseline(self, tip: str, name: str) -> Baseline:
        try:
            held = _BASELINE.validate_json(_git("cat-file", "blob", f"{tip}:{name}/{ENTRY}"))
        except (subprocess.CalledProcessError, ValidationError):
            held = None
        if held is None or held.name != name:
            raise UsageError(
                f"{self.address} holds a folder {name!r} that `harness baseline set` did not write."
            )
        return held

    def _commit(self, tip: str, baseline: Baseline, files: Sequence[Path]) -> str:
        """A commit without a parent that holds what the tip holds, and the run."""
        with TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            _git("read-tree", tip or "--empty", extra=index)
            entry = json.dumps(asdict(baseline), indent=2).encode()
            blobs = {ENTRY: _git("hash-object", "-w", "--stdin", given=entry).decode().strip()}
            # Without filters: a run's files are kept to the byte, whatever .gitattributes says.
            for file in files:
                blob = _git("hash-object", "-w", "--no-filters", "--", str(file))
                blobs[file.name] = blob.decode().strip()
            lines = [*self._removals(tip, baseline.name, len(blobs[ENTRY]))]
            lines += [f"100644 {blob}\t{baseline.name}/{file}" for file, blob in blobs.items()]
            given = "".join(f"{line}\0" for line in lines).encode()
            _git("update-index", "-z", "--add", "--index-info", extra=index, given=given)
            tree = _git("write-tree", extra=index).decode().strip()
            message = f"Baseline {baseline.name}: {baseline.model}, run {baseline.run_id}"
            return _git("commit-tree", tree, "-m", message, extra=_AUTHOR).decode().strip()

    def _removals(self, tip: str, name: str, digits: int) -> Iterator[str]:
        """The lines that take a name's former files out of an index: those with mode 0."""
        if tip:
            listed = _git("ls-tree", "-r", "--name-only", "--full-tree", "-z", tip).decode()
            for path in filter(None, listed.split("\0")):
                if path.startswith(f"{name}/"):
                    yield f"0 {'0' * digits}\t{path}"

    def _replace(self, tip: str, commit: str) -> bool:
        """Whether the branch was still at `tip`, and is now at `commit`."""
        if self.remote is None:
            try:
                _git("update-ref", f"refs/heads/{self.branch}", commit, tip or "0" * len(commit))
            except subprocess.CalledProcessError:
                return False
            return True
        ref = f"refs/heads/{self.branch}"
        try:
            _git(
                "push", "--quiet", f"--force-with-lease={ref}:{tip}", self.remote, f"{commit}:{ref}"
            )
        except subprocess.CalledProcessError as error:
            if b"stale info" in error.stderr or b"rejected" in error.stderr:
                return False
            raise self._refused(error) from None
        return True

    def _talk(self, *arguments: str) -> bytes:
        try:
            return _git(*arguments)
        except subprocess.CalledProcessError as error:
            raise self._refused(error) from None

    def _refused(self, error: subprocess.CalledProcessError) -> UsageError:
        said = " ".join(error.stderr.decode("utf-8", "replace").split())
        return UsageError(f"{self.address}: git {error.cmd[1]} failed: {said or error.returncode}.")


def _git(*arguments: str, extra: Mapping[str, str] | None = None, given: bytes = b"") -> bytes:
    """Run git where one stands; it never asks for a password.

    Raises:
        FileNotFoundError: git is not installed.
        CalledProcessError: git said no.
    """
    place = {**os.environ, "GIT_TERMINAL_PROMPT": "0", **(extra or {})}
    command = ["git", *arguments]
    done = subprocess.run(command, input=given, env=place, capture_output=True, check=True)
    return done.stdout
