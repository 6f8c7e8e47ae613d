"""Widened layers give what half-precision layers give, and only where they are needed."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from harness.models.loading import upcast as widening
from harness.models.loading.upcast import UpcastLinear, upcast_where_slow

CPU = torch.device("cpu")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("bias", [True, False])
def test_a_widened_layer_rounds_the_exact_product_once(dtype: torch.dtype, bias: bool) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(64, 32, bias=bias).to(dtype)
    x = torch.randn(5, 64).to(dtype)
    exact = layer.double()(x.double())
    layer.to(dtype)
    layer.__class__ = UpcastLinear
    found = layer(x)
    assert found.dtype == dtype
    # Half a unit in the last place of the exact value, and a hair for the float32 sum.
    unit = torch.finfo(dtype).eps * exact.abs().log2().floor().exp2()
    assert ((found.double() - exact).abs() <= 0.5 * unit + 1e-5).all()


def test_only_slow_halves_are_widened(monkeypatch: pytest.MonkeyPatch) -> None:
    def widened(dtype: torch.dtype, *, device: torch.device = CPU, fast: bool = False) -> bool:
        monkeypatch.setattr(widening, "_multiplies", lambda _: fast)
        model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
        done = upcast_where_slow(model, device, dtype)
        assert all(isinstance(model[n], UpcastLinear) == done for n in (0, 2))
        return done

    assert widened(torch.bfloat16)
    assert widened(torch.float16)
    assert not widened(torch.float32)
    assert not widened(torch.bfloat16, fast=True)
    assert not widened(torch.bfloat16, device=torch.device("meta"))
