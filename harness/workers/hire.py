"""From `--workers` and `--ray` to a model that workers answer for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType

from harness.models import Model, ModelSpec
from harness.models.loading.outline import Outline, outline_model
from harness.workers.cluster import connected, has_authentication, import_ray, node_here, nodes_of
from harness.workers.fit import Node, Share, fit
from harness.workers.messages import Copy
from harness.workers.model import WorkersModel, check_copy, library_note, memory_of
from harness.workers.pool import Pool

Load = Callable[[ModelSpec], Model]


@contextmanager
def hiring(workers: int | None, address: str | None) -> Iterator[Load]:
    """What loads models on workers, for as long as they are asked; at the end they are let go.

    Args:
        workers: How many; None for as many as the cluster holds.
        address: The cluster; None for this machine.

    Yields:
        A function as `load_model`. It raises `UsageError` where Ray is missing or does not answer,
        where workers do not fit, and where a worker cannot load the model or has another one.
    """
    import_ray()  # where it is missing, nothing else need be read
    with ExitStack() as stack:

        def load(spec: ModelSpec) -> WorkersModel:
            outline = outline_model(spec)
            if address is None and not import_ray().is_initialized():
                _share_of(outline, [node_here()], workers)  # before Ray is started in vain
            ray = stack.enter_context(connected(address))
            return _load(outline, ray, workers, stack, is_ours=address is None)

        yield load


def _load(
    outline: Outline, ray: ModuleType, workers: int | None, stack: ExitStack, *, is_ours: bool
) -> WorkersModel:
    share = _share_of(outline, _named_here(nodes_of(ray), is_ours=is_ours), workers)
    ready: list[Copy] = []

    def check(copy: Copy) -> None:
        check_copy(outline, ready, copy)
        ready.append(copy)
        if note := library_note(copy):
            pool.news.append(note)

    pool = Pool(ray, outline.spec, share, workers, check)
    stack.callback(pool.close)
    model = WorkersModel(outline, pool)
    if not has_authentication():
        model.notes.append(
            "this Ray cluster asks nobody for a token: whoever reaches its ports can run code on "
            "it. See docs/many-machines.md."
        )
    return model


def _share_of(outline: Outline, nodes: list[Node], workers: int | None) -> Share:
    on_gpu = outline.spec.device != "cpu" and any(node.gpus for node in nodes)
    return fit(nodes, workers, memory=memory_of(outline), on_gpu=on_gpu)


def _named_here(nodes: list[Node], *, is_ours: bool) -> list[Node]:
    if not is_ours:
        return nodes
    return [Node("this machine", one.cpus, one.gpus, one.memory) for one in nodes]
