"""Agreement without labels, after Flip-Flop Consistency (arXiv 2510.14242).

An entry is answered under several wordings. The answer that most of them give is the consensus:
every wording is trained towards it, and the states of wordings that are less sure or outvoted are
drawn to those of the sure majority. The answer is the first token of the response, which is where
the label words of a task part.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from trainers.objectives.generation import widen


class Consensus(NamedTuple):
    """What the wordings of each entry agree on."""

    answer: Tensor
    """[entries], the index of the answer."""
    decided: Tensor
    """[entries], whether there is a consensus."""
    majority: Tensor
    """[wordings, entries], which wordings give that answer."""
    confidence: Tensor
    """[wordings, entries], the probability of each wording's own answer."""


def find_consensus(logits: Tensor, *, strict: bool) -> Consensus:
    """The answer with most votes; among equals the one whose voters are surer in sum.

    Args:
        logits: [wordings, entries, answers]
        strict: whether more than half of the wordings must give it, as in the paper. Two wordings
            that differ are then undecided; otherwise the surer one decides.
    """
    probabilities = torch.softmax(widen(logits.detach()), dim=-1)  # [wordings, entries, answers]
    confidence, votes = probabilities.max(dim=-1)  # [wordings, entries] both
    alike = votes.unsqueeze(0) == votes.unsqueeze(1)  # [wordings, wordings, entries]
    count = alike.sum(0)  # [wordings, entries]
    support = (alike * confidence.unsqueeze(1)).sum(0)  # [wordings, entries]
    wordings = votes.shape[0]
    winner = (count + support / (wordings + 1)).argmax(0, keepdim=True)  # [1, entries]
    answer = votes.gather(0, winner).squeeze(0)  # [entries]
    most = count.gather(0, winner).squeeze(0)  # [entries]
    decided = 2 * most > wordings if strict else torch.ones_like(most, dtype=torch.bool)
    return Consensus(answer, decided, votes == answer, confidence)


def majority_loss(logits: Tensor, *, strict: bool, entries: int | None = None) -> Tensor:
    """Cross-entropy of every wording on the consensus answer; an undecided entry counts 0.

    Args:
        logits: [wordings, entries, answers]
        strict: see `find_consensus`
        entries: what the sum is divided by, where these are a part of a batch
    """
    found = find_consensus(logits, strict=strict)
    scores = torch.log_softmax(widen(logits), dim=-1)  # [wordings, entries, answers]
    index = found.answer.expand(scores.shape[:2]).unsqueeze(-1)  # [wordings, entries, 1]
    nll = -scores.gather(-1, index).squeeze(-1).mean(0)  # [entries]
    return (nll * found.decided).sum() / (entries or nll.numel())


def alignment_loss(
    states: Tensor, logits: Tensor, *, strict: bool, entries: int | None = None
) -> Tensor:
    """1 - cosine between the other wordings' states and the mean state of the sure majority.

    Sure are the voters of the consensus that are at least as confident as they are on average;
    no gradient flows through their mean.

    Args:
        states: [wordings, entries, width], pooled states
        logits: [wordings, entries, answers]
        strict: see `find_consensus`
        entries: what the sum is divided by, where these are a part of a batch
    """
    found = find_consensus(logits, strict=strict)
    voters = found.majority.to(found.confidence.dtype)  # [wordings, entries]
    average = (found.confidence * voters).sum(0) / voters.sum(0)  # [entries]
    # Equal confidences must all count as sure, whatever the last bit of their mean is.
    sure = found.majority & (found.confidence >= average - 1e-7)  # [wordings, entries]
    unit = F.normalize(widen(states), dim=-1)  # [wordings, entries, width]
    weights = sure.to(unit.dtype) / sure.sum(0)  # [wordings, entries]
    teacher = (unit * weights.unsqueeze(-1)).sum(0).detach()  # [entries, width]
    distance = 1 - F.cosine_similarity(unit, teacher.unsqueeze(0), dim=-1)  # [wordings, entries]
    students = (~sure).to(unit.dtype)  # [wordings, entries]
    mean = (distance * students).sum(0) / students.sum(0).clamp(min=1)  # [entries]
    return (mean * found.decided).sum() / (entries or mean.numel())
