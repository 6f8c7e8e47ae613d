"""One optimiser step over micro-batches, with negatives from all of them.

Some terms compare every pair of a batch with every other, on all devices, so their gradient cannot
be taken one micro-batch at a time. GradCache (arXiv 2101.06983) takes it in two passes: the first
computes all pooled states without keeping activations; the gradient of these terms with respect to
them is cached; the second pass sends it back through one micro-batch after the other, together with
the other terms. The result is that of one large batch, in the memory of a micro-batch. With a
single micro-batch a device, the first pass keeps its graph and there is no second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from trainers.batch_terms import Comparison, ProcessGroup, compare_batch
from trainers.collator import MicroBatch
from trainers.loss import LossOptions, compute_language_loss, compute_terms, sum_terms
from trainers.objectives.contrast import contrast_loss
from trainers.outputs import Outputs, Totals, count

Run = Callable[[MicroBatch], Outputs]
Backward = Callable[[Tensor], None]
Teach = Callable[[MicroBatch], Tensor]
"""[positions, vocabulary], a teacher's logits where a micro-batch's outputs have their own."""
NoSync = Callable[[], AbstractContextManager[object]]
"""Inside it gradients are not exchanged between devices."""


class SingleProcess:
    """A group of one."""

    size = 1
    rank = 0

    def gather(self, values: Tensor) -> Tensor:
        """The rows themselves."""
        return values

    def sum(self, values: Tensor) -> Tensor:
        """The values themselves."""
        return values


@dataclass(slots=True)
class StepReport:
    """Values of a step over the whole batch."""

    loss: float
    terms: dict[str, float]
    """Each term before weighting."""
    contrast_weight: float | None = None


def run_step(
    batches: Sequence[MicroBatch],
    run: Run,
    options: LossOptions,
    group: ProcessGroup,
    backward: Backward,
    no_sync: NoSync = nullcontext,
    *,
    projection: nn.Module | None = None,
    teach: Teach | None = None,
) -> StepReport:
    """Send the gradient of the batch's loss back, and say what the loss was.

    Gradients are meant to be averaged over devices, once per step, as data parallelism does: all
    micro-batches but the last run inside `no_sync()`, forward and backward.
    """
    totals = Totals(*group.sum(count(batches, options.instructions)).tolist())
    cache = None
    if options.over_batch:
        cache = _fill_cache(batches, run, totals, options, group, projection)
    tally = _Tally()
    for number, batch in enumerate(batches):
        with nullcontext() if number == len(batches) - 1 else no_sync():
            outputs = cache.outputs(number, batch, run) if cache else run(batch)
            if teach is not None:
                outputs = replace(outputs, teacher=teach(batch))
            terms = compute_terms(outputs, totals, options)
            loss = sum_terms(terms, options)
            tally.add(terms)
            if cache is not None:
                loss = loss + cache.surrogate(number, outputs.states)
            if "contrast" in options.terms and "contrast" not in options.over_batch:
                loss = loss + _contrast_within(outputs, batch, totals, options, tally)
            backward(loss * group.size)
            del outputs, terms, loss  # before the next forward, not after it
    return tally.report(options, cache, group)


@dataclass(slots=True)
class _Cache:
    """What the first pass leaves for the second."""

    comparison: Comparison
    gradients: list[Tensor]
    """[2n, width] per micro-batch."""
    random: list[_RandomState]
    kept: Outputs | None
    """The outputs with their graph, where there is a single micro-batch."""

    def outputs(self, number: int, batch: MicroBatch, run: Run) -> Outputs:
        """The micro-batch's outputs with a graph; dropout falls as in the first pass."""
        if self.kept is not None:
            return self.kept
        with self.random[number].replayed():
            return run(batch)

    def surrogate(self, number: int, states: Tensor) -> Tensor:
        """A number whose gradient is that of the terms which compare the batch."""
        return (self.gradients[number] * states).sum()


