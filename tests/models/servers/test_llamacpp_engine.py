"""`llama.cpp:FILE`: a process that is ours alone, and the scores of the model that it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from harness.core.errors import MissingPackageError, UsageError
from harness.models import Model, ModelSpec, load_model
from harness.models.contract import Asked
from harness.models.servers import llamacpp, llamacpp_process
from tests.support.tiny_gguf import write_tiny_gguf

pytest.importorskip("xllamacpp", reason="no llama.cpp; type: pip install xllamacpp")

# Of letters beyond ASCII a tiny vocabulary has bytes, which are no text each.
ASKED = [
    Asked("Is it good?\nText: a film\n", {"yes": " yes", "no": " no", "odd": " ó 🙂"}),
    Asked("Is it good?\nText: dull\n", {"yes": " yes", "no": " no"}),
]
OWNER = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's & ignores it
from harness.models.servers.llamacpp_process import Slots, start_llama
print(start_llama(Path(sys.argv[1]), Slots(1, 64, 0)).url, flush=True)
time.sleep(3600)
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="module")
def model(tiny: Path) -> Model:
    return load_model(ModelSpec(f"llama.cpp:{tiny}", device="cpu"))


def test_its_scores_are_those_of_the_engine_here_whatever_bytes_a_token_is(
    model: Model, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path))
    here = load_model(ModelSpec(str(tiny), device="cpu"))
    assert model.tokenizer.requests(ASKED) == here.tokenizer.requests(ASKED)
    expected = dict(here.loglik(here.tokenizer.requests(ASKED)))
    for place, response in model.loglik(model.tokenizer.requests(ASKED)):
        assert response.scores == pytest.approx(expected[place].scores, rel=1e-3)


def test_a_run_knows_it_by_its_file(model: Model, tiny: Path) -> None:
    assert model.info.name == f"llama.cpp:{tiny}"
    assert (model.info.kind, model.info.path) == ("llama.cpp", str(tiny))
    assert "127.0.0.1" not in repr((model.info, model.notes))
    again = load_model(ModelSpec(f"llama.cpp:{tiny}", device="cpu"))
    assert again.info == model.info


def test_nobody_else_is_answered(tiny: Path) -> None:
    process = llamacpp_process.start_llama(tiny, llamacpp_process.Slots(1, 64, 0))
    try:
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{process.url}/props")
    finally:
        process.stop()
    assert not _answers(process.url)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_it_ends_with_its_owner(tiny: Path, end: signal.Signals) -> None:
    command = [sys.executable, "-c", OWNER, str(tiny)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        start_new_session=True,
    ) as owner:  # fmt: skip
        assert owner.stdout is not None
        url = owner.stdout.readline().strip()
        assert _answers(url)
        if end == signal.SIGINT:
            os.killpg(owner.pid, end)  # as a terminal's Ctrl-C, to both
        else:
            owner.send_signal(end)
        owner.wait(timeout=30)
    for _ in range(100):
        if not _answers(url):
            return
        time.sleep(0.1)
    pytest.fail("the server outlives its owner")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5):
            return True
    except OSError:
        return False


def test_what_cannot_be_run_is_said_in_a_line(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=r"nope\.gguf is not there"):
        load_model(ModelSpec("llama.cpp:nope.gguf"))
    with pytest.raises(UsageError, match=r"is no \.gguf file"):
        load_model(ModelSpec(f"llama.cpp:{tmp_path}"))
    with pytest.raises(UsageError, match="--dtype says how to load a model"):
        load_model(ModelSpec(f"llama.cpp:{tiny}", dtype="bfloat16"))
    other = write_tiny_gguf(tmp_path / "other.gguf", architecture="nonesuch")
    with pytest.raises(UsageError, match=r"llama\.cpp can't load .*unknown model architecture"):
        load_model(ModelSpec(f"llama.cpp:{other}"))
    monkeypatch.setattr(llamacpp, "_PACKAGE", "no_such_package")
    with pytest.raises(MissingPackageError, match="needs the package 'no_such_package'") as error:
        load_model(ModelSpec(f"llama.cpp:{tiny}"))
    assert error.value.hint == "Type: pip install 'robustness-harness[llamacpp]'"
