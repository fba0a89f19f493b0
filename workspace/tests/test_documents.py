"""Counting pages: what each kind of document has, and what is refused."""

import pytest

from workspace.documents import count_pages
from workspace.tests import papers
from workspace.tests.papers import (
    ENCRYPTED,
    INVALID,
    PAGE_BREAK,
    TOO_LARGE,
    UNSUPPORTED,
    content_types,
    docx,
    paragraph,
    pdf,
    pdf_of_tree,
    refusal,
    tiff,
    zipped,
)

DOCTYPE = '<!DOCTYPE w [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
LEAF = "<< /Type /Page /Parent 2 0 R >>"
TEXT = "Once upon a time, in a house by the sea, there lived a clock. "


@pytest.mark.parametrize("pages", [1, 2, 37])
def test_a_pdf_has_the_pages_of_its_tree(pages: int) -> None:
    counted = count_pages(pdf(pages))
    assert (counted.pages, counted.kind) == (pages, "pdf")


def test_a_pdf_that_claims_fewer_pages_is_not_believed() -> None:
    tree = ("<< /Type /Pages /Count 1 /Kids [3 0 R 5 0 R] >>", "<< /Type /Pages /Count 1 /Kids [4 0 R 4 0 R] >>", LEAF)
    assert count_pages(pdf_of_tree(*tree, LEAF)).pages == 3


def test_a_pdf_may_begin_after_a_little_noise() -> None:
    assert count_pages(b"\n\n" + pdf(2)).pages == 2


def test_a_pdf_with_a_password_is_refused() -> None:
    assert refusal(pdf(2, password="open sesame")) == ENCRYPTED


def test_a_pdf_that_only_restricts_printing_is_counted() -> None:
    assert count_pages(pdf(3, password="", owner="mine")).pages == 3


@pytest.mark.parametrize(
    "tree",
    [
        ("<< /Type /Pages /Count 1 /Kids [2 0 R] >>",),
        ("<< /Type /Pages /Count 1 /Kids [3 0 R] >>", "<< /Type /Pages /Count 1 /Kids [2 0 R] >>"),
        ("<< /Type /Pages /Count 2 /Kids [3 0 R 3 0 R] >>", "<< /Type /Pages /Count 1 /Kids [3 0 R] >>"),
    ],
)
def test_a_page_tree_that_contains_itself_is_refused(tree: tuple[str, ...]) -> None:
    assert refusal(pdf_of_tree(*tree)) == INVALID


@pytest.mark.parametrize("tree", ["<< /Type /Pages /Count 3 /Kids [] >>", "<< /Type /Pages /Kids 7 >>", "null", "5"])
def test_a_pdf_without_pages_is_refused(tree: str) -> None:
    assert refusal(pdf_of_tree(tree)) == INVALID


def test_a_pdf_of_too_many_pages_is_refused() -> None:
    kids = "3 0 R " * 10_001
    assert refusal(pdf_of_tree(f"<< /Type /Pages /Count 1 /Kids [{kids}] >>", LEAF)) == TOO_LARGE


@pytest.mark.parametrize("keep", [0.1, 0.5])
def test_a_truncated_pdf_is_refused(keep: float) -> None:
    whole = pdf(20)
    assert refusal(whole[: int(len(whole) * keep)]) == INVALID


def test_a_docx_has_the_pages_its_writer_noted() -> None:
    body = paragraph(TEXT * 30) * 10
    counted = count_pages(docx(body, pages="7"))
    assert (counted.pages, counted.kind) == (7, "docx")


@pytest.mark.parametrize("claim", [None, "", "0", "1", "-3", "many", "9999", "99999999999", "٣"])
def test_a_docx_whose_note_cannot_be_true_is_estimated(claim: str | None) -> None:
    # 18,600 characters fill ten pages and a bit of 1,800.
    body = paragraph(TEXT * 30) * 10
    assert count_pages(docx(body, pages=claim)).pages == 11


@pytest.mark.parametrize(
    ("body", "pages"),
    [
        ("", 1),
        (paragraph("x" * 1800), 1),
        (paragraph("x" * 1801), 2),
        (paragraph("é" * 1800), 1),
        (PAGE_BREAK * 4, 5),
        ("<w:p><w:r><w:lastRenderedPageBreak/><w:t>x</w:t></w:r></w:p>" * 2, 3),
        ('<w:p><w:r><w:br/><w:br w:type="column"/></w:r></w:p>' * 9, 1),
        (f'<c:Fallback xmlns:c="urn:c">{paragraph("x" * 9000)}</c:Fallback>{paragraph("x" * 1801)}', 2),
        (f"<w:instrText>{'x' * 9000}</w:instrText>", 1),
    ],
)
def test_a_docx_without_a_note_is_estimated_by_text_and_breaks(body: str, pages: int) -> None:
    assert count_pages(docx(body)).pages == pages


def test_a_note_of_fewer_pages_than_breaks_make_is_not_believed() -> None:
    assert count_pages(docx(PAGE_BREAK * 4, pages="1")).pages == 5


def test_the_text_of_a_docx_may_have_another_name() -> None:
    assert count_pages(docx(PAGE_BREAK, part="word/document2.xml")).pages == 2


def test_a_docx_with_a_document_type_is_refused() -> None:
    document = f'{DOCTYPE}<w:document xmlns:w="{papers.W}"><w:t>&b;</w:t></w:document>'.encode()
    assert refusal(docx(**{"word/document.xml": document})) == INVALID
    assert refusal(docx(**{"docProps/app.xml": DOCTYPE.encode() + b"<Pages>1</Pages>"})) == INVALID


