"""Workers of Ray beside one process: the same summary, what they cost, and a million cells.

    python benchmarks/ray_cluster.py cluster     # two nodes on this machine, one of them killed
    python benchmarks/ray_cluster.py join        # a second node that comes in mid-run
    python benchmarks/ray_cluster.py overhead    # one worker on one core beside no worker
    python benchmarks/ray_cluster.py stub --cells 1000000    # four workers of 1 ms per cell

`cluster` and `join` start Ray twice (`ray start`) and stop both; ports 6390 and above must be free.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from million import prepare_cells

from harness.core.progress import NoProgress
from harness.evaluation.execute import execute
from harness.evaluation.prepare import make_run_plan
from harness.models import ModelSpec, load_model
from harness.results.rundir import load_run
from harness.workers.hire import hiring

ADDRESS = "127.0.0.1:6390"
STUB_WORKERS = 4
STUB = '''\
"""A model that takes a millisecond per request."""
import time
from overhead import StubModel

class Slow(StubModel):
    def loglik(self, requests):
        time.sleep(0.001 * len(requests))
        return super().loglik(requests)

def load(spec):
    return Slow()
'''


def main() -> None:
    """Measure one of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("cluster", "join", "overhead", "stub", "stub-alone"))
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--limit", default="6")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--cells", type=int, default=100_000)
    options = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    with tempfile.TemporaryDirectory() as folder:
        if options.what == "cluster":
            cluster(Path(folder), options.model, options.limit)
        elif options.what == "join":
            join(Path(folder), options.model, options.limit)
        elif options.what == "overhead":
            overhead(Path(folder), options.model, options.limit, options.turns)
        elif options.what == "stub-alone":
            stub(Path(folder), options.cells, workers=0)
        else:
            stub(Path(folder), options.cells, workers=STUB_WORKERS)


def run(out: Path, model: str, limit: str, *more: str) -> subprocess.Popen[bytes]:
    """Start `harness run` on the starter suite."""
    command = [
        sys.executable, "-m", "harness.cli", "run", "--model", model, "--limit", limit,
        "--instructions", "1", "--window", "32", "--resamples", "100", "--no-cache", "--quiet",
        "--device", "cpu", "--out", str(out), *more,
    ]  # fmt: skip
    return subprocess.Popen(command)


def finish(driver: subprocess.Popen[bytes], out: Path) -> dict[str, Any]:
    """Wait for a run's end; returns its manifest."""
    code = driver.wait()
    assert code == 0, f"{out.name} ends with {code}"
    return load_run(out).manifest


def overhead(folder: Path, model: str, limit: str, turns: int) -> None:
    """Seconds of evaluation without a worker and with one, both on one core, in turn."""
    for turn in range(turns):
        alone = finish(run(folder / f"alone{turn}", model, limit), folder / f"alone{turn}")
        with_one = finish(
            run(folder / f"one{turn}", model, limit, "--workers", "1"), folder / f"one{turn}"
        )
        seconds = [one["timing"]["seconds"] for one in (alone, with_one)]
        more = 100 * (seconds[1] / seconds[0] - 1)
        cells = alone["timing"]["cells"]
        print(f"{cells} cells: {seconds[0]:.1f} s alone, {seconds[1]:.1f} s by one worker "
              f"({more:+.1f} %)", flush=True)  # fmt: skip
        print("same summary:", same(folder / f"alone{turn}", folder / f"one{turn}"), flush=True)


def same(first: Path, second: Path) -> bool:
    """Whether two runs have the same summary, byte for byte."""
    return (first / "summary.json").read_bytes() == (second / "summary.json").read_bytes()


def cluster(folder: Path, model: str, limit: str) -> None:
    """A run on two nodes of one core each, of which one is killed, beside a run without Ray."""
    start = time.perf_counter()
    finish(run(folder / "alone", model, limit), folder / "alone")
    print(f"alone: {time.perf_counter() - start:.0f} s", flush=True)
    with nodes() as start_node:
        start_node("--head")
        second = start_node()
        start = time.perf_counter()
        driver = run(folder / "two", model, limit, "--ray", ADDRESS, "--workers", "2")
        while driver.poll() is None and stored(folder / "two") == 0:
            time.sleep(0.2)
        os.killpg(second, signal.SIGKILL)
        print(f"a node is killed after {time.perf_counter() - start:.0f} s", flush=True)
        manifest = finish(driver, folder / "two")
    print(f"two nodes: {time.perf_counter() - start:.0f} s", json.dumps(manifest["workers"]))
    print("same summary:", same(folder / "alone", folder / "two"), flush=True)


