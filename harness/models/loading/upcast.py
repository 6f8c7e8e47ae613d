"""Half-precision layers on a CPU that cannot multiply in half precision.

Such a CPU falls back to scalar code, several times slower than float32. The same product is had by
casting both sides up, multiplying in float32 and rounding the result once, which is what hardware
with bfloat16 or float16 products does too: they add up in float32. Weights stay as small as they
are in memory.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HALVES = (torch.bfloat16, torch.float16)


class UpcastLinear(nn.Linear):
    """A linear layer that multiplies in float32 and rounds its output to its input's dtype."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's own name)
        """(..., in) -> (..., out)."""
        bias = None if self.bias is None else self.bias.float()
        return F.linear(input.float(), self.weight.float(), bias).to(input.dtype)


def upcast_where_slow(model: nn.Module, device: torch.device, dtype: torch.dtype) -> bool:
    """Lets the model's linear layers multiply in float32 where that is the faster way.

    Args:
        model: its layers change their class, never their parameters.
        device: where it runs.
        dtype: of its weights.

    Returns:
        Whether the layers were changed.
    """
    if device.type != "cpu" or dtype not in HALVES or _multiplies(dtype):
        return False
    for layer in model.modules():
        if type(layer) is nn.Linear:
            # Another class over the same parameters: whoever looks for nn.Linear still finds it.
            layer.__class__ = cast(type[nn.Linear], UpcastLinear)
    return True


def _multiplies(dtype: torch.dtype) -> bool:
    """Whether torch has kernels for products of this dtype on this CPU."""
    kind = "bf16" if dtype == torch.bfloat16 else "fp16"
    supported = getattr(torch.ops.mkldnn, f"_is_mkldnn_{kind}_supported", None)
    return supported is not None and bool(supported())
