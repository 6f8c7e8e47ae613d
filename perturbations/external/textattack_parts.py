"""Parts of an attack that TextAttack lacks or downloads, on its own base classes.

Imported only after `perturbations.external.textattack_import.load_textattack`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from nltk.corpus import wordnet
from textattack.constraints import PreTransformationConstraint
from textattack.constraints.semantics.sentence_encoders.sentence_encoder import SentenceEncoder
from textattack.goal_function_results import ClassificationGoalFunctionResult
from textattack.goal_functions import GoalFunction
from textattack.shared import AbstractWordEmbedding, AttackedText
from textattack.transformations import WordSwap
from torch import Tensor

from perturbations.diff import word_edits
from perturbations.protect import find_protected
from perturbations.resources import table
from perturbations.search.candidates import Candidate, Problem
from perturbations.search.ledger import Ledger
from perturbations.similarity import SentenceEncoder as MiniLM
from perturbations.tokens import is_protected

if TYPE_CHECKING:
    from textattack.goal_function_results import GoalFunctionResult


class HarmDone(GoalFunction):  # type: ignore[misc]
    """The goal: as much mean damage on the search split as possible.

    Each text is measured on the whole split, all texts of a call in one batch. TextAttack's own
    budget counts queries; this one counts cells and hands over to the search when none is left.
    """

    def __init__(self, problem: Problem, ledger: Ledger, name: str) -> None:
        # The base class asks for a wrapped model; the victim here is behind the ledger.
        self.maximizable = True
        self.use_cache = False
        self.allow_skip = False
        self.query_budget = float("inf")
        self.num_queries = 0
        self.best: Candidate = problem.start
        """The most harmful text that a transformation made and that keeps what is protected."""
        self.candidates = 0
        self._problem = problem
        self._ledger = ledger
        self._name = name

    def get_results(
        self, attacked_text_list: Sequence[AttackedText], check_skip: bool = False
    ) -> tuple[list[GoalFunctionResult], bool]:
        """The results of as many texts as the budget reaches, and whether it is spent."""
        texts = self._affordable(attacked_text_list)
        self._ledger.extend([text.text for text in texts], self._ledger.size, self._name)
        self.num_queries += len(texts)
        results = [self._result(text) for text in texts]
        return results, self._ledger.left < self._ledger.size

    def _affordable(self, texts: Sequence[AttackedText]) -> list[AttackedText]:
        reached: dict[str, None] = {}
        for text in texts:
            wanted = [*reached, text.text]
            if self._ledger.cost(wanted, self._ledger.size) > self._ledger.left:
                break
            reached[text.text] = None
        return [text for text in texts if text.text in reached]

    def _result(self, text: AttackedText) -> GoalFunctionResult:
        damage = self._ledger.mean(text.text)
        # Texts that rank words by deleting them are measured too, and are no candidates.
        if "last_transformation" in text.attack_attrs:
            self._keep_best(text.text, damage)
        return ClassificationGoalFunctionResult(
            text, damage, damage, self._get_goal_status(damage, text), damage, self.num_queries, 0
        )

    def _keep_best(self, text: str, damage: float) -> None:
        self.candidates += 1
        edits = word_edits(self._problem.subject.text, text)
        candidate = Candidate(text, edits, (self._name,))
        if damage <= self._ledger.mean(self.best.text):
            return
        if self._problem.validity(candidate).protected_intact:
            self.best = candidate

    def _is_goal_complete(self, model_output: float, attacked_text: AttackedText) -> bool:
        return False

    def _get_score(self, model_output: float, attacked_text: AttackedText) -> float:
        return model_output

    def _goal_function_result_type(self) -> type:
        return ClassificationGoalFunctionResult  # type: ignore[no-any-return]

    def _process_model_outputs(self, inputs: Sequence[str], outputs: Tensor) -> Tensor:
        return outputs


class FreeWords(PreTransformationConstraint):  # type: ignore[misc]
    """Words that overlap no protected span may be modified."""

    def __init__(self, label_words: Sequence[str]) -> None:
        self._label_words = label_words

    def _get_modifiable_indices(self, current_text: AttackedText) -> set[int]:
        spans = find_protected(current_text.text, self._label_words)
        free: set[int] = set()
        place = 0
        for index, word in enumerate(current_text.words):
            start = current_text.text.find(word, place)
            place = start + len(word)
            if start >= 0 and not is_protected(start, place, spans):
                free.add(index)
        return free


class NeighbourTable(AbstractWordEmbedding):  # type: ignore[misc]
    """Nearest words from a table, in place of the vectors they were computed from.

    Words are their own ids. Two words are alike (cosine 1) if one is in the other's row.
    """

    def __init__(self, table: Mapping[str, Sequence[str]]) -> None:
        self._table = table

    def __getitem__(self, index: str) -> None:
        return None

    def word2index(self, word: str) -> str:
        """The word, if the table has it."""
        if word not in self._table:
            raise KeyError(word)
        return word

    def index2word(self, index: str) -> str:
        """The word."""
        return index

    def nearest_neighbours(self, index: str, topn: int) -> list[str]:
        """The nearest words, the nearest first."""
        return list(self._table[index][:topn])

    def get_cos_sim(self, a: str, b: str) -> float:
        """1 for neighbours, else 0."""
        return float(a == b or b in self._table.get(a, ()) or a in self._table.get(b, ()))

    def get_mse_dist(self, a: str, b: str) -> float:
        """0 for neighbours, else 1."""
        return 1.0 - self.get_cos_sim(a, b)


class WordNetSwap(WordSwap):  # type: ignore[misc]
    """Swaps words with their WordNet synonyms, as TextAttack's own does after a download."""

    def _get_replacement_words(self, word: str) -> list[str]:
        lemmas = {lemma for synset in wordnet.synsets(word) for lemma in synset.lemma_names()}
        return sorted(lemma for lemma in lemmas if lemma != word and lemma.isalpha())


class HomoglyphSwap(WordSwap):  # type: ignore[misc]
    """Swaps one letter of a word with a look-alike.

    TextAttack's own reads a table when it is made that the wheel of 0.3.11 does not hold.
    """

    def _get_replacement_words(self, word: str) -> list[str]:
        glyphs = table("homoglyphs")
        return [
            word[:place] + glyphs[letter][0] + word[place + 1 :]
            for place, letter in enumerate(word)
            if letter in glyphs
        ]


class MiniLMSimilarity(SentenceEncoder):  # type: ignore[misc]
    """TextAttack's sentence-similarity constraint over MiniLM instead of the Universal Encoder."""

    def __init__(
        self,
        encoder: MiniLM,
        threshold: float,
        metric: str = "angular",
        compare_against_original: bool = True,
        window_size: int | None = None,
        skip_text_shorter_than_window: bool = False,
    ) -> None:
        super().__init__(
            threshold=threshold,
            metric=metric,
            compare_against_original=compare_against_original,
            window_size=window_size,
            skip_text_shorter_than_window=skip_text_shorter_than_window,
        )
        self._encoder = encoder

    def encode(self, sentences: Sequence[str]) -> Tensor:
        """(sentences, 384) unit vectors."""
        return torch.from_numpy(self._encoder.embed(sentences))
