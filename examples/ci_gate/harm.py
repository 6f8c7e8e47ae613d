"""Make a worse copy of a checkpoint: Gaussian noise on every matrix of its layers."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from harness.models import ModelSpec, load_model


def main() -> None:
    """Read a model, add noise, save it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--noise", type=float, default=0.5, help="in standard deviations")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    path = load_model(ModelSpec(options.model, device="cpu")).info.path
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "layers" in name and weight.ndim == 2:
                noise = torch.randn(weight.shape, generator=generator)
                weight.add_(options.noise * weight.std() * noise)
    model.save_pretrained(options.out)
    AutoTokenizer.from_pretrained(path).save_pretrained(options.out)


if __name__ == "__main__":
    main()
