"""Words related in heads, and the share of relations that hold an instruction verb."""

from __future__ import annotations

import numpy as np
import pytest

from harness.explanation.layers.relations import find_words, related_words, verb_gain


def test_verbs_are_words_that_begin_a_command() -> None:
    found = find_words(
        ["Classify the review. Answer with 'positive' or 'negative'.", "Please rate this answer:"]
    )
    verbs = [word for word, is_verb in zip(found.words, found.is_verb, strict=True) if is_verb]
    assert verbs == ["classify", "answer", "rate"]
    assert found.words.count("answer") == 1
    # A noun that is as often a verb is none where no command begins.
    assert not find_words(["Is this answer right?"]).is_verb.any()


def test_too_few_verbs_or_words_are_not_compared() -> None:
    assert not find_words(["Classify the review of the film as positive or not."]).can_be_compared
    assert not find_words(["Read it and classify it."]).can_be_compared
    assert find_words(["Read the long review of a film and classify it."]).can_be_compared
    assert not find_words([]).can_be_compared


def test_a_word_is_not_related_to_itself() -> None:
    everything = np.ones((2, 4, 3))
    related = related_words(everything, everything, top=3)
    assert related.shape == (2, 4, 3)
    assert all(word not in related[0, word] for word in range(4))


def test_gains_are_counted_by_hand() -> None:
    # Four words, of which the last is a verb; one relation each. Head 0 asks for it thrice in the
    # tuned model and never before; head 1 once in both.
    base = np.array([[[1], [0], [0], [0]], [[3], [0], [0], [0]]])
    tuned = np.array([[[3], [3], [3], [0]], [[3], [0], [0], [0]]])
    found = verb_gain(base, tuned, np.array([False, False, False, True]), seed=0)
    assert found.base.tolist() == [0.0, 0.25]
    assert found.tuned.tolist() == [0.75, 0.25]
    # Any of the four words is as likely in its place: gains of the means are -1/4, -1/8, 0, 3/8.
    assert found.expected == pytest.approx((-0.25, 0.375))
    assert not found.beyond.any()  # one word in four gains as much


def test_random_words_gain_nothing_beyond_chance() -> None:
    generator = np.random.default_rng(3)
    outside = 0
    for trial in range(40):
        base, tuned = (generator.integers(0, 30, (12, 30, 5)) for _ in range(2))
        is_verb = np.arange(30) < 6
        found = verb_gain(base, tuned, is_verb, seed=trial)
        gain = float((found.tuned - found.base).mean())
        outside += not found.expected[0] <= gain <= found.expected[1]
    assert outside <= 6  # of 40 at 5 %: more than six would come up once in a hundred times


def test_a_head_that_turned_to_the_verbs_is_beyond_chance() -> None:
    generator = np.random.default_rng(4)
    base = generator.integers(0, 30, (12, 30, 5))
    tuned = base.copy()
    tuned[7] = np.arange(5)  # every word asks for five of the six verbs
    found = verb_gain(base, tuned, np.arange(30) < 6, seed=0)
    assert found.beyond.nonzero()[0].tolist() == [7]
