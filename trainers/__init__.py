"""Contrastive instruction tuning, its baselines and its successors.

from pathlib import Path

from trainers.config import TrainConfig
from trainers.train import train

train(TrainConfig(model="smollm2-135m", pairs=Path("pairs.jsonl"), out=Path("ckpt")))
"""
