"""Relations of words in attention heads, and the share of them that hold an instruction verb.

In a head, word a is related to the words that it asks for most: those b with the largest
q(a) . k(b), where query and key are made of the words' embeddings through the layer's norm, as if
embeddings alone came to the layer, and place played no part. After Wu et al. (arXiv 2310.00492),
who relate the words that activate single query and key neurons over a whole vocabulary; here a
head is taken whole, and the words are those of the run's instructions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.stats.arrays import Booleans, Floats, Integers
from perturbations.word.verbs import verbs

TOP: Final = 5
"""Words that a word is related to in a head."""
FEWEST_VERBS: Final = 2
DRAWS: Final = 2000
"""Random sets of words that take the verbs' place."""
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_BEFORE_COMMAND: Final = re.compile(r"(?:^|[.!?:;,\n]|\b(?:and|then|or|please))\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class InstructionWords:
    """The words of some instructions, each once, and which are verbs that say what to do."""

    words: tuple[str, ...]
    is_verb: Booleans

    @property
    def can_be_compared(self) -> bool:
        """Whether there are verbs to look for, and other words to hold them against."""
        count = int(self.is_verb.sum())
        return count >= FEWEST_VERBS and len(self.words) - count > TOP


@dataclass(frozen=True, slots=True)
class VerbGain:
    """How the share of relations with instruction verbs differs between two models."""

    base: Floats
    """[heads]"""
    tuned: Floats
    """[heads]"""
    expected: tuple[float, float]
    """Where the mean gain lies for as many random words in the verbs' place."""
    beyond: Booleans
    """[heads]: whose gain is larger than the largest of any head is for random words."""


def find_words(texts: Iterable[str]) -> InstructionWords:
    """The words of instructions, upper and lower case alike.

    A word is an instruction verb where it is one that instructions are given in, and stands where
    a command begins: first in its sentence or clause, or after `and`, `then`, `or`, `please`.

    Example:
        >>> found = find_words(["Read the review and rate it.", "Rate the label."])
        >>> [word for word, is_verb in zip(found.words, found.is_verb) if is_verb]
        ['read', 'rate']
        >>> found.words
        ('read', 'the', 'review', 'and', 'rate', 'it', 'label')
    """
    known: dict[str, bool] = {}
    for text in texts:
        for match in _WORD.finditer(text):
            word = match.group().lower()
            commands = word in verbs() and bool(_BEFORE_COMMAND.search(text[: match.start()]))
            known[word] = known.get(word, False) or commands
    return InstructionWords(tuple(known), np.array(list(known.values()), dtype=bool))


def related_words(queries: Floats, keys: Floats, top: int = TOP) -> Integers:
    """The words that each word asks for most in each head [heads, words, top], itself left out.

    Args:
        queries: [heads, words, size].
        keys: [heads, words, size].
        top: How many.

    Example:
        >>> import numpy as np
        >>> queries = np.array([[[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]])
        >>> keys = np.array([[[9.0, 0.0], [0.0, 1.0], [0.5, 2.0]]])
        >>> related_words(queries, keys, top=1).tolist()
        [[[2], [2], [1]]]
    """
    scores = queries @ keys.transpose(0, 2, 1)
    own = np.arange(scores.shape[1])
    scores[:, own, own] = -np.inf
    return np.argsort(-scores, axis=2, kind="stable")[:, :, :top]


def verb_gain(base: Integers, tuned: Integers, is_verb: Booleans, seed: int) -> VerbGain:
    """What a tuned model's heads gained in relations with instruction verbs.

    Under the hypothesis that verbs are words as others are, any set of as many words gains as
    much: the gain is held against that of random sets.

    Args:
        base: Related words in the first model [heads, words, top].
        tuned: The same in the second one.
        is_verb: Which words are instruction verbs [words].
        seed: Of the random sets.
    """
    before, after = _asked_share(base), _asked_share(tuned)
    generator = np.random.default_rng(seed)
    drawn = generator.permuted(np.tile(is_verb, (DRAWS, 1)), axis=1).T
    gains = (after - before) @ drawn
    low, high = np.quantile(gains.mean(axis=0), (0.025, 0.975))
    found: Floats = (after - before) @ is_verb
    return VerbGain(
        base=before @ is_verb,
        tuned=after @ is_verb,
        expected=(float(low), float(high)),
        beyond=found > np.quantile(gains.max(axis=0), 0.95),
    )


def _asked_share(related: Integers) -> Floats:
    """The share of a head's relations that each word is asked for in [heads, words]."""
    heads, words, top = related.shape
    shares: Floats = np.zeros((heads, words))
    for head, asked in enumerate(related):
        shares[head] = np.bincount(asked.ravel(), minlength=words) / (words * top)
    return shares
