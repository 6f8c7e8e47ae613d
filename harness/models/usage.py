"""What a server was asked, what that cost, and how much may still be spent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from harness.core.errors import IncompleteRunError

_PER: Final = 1_000_000
"""Prices are for so many tokens."""


@dataclass(slots=True)
class Usage:
    """Tokens and requests, with their prices."""

    price_in: float = 0.0
    """Per million prompt tokens."""
    price_out: float = 0.0
    """Per million generated tokens."""
    max_cost: float | None = None
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_before: float = 0.0
    """What earlier calls of the same run have spent."""

    @property
    def cost(self) -> float:
        """What was spent, in the currency of the prices."""
        tokens = self.prompt_tokens * self.price_in + self.completion_tokens * self.price_out
        return self.cost_before + tokens / _PER

    def count(self, answer: Mapping[str, object]) -> None:
        """Add what a server says that an answer took."""
        self.requests += 1
        said = answer.get("usage")
        usage = said if isinstance(said, Mapping) else {}
        self.prompt_tokens += _number(usage.get("prompt_tokens"))
        self.completion_tokens += _number(usage.get("completion_tokens"))

    def check(self) -> None:
        """Whether another request may be paid for.

        Raises:
            IncompleteRunError: the budget is spent.
        """
        if self.max_cost is not None and self.cost >= self.max_cost:
            raise IncompleteRunError(
                f"no budget is left: {self.cost:.4f} of --max-cost {self.max_cost:g} are spent.",
                hint="All answers so far are kept; the same command with a larger --max-cost goes "
                "on.",
            )

    def to_dict(self) -> dict[str, float]:
        """The block `usage` of run.json: tokens of this call, cost of all calls of the run."""
        return {
            "requests": self.requests,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "cost": round(self.cost, 6),
        }


@runtime_checkable
class Metered(Protocol):
    """A model whose answers somebody else counts, and may charge for."""

    @property
    def usage(self) -> Usage:
        """What has been asked so far, and what it cost."""
        ...


def _number(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
