"""Paraphrases of instructions by a language model, filtered, as a bank with its provenance."""

from harness.paraphrasing.ask import Writer, as_writer, check_writer
from harness.paraphrasing.clauses import Part, take_apart
from harness.paraphrasing.filters import Filters, Judged, judge, judge_part
from harness.paraphrasing.write import ParaphraseConfig, write_paraphrases
from harness.tasks.paraphrase_bank import Bank, add_bank, read_bank, write_bank

__all__ = [
    "Bank",
    "Filters",
    "Judged",
    "ParaphraseConfig",
    "Part",
    "Writer",
    "add_bank",
    "as_writer",
    "check_writer",
    "judge",
    "judge_part",
    "read_bank",
    "take_apart",
    "write_bank",
    "write_paraphrases",
]
