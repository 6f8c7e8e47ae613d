"""What tuning changed, a row per layer."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING

from harness.results.layer_changes import LayerChange, LayerChanges

if TYPE_CHECKING:
    import pandas as pd


def layer_frame(changes: LayerChanges | None) -> pd.DataFrame:
    """One row per layer, in their order; none where layers were not compared."""
    import pandas as pd

    rows = [] if changes is None else [asdict(one) for one in changes.layers]
    return pd.DataFrame(rows, columns=[one.name for one in fields(LayerChange)])
