"""How many workers fit, what each has, and what is said where they do not."""

from __future__ import annotations

import pytest

from harness.core.errors import UsageError
from harness.workers.fit import Node, Share, fit

GB = 10**9
HERE = [Node("this machine", 8, 0, 16 * GB)]
TWO = [Node("a", 4, 2, 16 * GB), Node("b", 2, 1, 8 * GB)]


@pytest.mark.parametrize(
    ("nodes", "workers", "cpus"),
    [(HERE, 1, 8), (HERE, 3, 2), (HERE, 8, 1), (TWO, 2, 2), (TWO, 3, 2), (TWO, None, 2)],
)
def test_workers_share_the_cores(nodes: list[Node], workers: int | None, cpus: int) -> None:
    assert fit(nodes, workers, memory=GB, on_gpu=False) == Share(cpus, 0, GB)


def test_memory_decides_too() -> None:
    share = fit(TWO, None, memory=7 * GB, on_gpu=False)
    assert [share.count(node) for node in TWO] == [2, 1]
    assert Share(1, 0, 7 * GB).count_all(TWO) == 3


def test_a_worker_has_a_gpu() -> None:
    share = fit(TWO, 3, memory=90 * GB, on_gpu=True)
    assert (share, share.count_all(TWO)) == (Share(0, 1, 0), 3)


@pytest.mark.parametrize(
    ("workers", "memory", "on_gpu", "said", "hint"),
    [
        (9, GB, False, "9 workers do not fit the 8 cores of this machine.", "--workers 8"),
        (4, 5 * GB, False, "4 workers do not fit the 16.0 GB of memory of this machine, at 5.0 GB "
         "each.", "--workers 3"),
        (1, 50 * GB, False, "1 worker does not fit the 16.0 GB", "smaller --dtype"),
        (1, GB, True, "1 worker does not fit the 0 GPUs of this machine.", "other machines"),
    ],
)  # fmt: skip
def test_what_does_not_fit_says_what_would(
    workers: int, memory: int, on_gpu: bool, said: str, hint: str
) -> None:
    with pytest.raises(UsageError) as raised:
        fit(HERE, workers, memory=memory, on_gpu=on_gpu)
    assert said in raised.value.message
    assert hint in str(raised.value.hint)
