"""What is called significant has an interval that leaves 0 out, and the other way round."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from harness.comparison import compare
from harness.comparison.differences import Difference
from harness.metrics.summary import summarize
from harness.metrics.task_facts import TaskFacts
from harness.stats.ensemble import Ensemble
from harness.stats.estimate import Estimate, Interval, wilson
from harness.stats.variant_means import estimate_variant_means
from tests.support.simulated_runs import World

FACTS = {"sentiment": TaskFacts(0.5, ("no", "yes"))}
SMALL = (  # each had a p value below .05 beside an interval with 0 in it
    World(1, instructions=2, examples=8),
    World(3, instructions=4, examples=25),
    World(5, instructions=1, examples=8),
    World(82, instructions=3, examples=14),
    World(97, instructions=3, examples=8),
)


def _leaves_out(interval: Interval | None) -> bool:
    return interval is not None and interval[0] * interval[1] > 0


shares = st.integers(0, 50).map(lambda percent: percent / 100)
variances = st.floats(1e-6, 0.05)


@settings(max_examples=60)
@given(shares, shares, variances, st.floats(1.0, 200.0), st.floats(0.5, 0.999))
def test_a_p_value_is_below_just_where_the_interval_leaves_0_out(
    lost: float, gained: float, variance: float, df: float, confidence: float
) -> None:
    for flows in (None, (lost, gained)):
        one = Estimate(lost - gained, variance, df, 50, "difference", "examples", flows=flows)
        p = one.p_value()
        if not math.isclose(p, 1 - confidence, abs_tol=1e-6):
            assert (p < 1 - confidence) == _leaves_out(one.interval(confidence))


@given(st.floats(-1.0, 1.0), st.integers(2, 200), st.floats(0.5, 0.999))
def test_where_nothing_varied_neither_the_signs_nor_the_interval_may_object(
    value: float, examples: int, confidence: float
) -> None:
    one = Estimate(value, 0.0, 3, examples, "difference", "examples")
    assert one.p_value() >= (1.0 if value == 0 else 2.0 ** (1 - examples))
    if one.p_value() < 1 - confidence - 1e-9:
        assert _leaves_out(one.interval(confidence))


def test_the_p_value_of_two_shares_by_hand() -> None:
    # Of 16 independent examples 9 lost, 1 gained: the z at which Wilson's lower end of 9/16 and
    # his upper end of 1/16, squared and added, are the difference away.
    variance = (0.5625 * 0.4375 + 0.0625 * 0.9375) / 16
    one = Estimate(0.5, variance, math.inf, 16, "difference", "examples", flows=(0.5625, 0.0625))
    z = float(-ndtri(one.p_value() / 2))
    below = 0.5625 - wilson(0.5625, 16, z)[0]
    above = wilson(0.0625, 16, z)[1] - 0.0625
    assert math.hypot(below, above) == pytest.approx(0.5)
    assert z == pytest.approx(3.0584, abs=0.002)
    assert 0.5 / math.sqrt(variance) > 3.6  # what Student's t would have said


@pytest.mark.parametrize("world", SMALL, ids=lambda world: str(world.seed))
def test_comparisons_of_small_runs_do_not_contradict_themselves(world: World) -> None:
    for shift, luck in ((0.5, 0.1), (1.5, 1.0), (3.0, 1.0)):
        second = world.run("b", shift=shift, luck=1, prompt_luck=luck)
        found = compare([world.run("a"), second], resamples=20).pairs[0]
        for one in (*found.differences, found.overall):
            assert one is None or _agrees(one)


def _agrees(one: Difference) -> bool:
    if math.isnan(one.p):
        return True
    named = one.better is not None
    return (one.p >= 0.05 or _leaves_out(one.interval)) and (not named or one.p_adjusted < 0.05)


@pytest.mark.parametrize("seed", [11, 97, 133, 145])
def test_drops_of_small_runs_do_not_contradict_themselves(seed: int) -> None:
    world = World(seed, instructions=(1, 2, 3, 4, 6)[seed % 5], examples=(4, 8, 14, 25)[seed % 4])
    run = world.run("b", shift=(0.5, 1.5, 3)[seed % 3], luck=1, prompt_luck=(0.1, 1)[seed % 2])
    levels = summarize(run.samples, run.variants, FACTS, seed=0, resamples=20).levels
    known = [group for group in levels.values() if group.drop and group.drop_p is not None]
    assert known
    for group in known:
        assert group.drop is not None
        assert (group.drop_p < 0.05) == _leaves_out(group.drop.interval)  # type: ignore[operator]


def test_one_variant_s_graded_drop_needs_its_interval_too() -> None:
    # Fifteen examples lose a hundredth, three gain a half: p .008 by the signs, and a mean gain.
    run = World(0, instructions=1, examples=18).run("graded")
    clean, other = [0.5] * 18, [0.49] * 15 + [1.0] * 3
    run.samples["score"] = [*clean, *other, *other]
    for one in summarize(run.samples, run.variants, FACTS, seed=0, resamples=20).worst_variants:
        assert one.drop.value < 0
        assert not _leaves_out(one.drop.interval)
        assert one.drop_p > 0.05


def test_a_shrunken_drop_s_p_value_is_its_interval_s() -> None:
    rng = np.random.default_rng(0)
    lost = (rng.random((6, 40)) < np.linspace(0.05, 0.6, 6)[:, None]).astype(np.float64)
    lost -= rng.random((6, 40)) < 0.1
    there = rng.random((6, 40)) < 0.4
    ensemble = Ensemble(estimate_variant_means(np.where(there, lost, 0.0), there), lowest=-1.0)
    for place in range(6):
        below = ensemble.member_share_below(place, 0.0)
        if 0 < below < 0.5:
            low, _ = ensemble.member_interval(place, 1 - 2 * below)
            assert low == pytest.approx(0.0, abs=1e-9)
