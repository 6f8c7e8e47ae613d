"""Paraphrases of instructions by a language model, filtered, as a bank with its provenance."""

from harness.paraphrasing.filters import Filters, Judged, judge
from harness.paraphrasing.write import ParaphraseConfig, Writer, write_paraphrases
from harness.tasks.paraphrase_bank import Bank, add_bank, read_bank, write_bank

__all__ = [
    "Bank",
    "Filters",
    "Judged",
    "ParaphraseConfig",
    "Writer",
    "add_bank",
    "judge",
    "read_bank",
    "write_bank",
    "write_paraphrases",
]
