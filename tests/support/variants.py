"""What a perturbation makes of a text, over several seeds."""

from __future__ import annotations

from perturbations import find, perturb_text


def texts(name: str, text: str, labels: tuple[str, ...] = ()) -> set[str]:
    """Everything that ten seeds make of a text."""
    drafts = (perturb_text(text, find(name), seed, labels) for seed in range(10))
    return {draft.text for draft in drafts if draft}
