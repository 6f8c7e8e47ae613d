"""Paraphrases of instructions by a language model, filtered, as a bank with its provenance."""

from harness.paraphrase.bank import Bank, add_bank, read_bank, write_bank
from harness.paraphrase.filters import Filters, Judged, judge
from harness.paraphrase.write import ParaphraseConfig, Writer, write_paraphrases

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
