"""Documents made by hand: honest ones, and the ones that strangers send."""

import io
import struct
import zipfile
import zlib

from PIL import Image
from pypdf import PdfWriter

from accounts.errors import DomainError
from workspace.documents import count_pages

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
PAGE_BREAK = '<w:p><w:r><w:br w:type="page"/></w:r></w:p>'
INVALID, ENCRYPTED = (400, "invalid_document"), (400, "encrypted_document")
UNSUPPORTED, TOO_LARGE = (415, "unsupported_media"), (413, "document_too_large")


def refusal(data: bytes, filename: str = "") -> tuple[int, str]:
    """Status and code with which a document is refused."""
    try:
        count_pages(data, filename)
    except DomainError as error:
        return error.status, error.code
    raise AssertionError("It was not refused.")


def pdf(pages: int, password: str | None = None, owner: str | None = None) -> bytes:
    writer, out = PdfWriter(), io.BytesIO()
    for _ in range(pages):
        writer.add_blank_page(width=595, height=842)
    if password is not None:
        writer.encrypt(password, owner, algorithm="RC4-128")
    writer.write(out)
    return out.getvalue()


def raw_pdf(*objects: str | bytes, root: int = 1) -> bytes:
    """A PDF of these objects, numbered from 1, with a right cross-reference table."""
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, text in enumerate(objects, 1):
        places.append(len(out))
        body = text.encode() if isinstance(text, str) else text
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root %d 0 R >>\n" % (len(objects) + 1, root)
    return bytes(out) + b"startxref\n%d\n%%%%EOF\n" % start


def pdf_of_tree(*nodes: str) -> bytes:
    """A PDF whose page tree is these objects, the first (number 2) its root."""
    return raw_pdf("<< /Type /Catalog /Pages 2 0 R >>", *nodes)


def bomb_pdf(size: int) -> bytes:
    """A PDF whose page tree lies in an object stream that unpacks to `size` bytes."""
    packed = zlib.compress(b"2 0 " + b" " * size, 9)
    head = b"<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length %d >>\nstream\n" % len(packed)
    out = bytearray(b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n")
    stream_at = len(out)
    out += b"3 0 obj\n" + head + packed + b"\nendstream\nendobj\n"
    start = len(out)
    rows = struct.pack(">BIB", 0, 0, 255) + struct.pack(">BIB", 1, 9, 0) + struct.pack(">BIB", 2, 3, 0)
    rows += struct.pack(">BIB", 1, stream_at, 0) + struct.pack(">BIB", 1, start, 0)
    out += b"4 0 obj\n<< /Type /XRef /Size 5 /W [1 4 1] /Root 1 0 R /Length %d >>\nstream\n" % len(rows)
    return bytes(out) + rows + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % start


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def docx(body: str = "", *, pages: str | None = None, part: str = "word/document.xml", **extra: bytes) -> bytes:
    """A Word document; `pages` is what its properties claim, `extra` are further parts."""
    parts = {
        "[Content_Types].xml": content_types(part, MAIN),
        part: f'<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>',
    }
    if pages is not None:
        namespace = "http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"
        parts["docProps/app.xml"] = f'<Properties xmlns="{namespace}"><Pages>{pages}</Pages></Properties>'
    return zipped({name: text.encode() for name, text in parts.items()} | extra)


def content_types(part: str, kind: str) -> str:
    namespace = "http://schemas.openxmlformats.org/package/2006/content-types"
    return f'<Types xmlns="{namespace}"><Override PartName="/{part}" ContentType="{kind}"/></Types>'


def unpacked(document: str) -> bytes:
    """A Word document of this text part, nothing compressed: a bomb that no ratio gives away."""
    types = content_types("word/document.xml", MAIN)
    return zipped({"[Content_Types].xml": types.encode(), "word/document.xml": document.encode()}, zipfile.ZIP_STORED)


def zipped(parts: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method, compresslevel=1) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return out.getvalue()


def tiff(pages: int) -> bytes:
    out = io.BytesIO()
    first, *others = [Image.new("1", (40, 60), index % 2) for index in range(pages)]
    first.save(out, "TIFF", save_all=True, append_images=others)
    return out.getvalue()


def directories(*following: int, subfile: int = 0) -> bytes:
    """A TIFF of bare directories of 42 bytes from byte 8; each number is the offset of the next, 0 the end."""
    out = bytearray(b"II*\0" + struct.pack("<I", 8))
    for place in following:
        out += struct.pack("<H", 3)
        for tag, value in ((254, subfile), (256, 40), (257, 60)):
            out += struct.pack("<HHII", tag, 4, 1, value)
        out += struct.pack("<I", place)
    return bytes(out)


def chain(length: int, subfile: int = 0) -> bytes:
    """A TIFF of so many directories."""
    return directories(*(8 + 42 * index for index in range(1, length)), 0, subfile=subfile)


def drawing(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(out, kind, **options)
    return out.getvalue()
