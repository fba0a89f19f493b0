"""Generated pictures say so to machines, in what is stored and in every format they are downloaded in."""

import io
from typing import Any

import pytest
from PIL import Image

from workspace import images
from workspace.image_marks import AI_MARK, is_marked
from workspace.tests.cast import noise, picture

SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def xmp_of(data: bytes) -> bytes:
    image = Image.open(io.BytesIO(data))
    image.load()
    found = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp", "").encode()
    assert isinstance(found, bytes)
    return found


def moving() -> bytes:
    frames = [Image.new("RGB", (64, 48), (40 * index, 90, 0)) for index in range(4)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=80, loop=0)
    return out.getvalue()


def test_the_mark_is_what_iptc_prescribes_and_small() -> None:
    assert len(AI_MARK) <= 410
    data = images.encode(noise(80, 60), generated=True).data
    assert f'DigitalSourceType="{SOURCE}"'.encode() in xmp_of(data)
    assert b'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"' in xmp_of(data)


@pytest.mark.parametrize("sent", [noise(80, 60), picture(80, 60), moving()], ids=["avif", "webp", "animation"])
def test_every_stored_format_carries_it_and_nothing_else(sent: bytes) -> None:
    made = images.encode(sent, generated=True)
    assert xmp_of(made.data) == AI_MARK
    assert made.encoder["marked"] is True
    plain = images.encode(sent)
    assert not is_marked(plain.data)
    assert "marked" not in plain.encoder
    assert len(made.data) - len(plain.data) < 500


@pytest.mark.parametrize("target", ["png", "jpeg", "webp", "avif"])
@pytest.mark.parametrize("sent", [noise(80, 60), picture(80, 60), moving()], ids=["avif", "webp", "animation"])
def test_every_download_carries_it_too(sent: bytes, target: Any) -> None:
    made = images.encode(sent, generated=True)
    assert xmp_of(images.convert(made.data, made.content_type, target)[0]) == AI_MARK
    plain = images.encode(sent)
    assert not is_marked(images.convert(plain.data, plain.content_type, target)[0])


def test_what_a_file_says_of_itself_is_kept_in_our_words() -> None:
    out = io.BytesIO()
    said = AI_MARK.replace(b"trainedAlg", b"compositeWithTrainedAlg").replace(b"?xpacket", b"?x_acket")
    Image.open(io.BytesIO(noise(80, 60))).save(out, "JPEG", xmp=said)
    made = images.encode(out.getvalue())
    assert xmp_of(made.data) == AI_MARK


def test_a_thumbnail_is_not_marked() -> None:
    assert not is_marked(images.encode(noise(80, 60), generated=True).thumbnail)
