"""Documents made to cost time or memory: each is refused before it costs much of either."""

import gc
import time
import tracemalloc
import weakref
from collections.abc import Callable

import pytest

from workspace.document_limits import Deadline, OutOfTime
from workspace.tests import papers
from workspace.tests.papers import INVALID, TOO_LARGE, docx, pdf, pdf_of_tree, refusal, zipped

MEGABYTE = 1_048_576


def _deep_pdf() -> bytes:
    return pdf_of_tree("[" * 500_000)


def _wide_pdf() -> bytes:
    branch = "<< /Type /Pages /Kids [] >> " * 40_000
    return pdf_of_tree(f"<< /Type /Pages /Kids [{branch}] >>")


def _many_objects() -> bytes:
    return papers.raw_pdf(*["<< /A [1 2 3] >>"] * 200_000)


def _broken_table() -> bytes:
    return pdf(2).replace(b"startxref", b"startyref") + b"\n1 0 obj" * MEGABYTE


def _no_table() -> bytes:
    return b"%PDF-1.7\n" + b"1 0 obj << /Type /Catalog >> " * 400_000


def _bomb() -> bytes:
    return papers.bomb_pdf(400 * MEGABYTE)


def _slow_stream() -> bytes:
    return papers.bomb_pdf(15 * MEGABYTE)


def _zip_bomb() -> bytes:
    return docx(**{"word/media/image1.png": bytes(200 * MEGABYTE)})


def _text_bomb() -> bytes:
    return docx("<w:p/>" * 10_000_000)


def _many_parts() -> bytes:
    return zipped({f"part{number}": b"" for number in range(6_000)})


def _many_tags() -> bytes:
    elements = "".join(f"<w:a{number % 97}>{number * 7919 % 10_007}</w:a{number % 97}>" for number in range(20_000))
    return docx(elements * 100)


def _one_attribute() -> bytes:
    return papers.unpacked(f'<p a="{"x" * 15 * MEGABYTE}"/>')


def _deep_xml() -> bytes:
    return papers.unpacked("<p>" * 5_000_000)


def _many_names() -> bytes:
    return papers.unpacked("<p>" + "".join(f'<a{number} b{number}=""/>' for number in range(700_000)))


def _previews() -> bytes:
    return papers.chain(300_000, subfile=1)


@pytest.mark.parametrize(
    "make",
    [
        _deep_pdf,
        _wide_pdf,
        _many_objects,
        _broken_table,
        _no_table,
        _bomb,
        _slow_stream,
        _zip_bomb,
        _text_bomb,
        _many_parts,
        _many_tags,
        _one_attribute,
        _deep_xml,
        _many_names,
        _previews,
    ],
)
def test_a_hostile_document_is_refused_in_little_time(make: Callable[[], bytes]) -> None:
    data = make()
    began = time.thread_time()
    status, code = refusal(data)
    # A second of a processor at rest; a neighbour on the same core halves what one does.
    assert time.thread_time() - began < 2
    assert (status, code) in {INVALID, TOO_LARGE}


@pytest.mark.parametrize("make", [_bomb, _zip_bomb, _many_parts, _one_attribute, _broken_table])
def test_a_hostile_document_takes_little_memory(make: Callable[[], bytes]) -> None:
    data = make()
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
