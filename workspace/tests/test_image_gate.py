"""Who may work on a picture when: one per core, two per person, and not more than the server can bear."""

import threading
import time
from collections.abc import Callable

import pytest

from workspace.image_gate import Gate, PicturesBusy


def started(work: Callable[[], None], times: int) -> list[threading.Thread]:
    threads = [threading.Thread(target=work) for _ in range(times)]
    for thread in threads:
        thread.start()
    return threads


def until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_hurries_when_more_pictures_wait_than_there_are_cores() -> None:
    gate = Gate(cores=1)
    speeds: list[int] = []

    def work() -> None:
        with gate.enter() as speed:
            speeds.append(speed)

    with gate.enter() as alone:
        threads = started(work, 3)
        until(lambda: gate.present == 4)
        assert speeds == []
    for thread in threads:
        thread.join()
    assert (alone, speeds, gate.present) == (6, [9, 8, 6], 0)


def test_lets_one_person_work_on_two_pictures_and_the_next_person_pass() -> None:
    gate = Gate(cores=4)
    let_go = threading.Event()
    inside: list[str] = []

    def work_for(owner: str) -> Callable[[], None]:
        def work() -> None:
            with gate.enter(owner):
                inside.append(owner)
                let_go.wait(10)

        return work

    threads = started(work_for("alice"), 3)
    until(lambda: gate.present == 3 and len(inside) == 2)
    threads += started(work_for("bob"), 1)
    until(lambda: len(inside) == 3)
    assert sorted(inside) == ["alice", "alice", "bob"]
    let_go.set()
    for thread in threads:
        thread.join()
    assert sorted(inside) == ["alice", "alice", "alice", "bob"]


def test_turns_pictures_away_when_too_many_wait() -> None:
    gate = Gate(cores=1, most=2)
    with gate.enter("alice"):
        [waiting] = started(lambda: gate.enter("bob").__enter__(), 1)
        until(lambda: gate.present == 2)
        with pytest.raises(PicturesBusy) as refused, gate.enter("carol"):
            raise AssertionError("must not get in")
        assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "2"})
    waiting.join()


def test_a_failure_inside_frees_the_place() -> None:
    gate = Gate(cores=1, most=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), gate.enter("alice"):
            raise ZeroDivisionError
    assert gate.present == 0
