"""Who is asked what: order, lost workers, jobs behind slow ones, jobs that end workers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.workers.dispatch import DEPTH, SLOW, TRIES, Dispatch


def with_workers(*names: str) -> Dispatch:
    dispatch = Dispatch()
    for name in names:
        dispatch.join(name)
    return dispatch


def with_jobs(dispatch: Dispatch, count: int) -> Dispatch:
    for number in range(1, count + 1):
        dispatch.add(number, size=10)
    return dispatch


def test_jobs_go_in_their_order_to_whoever_holds_least() -> None:
    dispatch = with_jobs(with_workers("a", "b"), 5)
    assert list(dispatch.assign(0)) == [("a", 1), ("b", 2), ("a", 3), ("b", 4)]
    assert list(dispatch.assign(0)) == []
    assert dispatch.answered("b", 2, 1.0)
    assert list(dispatch.assign(1)) == [("b", 5)]


def test_what_a_lost_worker_held_comes_before_what_came_later() -> None:
    dispatch = with_jobs(with_workers("a", "b"), 6)
    list(dispatch.assign(0))
    assert dispatch.leave("a") is None
    dispatch.join("c")
    assert list(dispatch.assign(1)) == [("c", 1), ("c", 3)]
    assert dispatch.answered("c", 1, 3.0)
    assert not dispatch.answered("a", 1, 4.0), "an answer that comes too late"


def test_an_idle_worker_takes_what_waits_behind_another_job() -> None:
    dispatch = with_jobs(with_workers("a"), 2)
    assert list(dispatch.assign(0)) == [("a", 1), ("a", 2)]
    dispatch.join("b")
    assert list(dispatch.assign(1)) == [("b", 2)]
    assert dispatch.again == 1
    assert dispatch.answered("b", 2, 2.0)
    assert dispatch.holders(2) == ["a"]  # to be told that it need not begin
    assert not dispatch.answered("a", 2, 9.0)


def test_a_job_is_asked_twice_only_when_it_takes_long_and_somebody_is_idle() -> None:
    dispatch = with_jobs(with_workers("a", "b"), 4)
    list(dispatch.assign(0))
    for now, number in ((1.0, 2), (2.0, 4)):
        assert dispatch.answered("b", number, now)
    dispatch.add(5, size=10)
    assert list(dispatch.assign(2.0)) == [("b", 5)]
    assert dispatch.answered("b", 5, 3.0)
    # Three answers of 1 s each: job 3 waits behind job 1, which is at work.
    assert list(dispatch.assign(3.0)) == [("b", 3)]
    assert dispatch.answered("b", 3, 4.0)
    late = SLOW * 1.0
    dispatch = with_workers("a", "b")
    for number in (1, 2, 3):
        dispatch.add(number, size=10)
        list(dispatch.assign(number))
        assert dispatch.answered("a", number, number + 1.0)
    dispatch.add(4, size=10)
    assert list(dispatch.assign(10.0)) == [("a", 4)]
    assert list(dispatch.assign(10.0 + late)) == []
    assert list(dispatch.assign(10.1 + late)) == [("b", 4)]
    assert list(dispatch.assign(99.0)) == [], "never a third time"


def test_a_job_that_ends_workers_is_found_out() -> None:
    dispatch = with_jobs(Dispatch(), 2)
    doomed = []
    for number in range(TRIES):
        dispatch.join(f"w{number}")
        assert list(dispatch.assign(number)) == [(f"w{number}", 1), (f"w{number}", 2)]
        doomed.append(dispatch.leave(f"w{number}"))
    assert doomed == [None] * (TRIES - 1) + [1], "the one at work is, not the one behind it"


@given(st.lists(st.tuples(st.sampled_from("jlapd"), st.integers(0, 4)), max_size=60))
def test_every_job_is_answered_once_whatever_happens(events: list[tuple[str, int]]) -> None:
    dispatch, held, now = Dispatch(), dict[str, list[int]](), 0.0
    added, answered, lost = 0, list[int](), 0

    def send() -> None:
        for worker, number in dispatch.assign(now):
            held[worker].append(number)
            assert len(held[worker]) <= DEPTH

    def answer(worker: str) -> None:
        number = held[worker].pop(0)
        if dispatch.answered(worker, number, now):
            answered.append(number)

    for event, which in events:
        now += 1.0
        name = f"w{which}"
        if event == "j" and name not in held:
            dispatch.join(name)
            held[name] = []
        elif event == "l" and name in held:
            lost += dispatch.leave(name) is not None
            del held[name]
        elif event == "a":
            added += 1
            dispatch.add(added, size=1 + which)
        elif event == "d" and held.get(name):
            answer(name)
        send()
    dispatch.join("last")
    held["last"] = []
    while any(held.values()) or len(set(answered)) < added:
        now += 1.0
        send()
        for worker in held:
            if held[worker]:
                answer(worker)
    assert sorted(answered) == list(range(1, added + 1))
