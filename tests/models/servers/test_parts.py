"""The parts of a served model that need no server: addresses, waits, the pace, labels' stems."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from harness.cli.app import run as cli
from harness.core.errors import ExitCode, UsageError
from harness.core.records import Request
from harness.models import ModelSpec
from harness.models.servers.address import find_address, is_exposed
from harness.models.servers.client import MalformedAnswerError, parse_wait
from harness.models.servers.pace import FIRST, Pace
from harness.models.servers.protocol import read_message, read_said, read_text
from harness.models.spec import ServerSpec
from harness.models.teacher_forcing import stems


def address(name: str, **more: str) -> object:
    return find_address(ModelSpec(name, server=ServerSpec(**more)))  # type: ignore[arg-type]


def test_a_url_alone_is_sent_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert find_address(ModelSpec("http://somewhere/v1")).key is None
    named = find_address(ModelSpec("openai:m"))
    assert (named.url, named.model, named.key) == ("https://api.openai.com/v1", "m", "secret")
    assert "secret" not in repr(named)
    assert named.hide_key("key secret is wrong") == "key *** is wrong"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere/v1/")
    there = find_address(ModelSpec("openai:m"))
    assert (there.url, there.root, is_exposed(there)) == ("http://elsewhere/v1", "http://elsewhere",
                                                          True)  # fmt: skip
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    assert not is_exposed(find_address(ModelSpec("openai:m")))


@pytest.mark.parametrize(
    ("name", "more", "message"),
    [
        ("http://", {}, "is no server's URL"),
        ("http://h:port/v1", {}, "is no server's URL"),
        ("openai:m", {"base_url": "localhost:8080"}, "is no server's URL"),
        ("openai:", {}, "names no model"),
        ("http://me:secret@h/v1", {}, "holds a name, a password or a query"),
        ("http://h/v1?key=secret", {}, "holds a name, a password or a query"),
        ("http://h/v1", {"base_url": "http://h/v1"}, "both name a server"),
        ("http://h/v1", {"key_env": "NO_SUCH_KEY"}, "no such environment variable"),
    ],
)
def test_an_address_that_is_none_is_refused(name: str, more: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        address(name, **more)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2", 2.0), ("0.25", 0.25), ("-3", 0.0), ("", 0.0), ("soon", 0.0), ("nan", 0.0),
        ("inf", 0.0), ("Sun, 29 Nov 2026 10:00:30 GMT", 30.0),
        ("Sun, 29 Nov 2026 09:00:00 GMT", 0.0),
    ],
)  # fmt: skip
def test_retry_after_is_read(header: str, seconds: float) -> None:
    now = datetime(2026, 11, 29, 10, tzinfo=UTC)
    assert parse_wait(header, now=now) == seconds


class Server:
    """Answers as fast as its best number of streams lets it."""

    def __init__(self, best: int) -> None:
        self.now, self.best = 0.0, best

    def serve(self, pace: Pace, answers: int) -> None:
        pace.begin()
        for _ in range(answers):
            self.now += 1 / min(pace.limit, self.best)
            pace.answered(waiting=10**6)


@pytest.mark.parametrize(("best", "limit"), [(1, FIRST), (4, 4), (8, 8), (16, 16), (1000, 64)])
def test_the_pace_is_the_smallest_doubling_that_is_as_fast_as_any(best: int, limit: int) -> None:
    server = Server(best)
    pace = Pace(clock=lambda: server.now)
    server.serve(pace, 2000)
    assert pace.limit == limit


def test_a_server_that_is_asked_too_much_is_asked_less_from_then_on() -> None:
    server = Server(1000)
    pace = Pace(clock=lambda: server.now)
    server.serve(pace, 100)
    reached = pace.limit
    pace.refused()
    server.serve(pace, 1000)
    assert pace.limit == reached // 2


def test_the_end_of_a_batch_is_not_measured() -> None:
    pace = Pace()
    pace.begin()
    for waiting in range(100, -1, -1):
        pace.answered(waiting=0 * waiting)
    assert pace.limit == FIRST


def test_a_stem_that_labels_share_is_asked_once() -> None:
    request = Request((9,), {"a": (1, 2), "b": (1, 3), "c": (4,), "d": (1, 2)})
    assert stems(request) == {(): [1, 4], (1,): [2, 3]}


@pytest.mark.parametrize(
    "answer",
    [{}, {"choices": []}, {"choices": [3]}, {"choices": [{}]}, {"choices": [{"text": 3}]}],
)
def test_an_answer_that_is_none_is_told(answer: dict[str, object]) -> None:
    for read in (read_text, read_message, read_said):
        with pytest.raises(MalformedAnswerError):
            read(answer)


def test_an_answer_that_was_still_reasoning_is_empty() -> None:
    assert read_message({"choices": [{"message": {"content": None}}]}) == ""


WRONG = {
    "nothing listens": (["-m", "http://127.0.0.1:9/v1"], "no connection"),
    "no price": (["-m", "http://127.0.0.1:9/v1", "--max-cost", "1"], "needs the prices of tokens"),
    "no budget": (
        ["-m", "http://127.0.0.1:9/v1", "--max-cost", "0", "--price-in", "1"],
        "no budget is left",
    ),
    "a local option": (["-m", "http://127.0.0.1:9/v1", "--dtype", "float32"], "--dtype says how"),
    "a local model": (["-m", "smollm2-135m", "--base-url", "http://h/v1"], "is none of a server's"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_used_costs_one_line(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, message = WRONG[case]
    code = cli(["run", "--task", "sentiment", "--limit", "2", "--levels", "clean", *arguments])
    shown = capsys.readouterr().err
    assert code in (ExitCode.USAGE, ExitCode.INCOMPLETE)
    assert message in " ".join(shown.split())
    assert "Traceback" not in shown
