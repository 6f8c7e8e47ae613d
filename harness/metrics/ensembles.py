"""What can be said of a group's variants together: extremes, quantiles, and variants not asked."""

from __future__ import annotations

from harness.metrics.grid import Group
from harness.results.summary import Tolerance
from harness.stats.ensemble import Ensemble
from harness.stats.tolerance import order_for
from harness.stats.variant_means import estimate_variant_means


def accuracy_ensemble(group: Group) -> Ensemble:
    """The accuracies of a group's variants, from whatever cells they have."""
    return Ensemble(estimate_variant_means(group.score, group.present, group.others))


def tolerance_of(ensemble: Ensemble, confidence: float) -> Tolerance | None:
    """What accuracy most variants of this kind keep; None where too few were asked to say.

    Half of what may go wrong is for the variants, being a sample, and half for their accuracies,
    which are known from a sample of examples.
    """
    order = order_for(len(ensemble.seen.means), 1 - (1 - confidence) / 2)
    if order is None or ensemble.seen.examples < 2:
        return None
    return Tolerance(order.content, ensemble.low_order_statistic(order.rank, (1 - confidence) / 2))
