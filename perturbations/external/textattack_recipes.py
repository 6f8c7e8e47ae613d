"""TextAttack's recipes on an instruction, with the harness's evaluator as their victim.

Morris et al. 2020, TextAttack, arXiv 2005.05909. Each recipe is put together from TextAttack's own
transformations, constraints and search, as its builder does, apart from what that would download:
neighbours come from a table of counter-fitted vectors and from WordNet, similarity from MiniLM,
masked words from a model that is given by path. What was replaced stands in the outcome's notes.
Protected words are never modified. TextAttack is imported when a recipe starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Final, Literal, cast

from harness.core.errors import UsageError
from harness.core.records import Level
from perturbations.external.textattack_import import load_textattack
from perturbations.resources import read_words
from perturbations.search.candidates import Problem
from perturbations.search.greedy import check_budget
from perturbations.search.ledger import Ledger
from perturbations.search.race import nothing_to_change
from perturbations.search.recipes import Outcome, Recipe, record_step
from perturbations.similarity import PACKAGE as ENCODER
from perturbations.similarity import SentenceEncoder, load_encoder
from perturbations.word.neighbours import COUNTERFITTED_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from textattack.constraints import Constraint
    from textattack.search_methods import SearchMethod
    from textattack.transformations import Transformation

    from perturbations.external.textattack_parts import NeighbourTable

Metric = Literal["cosine", "angular"]

_SIMILARITY: Final = "similarity by MiniLM in place of the Universal Sentence Encoder"
_HOMOGLYPHS: Final = "look-alike letters from the harness's table: the wheel lacks TextAttack's"
_NEIGHBOURS: Final = "neighbours from a table of up to 8 in place of counter-fitted vectors"


@dataclass(slots=True)
class _Parts:
    """What a builder puts together; the constraints that all recipes share are added."""

    transformations: list[Transformation]
    search: SearchMethod
    constraints: list[Constraint] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    skips_stop_words: bool = True


def _deepwordbug(problem: Problem) -> _Parts:
    from textattack import transformations as swaps
    from textattack.constraints.overlap import LevenshteinEditDistance
    from textattack.search_methods import GreedyWordSwapWIR

    return _Parts(
        transformations=[
            swaps.WordSwapNeighboringCharacterSwap(),
            swaps.WordSwapRandomCharacterSubstitution(),
            swaps.WordSwapRandomCharacterDeletion(),
            swaps.WordSwapRandomCharacterInsertion(),
        ],
        constraints=[LevenshteinEditDistance(30)],
        search=GreedyWordSwapWIR(),
    )


def _pruthi(problem: Problem) -> _Parts:
    from textattack import transformations as swaps
    from textattack.constraints.overlap import MaxWordsPerturbed
    from textattack.constraints.pre_transformation import MinWordLength
    from textattack.search_methods import GreedySearch

    inner = {"random_one": False, "skip_first_char": True, "skip_last_char": True}
    return _Parts(
        transformations=[
            swaps.WordSwapNeighboringCharacterSwap(**inner),
            swaps.WordSwapRandomCharacterDeletion(**inner),
            swaps.WordSwapRandomCharacterInsertion(**inner),
            swaps.WordSwapQWERTY(**inner),
        ],
        constraints=[MinWordLength(min_length=4), MaxWordsPerturbed(max_num_words=1)],
        search=GreedySearch(),
    )


def _textbugger(problem: Problem) -> _Parts:
    from textattack import transformations as swaps
    from textattack.search_methods import GreedyWordSwapWIR

    from perturbations.external.textattack_parts import HomoglyphSwap

    inner = {"random_one": True, "skip_first_char": True, "skip_last_char": True}
    return _Parts(
        transformations=[
            swaps.WordSwapRandomCharacterInsertion(letters_to_insert=" ", **inner),
            swaps.WordSwapRandomCharacterDeletion(**inner),
            swaps.WordSwapNeighboringCharacterSwap(**inner),
            HomoglyphSwap(),
            swaps.WordSwapEmbedding(max_candidates=5, embedding=_neighbour_table(problem)),
        ],
        constraints=[_similarity(problem, 0.8)],
        search=GreedyWordSwapWIR(wir_method="delete"),
        notes=[_NEIGHBOURS, _SIMILARITY, _HOMOGLYPHS],
    )


def _textfooler(problem: Problem) -> _Parts:
    from textattack import transformations as swaps
    from textattack.constraints.grammaticality import PartOfSpeech
    from textattack.constraints.semantics import WordEmbeddingDistance
    from textattack.search_methods import GreedyWordSwapWIR

    table = _neighbour_table(problem)
    return _Parts(
        transformations=[swaps.WordSwapEmbedding(max_candidates=50, embedding=table)],
        constraints=[
            WordEmbeddingDistance(min_cos_sim=0.5, embedding=table),
            PartOfSpeech(tagger_type="nltk", allow_verb_noun_swap=True),
            _similarity(problem, 0.840845057, against_original=False, window=15, skip_shorter=True),
        ],
        search=GreedyWordSwapWIR(wir_method="delete"),
        notes=[_NEIGHBOURS, _SIMILARITY, "NLTK's stop words in place of TextFooler's list"],
    )


def _pwws(problem: Problem) -> _Parts:
    from textattack.search_methods import GreedyWordSwapWIR

    from perturbations.external.textattack_parts import WordNetSwap

    return _Parts(
        transformations=[WordNetSwap()],
        search=GreedyWordSwapWIR(wir_method="weighted-saliency"),
    )


def _bertattack(problem: Problem) -> _Parts:
    from textattack.constraints.overlap import MaxWordsPerturbed
    from textattack.search_methods import GreedyWordSwapWIR

    return _Parts(
        transformations=[_masked_words(problem, "bert-attack", max_candidates=8)],
        constraints=[
            MaxWordsPerturbed(max_percent=0.4),
            _similarity(problem, 0.2, metric="cosine"),
        ],
        search=GreedyWordSwapWIR(wir_method="unk"),
        notes=[_SIMILARITY, f"masked words from {problem.masked_lm}"],
    )


def _bae(problem: Problem) -> _Parts:
    from textattack.constraints.grammaticality import PartOfSpeech
    from textattack.search_methods import GreedyWordSwapWIR

    return _Parts(
        transformations=[_masked_words(problem, "bae", max_candidates=50)],
        constraints=[
            PartOfSpeech(tagger_type="nltk", allow_verb_noun_swap=True),
            _similarity(problem, 0.936338023, metric="cosine", window=15, skip_shorter=True),
        ],
        search=GreedyWordSwapWIR(wir_method="delete"),
        notes=[_SIMILARITY, f"masked words from {problem.masked_lm}"],
    )


def _checklist(problem: Problem) -> _Parts:
    from textattack import transformations as swaps
    from textattack.search_methods import GreedySearch

    return _Parts(
        transformations=[
            swaps.WordSwapExtend(),
            swaps.WordSwapContract(),
            swaps.WordSwapChangeNumber(),
        ],
        search=GreedySearch(),
        notes=["names and places are not changed: that needs flair's tagger"],
        skips_stop_words=False,
    )


def _neighbour_table(problem: Problem) -> NeighbourTable:
    from perturbations.external.textattack_parts import NeighbourTable

    table = read_words(
        COUNTERFITTED_FILE, data_dir=problem.data_dir, needed_for="the recipe's neighbours"
    )
    return NeighbourTable(cast("Mapping[str, Sequence[str]]", table))


def _similarity(
    problem: Problem,
    threshold: float,
    *,
    metric: Metric = "angular",
    against_original: bool = True,
    window: int | None = None,
    skip_shorter: bool = False,
) -> Constraint:
    from perturbations.external.textattack_parts import MiniLMSimilarity

    own = problem.similarity
    return MiniLMSimilarity(
        own if isinstance(own, SentenceEncoder) else load_encoder(),
        threshold,
        metric,
        compare_against_original=against_original,
        window_size=window,
        skip_text_shorter_than_window=skip_shorter,
    )


def _masked_words(problem: Problem, method: str, *, max_candidates: int) -> Transformation:
    from textattack.transformations import WordSwapMaskedLM
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    folder = problem.masked_lm
    if folder is None:
        raise UsageError(
            f"the recipe {method!r} fills in words by a masked language model, and none was given.",
            hint="Type: --masked-lm FOLDER with a model such as bert-base-uncased.",
        )
    return WordSwapMaskedLM(
        method=method,
        masked_language_model=_load_local(AutoModelForMaskedLM.from_pretrained, folder),
        tokenizer=_load_local(AutoTokenizer.from_pretrained, folder),
        max_candidates=max_candidates,
        min_confidence=0.0,
    )


def _load_local(load: Callable[..., object], folder: Path) -> object:
    try:
        return load(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"--masked-lm {folder}: no masked language model can be loaded from there: {error}"
        ) from None


def _search(name: str, build: Callable[[Problem], _Parts]) -> Callable[..., Outcome]:
    def search(problem: Problem, ledger: Ledger, rng: Random) -> Outcome:
        check_budget(ledger)
        load_textattack(problem.data_dir)
        from textattack import Attack
        from textattack.transformations import CompositeTransformation

        from perturbations.external.textattack_parts import HarmDone

        parts = build(problem)
        goal = HarmDone(problem, ledger, name)
        ledger.extend([problem.start.text], ledger.size, "clean")
        attack = Attack(
            goal,
            [*_shared_constraints(problem, parts), *parts.constraints],
            CompositeTransformation(parts.transformations),
            parts.search,
        )
        with _drawing_from(rng):
            attack.attack(problem.subject.text, 0)
        if goal.candidates == 0:
            raise _no_candidate(problem, ledger)
        step = record_step(name, goal.candidates, goal.best, ledger)
        return Outcome(goal.best, (step,), tuple(parts.notes))

    return search


def _shared_constraints(problem: Problem, parts: _Parts) -> list[Constraint]:
    from textattack.constraints.pre_transformation import RepeatModification, StopwordModification

    from perturbations.external.textattack_parts import FreeWords

    shared = [RepeatModification(), FreeWords(problem.subject.label_words)]
    return [*shared, StopwordModification()] if parts.skips_stop_words else shared


def _no_candidate(problem: Problem, ledger: Ledger) -> UsageError:
    if ledger.left >= ledger.size:
        return nothing_to_change(problem)
    return UsageError(
        f"a budget of {ledger.budget} cells was spent before any candidate was measured: ranking "
        f"the words takes {ledger.size} cells for each.",
        hint=f"Type: --budget {4 * ledger.budget}, or --search-examples with fewer.",
    )


@contextmanager
def _drawing_from(rng: Random) -> Iterator[None]:
    """Seeds the global generators, which TextAttack draws from, and restores them afterwards."""
    import random

    import numpy as np

    python_state, numpy_state = random.getstate(), np.random.get_state()
    random.seed(rng.getrandbits(64))
    np.random.seed(rng.getrandbits(32))
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)


def _recipe(
    name: str,
    level: Level,
    source: str,
    build: Callable[[Problem], _Parts],
    needs: tuple[str, ...] = (),
) -> Recipe:
    return Recipe(
        name=f"textattack:{name}",
        description=f"TextAttack's recipe after {source}, each candidate on the whole search split",
        search=_search(f"textattack:{name}", build),
        levels=(level,),
        damage="blend",
        native=False,
        needs=("textattack", *needs),
    )


DEEPWORDBUG: Final = _recipe("deepwordbug", "character", "Gao et al. 2018", _deepwordbug)
PRUTHI: Final = _recipe("pruthi", "character", "Pruthi et al. 2019", _pruthi)
TEXTBUGGER: Final = _recipe(
    "textbugger", "character", "Li et al. 2019", _textbugger, (COUNTERFITTED_FILE, ENCODER)
)
TEXTFOOLER: Final = _recipe(
    "textfooler", "word", "Jin et al. 2020", _textfooler, (COUNTERFITTED_FILE, ENCODER)
)
PWWS: Final = _recipe("pwws", "word", "Ren et al. 2019", _pwws)
BERTATTACK: Final = _recipe("bertattack", "word", "Li et al. 2020", _bertattack, (ENCODER,))
BAE: Final = _recipe("bae", "word", "Garg and Ramakrishnan 2020", _bae, (ENCODER,))
CHECKLIST: Final = _recipe("checklist", "word", "Ribeiro et al. 2020", _checklist)