def join(folder: Path, model: str, limit: str) -> None:
    """A run on a cluster of one node, to which another comes in mid-run, beside one without Ray."""
    finish(run(folder / "alone", model, limit), folder / "alone")
    with nodes() as start_node:
        start_node("--head")
        start = time.perf_counter()
        driver = run(folder / "grown", model, limit, "--ray", ADDRESS)
        while driver.poll() is None and stored(folder / "grown") == 0:
            time.sleep(0.2)
        print(f"a node joins after {time.perf_counter() - start:.0f} s", flush=True)
        start_node()
        manifest = finish(driver, folder / "grown")
    print(f"both: {time.perf_counter() - start:.0f} s", json.dumps(manifest["workers"]))
    print("same summary:", same(folder / "alone", folder / "grown"), flush=True)


def stored(out: Path) -> int:
    """Bytes of samples on disk."""
    journal = out / "samples.sqlite-wal"
    return journal.stat().st_size if journal.is_file() else 0


@contextmanager
def nodes() -> Iterator[Callable[..., int]]:
    """Yields what starts a node of one core, the first as `--head`; returns its process group."""
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    own = ["--num-cpus=1", "--object-store-memory=100000000", "--block", "--disable-usage-stats"]
    ray = str(Path(sys.executable).with_name("ray"))
    host, port = ADDRESS.split(":")
    head = [f"--node-ip-address={host}", f"--port={port}", "--include-dashboard=false"]
    started: list[subprocess.Popen[bytes]] = []

    def start(*kind: str) -> int:
        where = [*kind, *head] if kind else [f"--address={ADDRESS}"]
        started.append(subprocess.Popen(
            [ray, "start", *where, *own], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        ))  # fmt: skip
        time.sleep(15)
        return started[-1].pid

    try:
        yield start
    finally:
        for node in started:
            try:
                os.killpg(node.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            node.wait()


class Memory(NoProgress):
    """Resident memory of this process at every tenth of the run."""

    total, done, shown = 1, 0, 0

    def start(self, total: int, finished: int = 0, *, unit: str = "cells") -> None:
        """The run begins."""
        self.total, self.done, self.shown = total, finished, 0

    def advance(self, answers: int) -> None:
        """Print at each tenth."""
        self.done += answers
        if 10 * self.done // self.total > self.shown:
            self.shown = 10 * self.done // self.total
            pages = int(Path("/proc/self/statm").read_text("utf-8").split()[1])
            print(f"{self.done:>9,} cells: {pages * 4096 / 2**20:.0f} MB", flush=True)


def stub(folder: Path, cells: int, *, workers: int) -> None:
    """Cells per second of a model of 1 ms per cell, and the memory of this process."""
    plugin = folder / "plugin"
    about = plugin / "slow_stub-0.1.dist-info"
    about.mkdir(parents=True)
    (plugin / "slow_stub.py").write_text(STUB, encoding="utf-8")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: slow-stub\nVersion: 0.1\n")
    (about / "entry_points.txt").write_text("[harness.models]\nslow = slow_stub:load\n")
    here = [str(plugin), str(Path(__file__).parent), str(Path(__file__).parent.parent)]
    sys.path[:0] = here
    os.environ["PYTHONPATH"] = os.pathsep.join(here)
    planned = prepare_cells(cells, folder / "run")
    config = planned.config.model_copy(update={"window": 1024})
    # No more resources than workers: four that sleep fit two cores.
    with _loading(workers) as load:
        model = load(ModelSpec("slow:1"))
        plan = replace(make_run_plan(config, planned.plan, model), out=folder / "run")
        begun = time.perf_counter()
        execute(plan, command="stub", progress=Memory())
    timing = load_run(folder / "run").manifest["timing"]
    print(f"{workers or 'no'} workers: {timing} (with the summary "
          f"{time.perf_counter() - begun:.0f} s)")  # fmt: skip


@contextmanager
def _loading(workers: int) -> Iterator[Any]:
    if not workers:
        yield load_model
        return
    import ray

    ray.init(
        address="local", num_cpus=workers, object_store_memory=100_000_000,
        include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR,
    )  # fmt: skip
    try:
        with hiring(workers, None) as load:
            yield load
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main()
