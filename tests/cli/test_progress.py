"""What a run says of its progress: rate and time left at the ends, and lines in a log."""

from __future__ import annotations

import io

from rich.console import Console

from harness.core.progress import Pace
from harness.core.progress_bar import BarProgress, LineProgress, clock_time


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_reused_answers_have_no_rate() -> None:
    clock = Clock()
    pace = Pace(1000, 400, clock)
    assert (pace.rate, pace.seconds_left) == (None, None)
    clock.now = 0.001
    pace.reuse(400)
    assert (pace.rate, pace.seconds_left) == (None, None)
    clock.now = 10.001
    pace.advance(100)
    assert (pace.rate, pace.seconds_left) == (10.0, 50.0)


def test_stored_answers_that_are_still_to_come_take_no_time() -> None:
    clock = Clock()
    pace = Pace(1000, 400, clock)
    clock.now = 10.0
    pace.advance(100)
    assert pace.seconds_left == 50.0  # 500 of the 900 left are on disk or done


def test_a_run_whose_answers_are_all_there_has_nothing_left() -> None:
    pace = Pace(400, 400, Clock())
    pace.reuse(400)
    assert (pace.rate, pace.seconds_left) == (None, 0.0)


def lines_of(total: int, finished: int, steps: list[tuple[float, str, int]]) -> list[str]:
    clock, stream = Clock(), io.StringIO()
    progress = LineProgress(Console(file=stream, width=40), clock)
    progress.start(total, finished)
    progress.doing("topic", "word")
    for clock.now, kind, answers in steps:
        getattr(progress, kind)(answers)
    progress.stop()
    progress.stop()
    return stream.getvalue().splitlines()


def test_a_log_gets_a_line_every_ten_seconds_and_one_at_the_end() -> None:
    steps = [(0.0, "reuse", 200), *((float(second), "advance", 20) for second in range(1, 41))]
    assert lines_of(1000, 200, steps) == [
        "topic · word: 400 of 1,000 cells (40%), 200 of them reused, 20.0 cells/s, 0:30 left",
        "topic · word: 600 of 1,000 cells (60%), 200 of them reused, 20.0 cells/s, 0:20 left",
        "topic · word: 800 of 1,000 cells (80%), 200 of them reused, 20.0 cells/s, 0:10 left",
        "1,000 of 1,000 cells (100%), 200 of them reused in 0:40, 20.0 cells/s",
    ]


def test_what_is_slow_is_counted_by_the_minute_in_its_own_unit() -> None:
    clock, stream = Clock(), io.StringIO()
    progress = LineProgress(Console(file=stream, width=40), clock)
    progress.start(16, unit="paraphrases")
    clock.now = 60.0
    progress.advance(2)
    progress.stop()
    assert stream.getvalue().splitlines() == [
        "2 of 16 paraphrases (12%), 2.0 paraphrases/min, 7:00 left",
        "2 of 16 paraphrases (12%) in 1:00, 2.0 paraphrases/min",
    ]


def test_a_full_reuse_is_one_line() -> None:
    assert lines_of(300, 300, [(0.2, "reuse", 300)]) == [
        "300 of 300 cells (100%), 300 of them reused in 0:00, nothing to compute"
    ]


def test_the_bar_fits_into_eighty_columns() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=80, force_terminal=True, _environ={"TERM": "dumb"})
    bar = BarProgress(console)
    bar.start(62_724, 0)
    bar.doing("inference", "semantic")
    bar.advance(31_000)
    bar.stop()
    last = Console(width=200).render_str(stream.getvalue()).plain.rstrip().splitlines()[-1]
    assert "31000/62724" in last
    assert "left" in last
    assert "…" not in last


def test_times_are_read_like_a_clock() -> None:
    assert [clock_time(s) for s in (0, 59.6, 3599, 3600, 5025)] == [
        "0:00", "1:00", "59:59", "1:00:00", "1:23:45",
    ]  # fmt: skip
