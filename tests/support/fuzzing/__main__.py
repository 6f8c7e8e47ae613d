"""Runs the fuzz; see the package."""

from __future__ import annotations

import argparse
import faulthandler
import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType

from harness.core.errors import HarnessError
from tests.support.fuzzing.kind import Kind
from tests.support.fuzzing.kinds import KINDS
from tests.support.fuzzing.mutations import FORMS, change_value, damage_bytes

SECONDS = 20


class Hang(BaseException):
    """An input took too long."""


@dataclass
class Result:
    """What came of the inputs of one kind."""

    ends: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def add(self, end: str, fault: str = "") -> None:
        self.ends[end] += 1
        if fault:
            self.faults.append(fault)


@contextmanager
def _watched() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise Hang

    # Of the processor's time, as other processes may need the machine; the clock sees who waits.
    timers = ((signal.ITIMER_PROF, signal.SIGPROF, 1), (signal.ITIMER_REAL, signal.SIGALRM, 9))
    for timer, number, times in timers:
        signal.signal(number, stop)
        signal.setitimer(timer, times * SECONDS)
    faulthandler.dump_traceback_later(12 * SECONDS, exit=True)  # where no bytecode runs any more
    try:
        yield
    finally:
        for timer, _, _ in timers:
            signal.setitimer(timer, 0)
        faulthandler.cancel_dump_traceback_later()


def damage(kind: Kind, folder: Path, rng: Random) -> tuple[str, bool]:
    """Damage one file of a kind; returns what was done, and whether that is surely wrong."""
    files = sorted(p for pattern in kind.files for p in folder.glob(pattern) if p.is_file())
    path = rng.choice(files)
    content = path.read_bytes()
    form = FORMS.get(path.suffix)
    if form is None or rng.random() < 0.4:
        damaged = damage_bytes(content, rng)
        path.write_bytes(damaged)
        return f"{path.name}: bytes", damaged != content and kind.wrong(path, (), None)
    read, write = form
    document, place, value = change_value(read(content), rng)
    damaged = write(document)
    path.write_bytes(damaged)
    shown = ".".join(map(str, place))
    wrong = damaged != content and kind.wrong(path, place, value)
    return f"{path.name}: {shown} = {str(value)[:40]!r}", wrong


def _read_in_time(kind: Kind, folder: Path) -> None:
    """Read an input; what takes too long twice, hangs: once may be the machine's doing."""
    try:
        with _watched():
            kind.read(folder)
    except Hang:
        with _watched():
            kind.read(folder)


def try_input(kind: Kind, folder: Path, rng: Random) -> tuple[str, str]:
    """Damage and read one input; returns how it ended, and what is at fault in that."""
    what, wrong = damage(kind, folder, rng)
    try:
        _read_in_time(kind, folder)
    except HarnessError:
        return "refused", ""
    except Hang:
        return "hang", what
    except AssertionError as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return "garbage", f"{what}: {where.filename}:{where.lineno} {str(error)[:200]}"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        own = [
            one
            for one in traceback.extract_tb(error.__traceback__)
            if "/tests/" not in one.filename
        ]
        ours = [one for one in own if "site-packages" not in one.filename] or own
        place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"
        return "traceback", f"{what}: {place} {type(error).__name__}: {str(error)[:160]!r}"
    return ("garbage", what) if wrong else ("accepted", "")


def fuzz(inputs: int, seed: int, names: list[str], base: Path) -> dict[str, Result]:
    """Try inputs of each kind in turn, as often as its share says."""
    results = {name: Result() for name in names}
    total = sum(KINDS[name].share for name in names)
    for name in names:
        kind = KINDS[name]
        pristine = base / "pristine" / name.replace(" ", "-")
        shutil.rmtree(base / "input", ignore_errors=True)
        (base / "input").mkdir(parents=True)
        kind.make(base / "input")
        shutil.copytree(base / "input", pristine)
        with _silence():
            kind.read(base / "input")
        for number in range(max(1, round(inputs * kind.share / total))):
            folder = _fresh(pristine, base / "input")
            rng = Random(f"{seed}/{name}/{number}")
            with _silence():
                end, fault = try_input(kind, folder, rng)
            results[name].add(end, fault and f"{name} {number}: {end}: {fault}")
            if fault:
                print(results[name].faults[-1], flush=True)
        print(f"{name:12} {dict(results[name].ends)}", flush=True)
    return results


@contextmanager
def _silence() -> Iterator[None]:
    with Path(os.devnull).open("w") as null, redirect_stdout(null), redirect_stderr(null):
        yield


def _fresh(pristine: Path, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return Path(shutil.copytree(pristine, folder))


def main() -> int:
    """Parse the options, run, and print a table; returns the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", action="append", choices=KINDS)
    options = parser.parse_args()
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    with tempfile.TemporaryDirectory() as place:
        os.environ["HARNESS_CACHE_DIR"] = f"{place}/cache"
        os.environ["HARNESS_HISTORY_DIR"] = f"{place}/history"
        found = fuzz(options.inputs, options.seed, options.kind or list(KINDS), Path(place))
    ends = sum((one.ends for one in found.values()), Counter())
    print(f"{ends.total():,} inputs, seed {options.seed}: {dict(ends)}")
    return int(any(one.faults for one in found.values()))


if __name__ == "__main__":
    sys.exit(main())