def _fill_cache(
    batches: Sequence[MicroBatch],
    run: Run,
    totals: Totals,
    options: LossOptions,
    group: ProcessGroup,
    projection: nn.Module | None,
) -> _Cache:
    single = len(batches) == 1
    states: list[Tensor] = []
    random: list[_RandomState] = []
    language: list[Tensor] = []
    kept = None
    for batch in batches:
        random.append(_RandomState.now(batch["input_ids"].device))
        with torch.set_grad_enabled(single):
            outputs = run(batch)
        states.append(outputs.states.detach())
        with torch.no_grad():
            if "contrast" in options.over_batch and options.fixed_weight is None:
                found = compute_language_loss(outputs, totals, options)
                language += [found] if found is not None else []
        kept = outputs if single else None
        del outputs
    comparison = compare_batch(
        torch.cat(
            [torch.cat(halves) for halves in zip(*(s.chunk(2) for s in states), strict=True)]
        ),
        torch.cat([batch["classes"] for batch in batches]),
        group.sum(torch.stack(language).sum()) if language else None,
        options,
        group,
        projection,
    )
    sizes = [len(part) // 2 for part in states]
    halves = [half.split(sizes) for half in comparison.gradient.chunk(2)]
    return _Cache(comparison, [torch.cat(pair) for pair in zip(*halves, strict=True)], random, kept)


def _contrast_within(
    outputs: Outputs, batch: MicroBatch, totals: Totals, options: LossOptions, tally: _Tally
) -> Tensor:
    """The weighted contrast of a micro-batch taken for itself, as its share of the batch's."""
    original, paraphrase = outputs.states.chunk(2)
    contrast = contrast_loss(original, paraphrase, temperature=options.temperature)
    with torch.no_grad():
        own = Totals(*count([batch], options.instructions).tolist())
        generation = compute_language_loss(outputs, own, options)
    weight = options.weigh_contrast(contrast if generation is None else generation, contrast)
    share = outputs.pairs / totals.pairs
    tally.contrast += share * contrast.detach()
    tally.weighted += share * weight * contrast.detach()
    return share * weight * contrast


@dataclass(slots=True)
class _Tally:
    """Sums over the micro-batches of this device."""

    terms: dict[str, Tensor] = field(default_factory=dict)
    contrast: Tensor = field(default_factory=lambda: torch.zeros(()))
    weighted: Tensor = field(default_factory=lambda: torch.zeros(()))

    def add(self, terms: dict[str, Tensor]) -> None:
        for term, value in terms.items():
            self.terms[term] = self.terms.get(term, torch.zeros_like(value)) + value.detach()

    def report(self, options: LossOptions, cache: _Cache | None, group: ProcessGroup) -> StepReport:
        names = list(self.terms)
        own = [*self.terms.values(), self.contrast, self.weighted]
        device = own[0].device
        sums = group.sum(torch.stack([value.to(device).float() for value in own])).tolist()
        terms = dict(zip(names, sums, strict=False))
        weights = {name: options.terms[name] for name in names}
        contrast, weighted = sums[-2:]
        if "contrast" in options.terms and "contrast" not in options.over_batch:
            terms["contrast"] = contrast
            weights["contrast"] = weighted / contrast if contrast else 0.0
        if cache is not None:
            terms |= {name: value.item() for name, value in cache.comparison.values.items()}
            weights |= {name: value.item() for name, value in cache.comparison.weights.items()}
        loss = sum(weights[name] * value for name, value in terms.items())
        return StepReport(loss, terms, weights.get("contrast"))


@dataclass(frozen=True, slots=True)
class _RandomState:
    """The state of the generators that dropout draws from."""

    device: torch.device
    cpu: Tensor
    accelerator: Tensor | None

    @classmethod
    def now(cls, device: torch.device) -> _RandomState:
        own = None
        if device.type != "cpu":
            own = torch.get_device_module(device).get_rng_state()
        return cls(device, torch.get_rng_state(), own)

    @contextmanager
    def replayed(self) -> Iterator[None]:
        """Goes back to this state, and afterwards to the one before."""
        before = _RandomState.now(self.device)
        self._set()
        try:
            yield
        finally:
            before._set()

    def _set(self) -> None:
        torch.set_rng_state(self.cpu)
        if self.accelerator is not None:
            torch.get_device_module(self.device).set_rng_state(self.accelerator)
