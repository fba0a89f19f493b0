"""Documents made to cost time or memory: each is refused before it costs much of either."""

import gc
import time
import tracemalloc
import weakref

import pytest

from workspace.document_limits import Deadline, OutOfTime
from workspace.tests.hostile_papers import HOSTILE
from workspace.tests.papers import INVALID, TOO_LARGE, UNSUPPORTED, refusal

MEGABYTE = 1_048_576
HUNGRY = [
    "a pdf that unpacks to 400 MB",
    "a docx with a picture of 200 MB",
    "a docx of 6,000 parts",
    "a docx with an attribute of 15 MB",
    "a pdf whose table is lost among a million objects",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_is_refused_in_little_time(name: str) -> None:
    data = HOSTILE[name]()
    began = time.thread_time()
    status, code = refusal(data)
    # A second of a processor at rest; a neighbour on the same core halves what one does.
    assert time.thread_time() - began < 2
    assert (status, code) in {INVALID, TOO_LARGE, UNSUPPORTED}


@pytest.mark.parametrize("name", HUNGRY)
def test_a_hostile_document_takes_little_memory(name: str) -> None:
    data = HOSTILE[name]()
    tracemalloc.start()
    try:
        refusal(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 150 * MEGABYTE


def test_the_watch_outlives_a_collection_of_garbage() -> None:
    seen = []

    def on_collection(phase: str, info: object) -> None:
        seen.extend(abs(number) for number in range(40))

    def collect_and_work() -> None:
        gc.collect()
        for number in range(1000):
            abs(number)

    gc.callbacks.append(on_collection)
    try:
        with pytest.raises(OutOfTime), Deadline(seconds=-1).enforced():
            collect_and_work()
    finally:
        gc.callbacks.remove(on_collection)
    assert seen


class Thing:
    pass


def test_the_watch_outlives_what_is_called_when_a_thing_goes() -> None:
    seen = []

    def work_and_let_go() -> None:
        weakref.finalize(Thing(), lambda: seen.extend(abs(number) for number in range(40)))
        for number in range(1000):
            abs(number)

    with pytest.raises(OutOfTime), Deadline(seconds=-1).enforced():
        work_and_let_go()
    assert seen
