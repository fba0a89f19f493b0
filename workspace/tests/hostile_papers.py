"""Documents made to cost time or memory, or to be another thing than they say."""

from collections.abc import Callable

from workspace.tests import papers
from workspace.tests.papers import docx, pdf, pdf_of_tree, zipped

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


def _types_bomb() -> bytes:
    return zipped({"[Content_Types].xml": b" " * 100_000_000, "word/document.xml": b"x"})


def _nested_bomb() -> bytes:
    return zipped({"[Content_Types].xml": _types_bomb(), "word/document.xml": _types_bomb()})


HOSTILE: dict[str, Callable[[], bytes]] = {
    "a pdf of half a million open brackets": _deep_pdf,
    "a pdf of 40,000 empty branches": _wide_pdf,
    "a pdf of 200,000 objects": _many_objects,
    "a pdf whose table is lost among a million objects": _broken_table,
    "a pdf of 400,000 objects without a table": _no_table,
    "a pdf that unpacks to 400 MB": _bomb,
    "a pdf that unpacks to 15 MB of objects": _slow_stream,
    "a docx with a picture of 200 MB": _zip_bomb,
    "a docx whose text unpacks to 70 MB": _text_bomb,
    "a docx of 6,000 parts": _many_parts,
    "a docx of two million elements": _many_tags,
    "a docx with an attribute of 15 MB": _one_attribute,
    "a docx of five million nested elements": _deep_xml,
    "a docx of 700,000 names": _many_names,
    "a tiff of 300,000 previews": _previews,
    "a docx whose list of types unpacks to 100 MB": _types_bomb,
    "a docx whose text unpacks to 80 MB of spaces": lambda: docx(" " * 80_000_000),
    "a zip bomb in a zip": _nested_bomb,
    "a zip of a million parts that are not there": lambda: b"PK\x03\x04" + b"PK\x01\x02" * 1_000_000,
    "half a pdf": lambda: b"%PDF-1.7\n1 0 obj <<",
    "a pdf that is a million open brackets": lambda: b"%PDF-1.7\n1 0 obj " + b"[" * 1_000_000,
}