def test_a_zip_that_is_no_docx_is_unsupported() -> None:
    assert refusal(zipped({"readme.txt": b"hello"}), "letter.docx") == UNSUPPORTED
    sheet = content_types("xl/workbook.xml", SPREADSHEET).encode()
    assert refusal(zipped({"[Content_Types].xml": sheet}), "letter.docx") == UNSUPPORTED


def test_a_docx_without_its_text_is_refused() -> None:
    types = content_types("word/document.xml", papers.MAIN).encode()
    assert refusal(zipped({"[Content_Types].xml": types})) == INVALID


@pytest.mark.parametrize("keep", [0.3, 0.8, 0.99])
def test_a_truncated_docx_is_refused(keep: float) -> None:
    whole = docx(paragraph(TEXT) * 50)
    assert refusal(whole[: int(len(whole) * keep)]) == INVALID


def test_a_damaged_docx_is_refused() -> None:
    whole = bytearray(docx(paragraph(TEXT) * 50))
    middle = whole.index(b"word/document.xml") + 40
    whole[middle : middle + 20] = b"\xff" * 20
    assert refusal(bytes(whole)) == INVALID


def test_a_docx_with_a_password_is_refused() -> None:
    locked = bytearray(docx())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + place] |= 1
    assert refusal(bytes(locked)) == ENCRYPTED
    container = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
    assert refusal(container + "EncryptedPackage".encode("utf-16-le"), "letter.docx") == ENCRYPTED
    assert refusal(container, "letter.doc") == UNSUPPORTED


@pytest.mark.parametrize("pages", [1, 3, 12])
def test_a_tiff_has_a_page_for_every_directory(pages: int) -> None:
    counted = count_pages(tiff(pages))
    assert (counted.pages, counted.kind) == (pages, "tiff")


def test_previews_and_masks_in_a_tiff_are_no_pages() -> None:
    assert refusal(papers.chain(2, subfile=1)) == INVALID
    assert refusal(papers.chain(2, subfile=4)) == INVALID
    assert count_pages(papers.chain(2, subfile=2)).pages == 2


@pytest.mark.parametrize("following", [(8,), (50, 8), (50, 92, 50)])
def test_a_tiff_whose_directories_loop_is_refused(following: tuple[int, ...]) -> None:
    assert refusal(papers.directories(*following)) == INVALID


@pytest.mark.parametrize("following", [(51,), (4_000_000_000,), (0,)])
def test_a_tiff_that_leads_out_of_the_file_is_refused(following: tuple[int, ...]) -> None:
    data = papers.directories(*following)
    assert refusal(data if following[0] else data[:-8]) == INVALID


def test_a_tiff_of_too_many_pages_is_refused() -> None:
    assert refusal(papers.chain(10_001)) == TOO_LARGE


@pytest.mark.parametrize(
    ("text", "pages"),
    [("x", 1), ("x" * 1800, 1), ("x" * 1801, 2), ("é" * 1800, 1), ("日本" * 900 + "。", 2), ("\ufeff" + "x" * 1800, 1)],
)
def test_text_has_a_page_for_every_1800_characters(text: str, pages: int) -> None:
    counted = count_pages(text.encode(), "story.txt")
    assert (counted.pages, counted.kind) == (pages, "text")


def test_text_may_speak_of_pdf_and_markup() -> None:
    assert count_pages(b"A PDF begins with %PDF-1.7, a page with <html>.\f").kind == "text"
    assert count_pages(b"<alice@example.com> wrote: x < y").kind == "text"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "GIF"])
def test_a_picture_is_one_page(kind: str) -> None:
    counted = count_pages(papers.drawing(kind), "scan.pdf")
    assert (counted.pages, counted.kind) == (1, "image")


@pytest.mark.parametrize(
    ("data", "filename"),
    [
        (b"<!DOCTYPE html><p>x</p>", "page.txt"),
        (b"\xef\xbb\xbf \n<HTML><body>x", "page.pdf"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "drawing.png"),
        (b'<?xml version="1.0"?><a/>', ""),
        (b"<script>alert(1)</script>", ""),
        (b"{\\rtf1 x}", "letter.txt"),
        (b"%!PS-Adobe-3.0", "letter.txt"),
        (b"Only words", "letter.pdf"),
        (b"Only words", "../Letter.DOCX"),
        (b"\xff\xfex\0y\0", "letter.txt"),
        (b"caf\xe9", "letter.txt"),
        (b"a\0b", "letter.txt"),
        (b"\x7fELF\x02\x01\x01" + bytes(64), "letter.pdf"),
        (b"II+\0" + bytes(64), "scan.tif"),
        (b"Rar!\x1a\x07\x01\0", "letter.docx"),
    ],
)
def test_what_is_none_of_the_documents_is_unsupported(data: bytes, filename: str) -> None:
    assert refusal(data, filename) == UNSUPPORTED


def test_a_picture_that_ends_in_its_head_is_refused() -> None:
    assert refusal(papers.drawing("PNG")[:20]) == (400, "invalid_image")
    assert refusal(papers.drawing("JPEG")[:20])[0] == 400


def test_nothing_and_too_much_are_refused(settings) -> None:
    assert refusal(b"") == INVALID
    settings.MAX_UPLOAD_BYTES = 100
    assert count_pages(b"x" * 100).pages == 1
    assert refusal(b"x" * 101) == TOO_LARGE
