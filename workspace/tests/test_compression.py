"""Compressing more says what it costs before it runs, and is done once."""

import io

import pytest
from PIL import Image

from accounts.models import ClientApp, User
from workspace import compression, content, images
from workspace.models import Project
from workspace.tests.cast import noise, picture, save, text_of

pytestmark = pytest.mark.django_db


def photo(width: int = 256, height: int = 192) -> bytes:
    coarse = Image.open(io.BytesIO(noise(width // 16, height // 16))).resize((width, height), Image.Resampling.BICUBIC)
    grain = Image.open(io.BytesIO(noise(width, height)))
    out = io.BytesIO()
    Image.blend(coarse, grain, 0.1).save(out, "PNG")
    return out.getvalue()


def painted(alice: User, imagegene: ClientApp, data: bytes, **terms: str) -> Project:
    prepared = content.prepare(project_type="ai_art", content=data, **terms)
    return save(alice, imagegene, project_type="ai_art", prepared=prepared).project


def test_an_offer_tells_bytes_and_quality_and_comes_near_what_is_done(alice: User, imagegene: ClientApp) -> None:
    project = painted(alice, imagegene, photo())
    offer = compression.offer_for(project)
    assert offer is not None
    assert (offer.bytes_before, offer.quality_before, offer.quality_after) == (project.file_size_bytes, 60, 45)
    assert offer.loses_quality
    made = compression.compress_more(project)
    assert offer.saves_bytes > 0
    assert abs(made.counted_bytes - offer.bytes_after) < 0.25 * offer.bytes_before
    assert (made.width, made.height, made.original_bytes) == (256, 192, project.original_size_bytes)
    assert made.encoder["q"] == 45
    assert made.encoder["compressed"] == {"codec": "avif", "q": 60, "bytes": project.file_size_bytes}


def test_it_is_done_once(alice: User, imagegene: ClientApp) -> None:
    project = painted(alice, imagegene, photo())
    again = save(
        alice,
        imagegene,
        project_type="ai_art",
        prepared=compression.compress_more(project),
        project_code=project.code,
    ).project
    assert compression.offer_for(again) is None
    with pytest.raises(compression.AlreadyCompressed) as refused:
        compression.compress_more(again)
    assert refused.value.status == 409


def test_it_keeps_the_mark_and_the_transparency(alice: User, imagegene: ClientApp) -> None:
    source = Image.open(io.BytesIO(photo())).convert("RGBA")
    source.putalpha(Image.linear_gradient("L").resize(source.size))
    out = io.BytesIO()
    source.save(out, "PNG")
    made = compression.compress_more(painted(alice, imagegene, out.getvalue()))
    image = Image.open(io.BytesIO(made.data))
    assert (image.mode, b"trainedAlgorithmicMedia" in made.data) == ("RGBA", True)


def test_a_picture_stored_without_loss_gets_its_first_loss(alice: User, imagegene: ClientApp) -> None:
    project = painted(alice, imagegene, photo(), compression="lossless")
    offer = compression.offer_for(project)
    assert offer is not None
    assert (offer.quality_before, offer.quality_after) == (None, 60)
    made = compression.compress_more(project)
    assert (made.encoder["q"], made.content_type) == (60, "image/avif")


def test_a_flat_drawing_is_not_offered(alice: User, imagegene: ClientApp) -> None:
    project = painted(alice, imagegene, picture(300, 200))
    assert compression.offer_for(project) is None
    with pytest.raises(images.NothingToGain):
        compression.compress_more(project)


def test_an_animation_goes_down_too(alice: User, imagegene: ClientApp) -> None:
    first = Image.open(io.BytesIO(photo(120, 90)))
    frames = [first, first.rotate(90).resize((120, 90)), first.rotate(180)]
    out = io.BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], duration=[50, 70, 90], lossless=True)
    made = compression.compress_more(painted(alice, imagegene, out.getvalue()))
    image = Image.open(io.BytesIO(made.data))
    assert (image.n_frames, made.encoder["q"], made.encoder["frames"]) == (3, 60, 3)


def test_a_text_kept_as_sent_is_compressed_without_loss(alice: User, penora: ClientApp) -> None:
    words = "Nobody sleeps on the night train. " * 60
    project = save(alice, penora, prepared=content.prepare_text(words, "none")).project
    offer = compression.offer_for(project)
    assert offer is not None
    assert not offer.loses_quality
    made = compression.compress_more(project)
    assert (made.text, made.encoding) == (words, "br")
    assert made.counted_bytes < project.file_size_bytes / 2


def test_a_text_that_is_short_or_compressed_is_not_offered(alice: User, penora: ClientApp) -> None:
    packed = content.prepare_text("Nobody sleeps on the night train. " * 60, "auto")
    for prepared in (packed, text_of(400)):
        assert compression.offer_for(save(alice, penora, prepared=prepared).project) is None
