"""The parts of a two-way variance, what they add up to, and how well the sum is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

ROUNDING: Final = 1e-24
"""Variances below this are rounding errors of sums: nothing varied."""


@dataclass(frozen=True, slots=True)
class Components:
    """The parts of a two-way variance, each an estimate of the statistic's own variance."""

    prompts: float
    """May be below `cells`: the prompts' own part is the difference, by luck less than nothing."""
    examples: float
    cells: float

    @property
    def total(self) -> float:
        """V_prompts + V_examples - V_cells, at least the larger of the first two."""
        total = max(self.prompts + self.examples - self.cells, self.prompts, self.examples)
        return 0.0 if total < ROUNDING else total


@dataclass(frozen=True, slots=True)
class Parts:
    """Components with the degrees of freedom of the prompts' and of the examples' part."""

    components: Components
    prompts: float
    examples: float

    @property
    def df(self) -> float:
        """The degrees of freedom of the total, in which the prompts' own part is known least.

        With f the share of the total that the G clusters of prompts bring, of cells' noise in it
        1 part in (G - 1)^2,

            1 / df = f^(1/2) / (G - 1) + (1 - f)^2 / (N - 1), and df at most (G^2 - 1) / 2.

        Satterthwaite's f^2 takes f as known. Where clusters are few it is small in just the runs
        whose total is far too small, and all of the noise makes it count where it is nothing. The
        root makes an interval nearly as long as the mean of the two parts' squared quantiles would,
        weighted by the parts (Cochran 1964, Biometrics 20); the cap keeps the far tails of p values
        true where few clusters agree by luck. Chosen by simulation, over f, noise and G.
        """
        total = self.components.total
        if total == 0:
            return self.prompts
        own = max(self.components.prompts - self.components.cells, 0.0)
        noise = (self.components.prompts - own) / self.prompts**2
        share = min(max(own + noise, 0.0) / total, 1.0)
        inverse = share**0.5 / self.prompts
        if self.examples > 0:
            inverse += (1 - share) ** 2 / self.examples
        most = self.prompts * (self.prompts + 2) / 2
        return min(1 / inverse if inverse > 0 else math.inf, most)


def mean_parts(parts: Sequence[Parts]) -> Parts:
    """The parts of the plain mean of independent statistics.

    Each part adds up before anything below 0 is cut off: instructions of several tasks together say
    what those of each cannot. Degrees of freedom are Satterthwaite's.
    """
    each = [one.components for one in parts]
    square = len(parts) ** 2
    return Parts(
        Components(
            prompts=math.fsum(one.prompts for one in each) / square,
            examples=math.fsum(one.examples for one in each) / square,
            cells=math.fsum(one.cells for one in each) / square,
        ),
        prompts=_satterthwaite([(one.components.prompts, one.prompts) for one in parts]),
        examples=_satterthwaite([(one.components.examples, one.examples) for one in parts]),
    )


def _satterthwaite(variances: Sequence[tuple[float, float]]) -> float:
    """(sum V)^2 / sum (V^2 / df); the smallest df where nothing varied."""
    spread = math.fsum(variance**2 / df for variance, df in variances if df > 0)
    known = math.fsum(variance for variance, df in variances if df > 0)
    least = min(df for _, df in variances)
    return max(known**2 / spread, least) if spread > 0 else least
