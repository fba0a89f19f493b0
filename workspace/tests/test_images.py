"""Pictures are made smaller, cleaned, made to fit, and refused when they are hostile."""

from __future__ import annotations

import base64
import io
import random
import struct
import threading
import zipfile
import zlib
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageCms, ImageStat
from PIL.PngImagePlugin import PngInfo

from workspace import images
from workspace.image_headers import inspect
from workspace.image_limits import MAX_FRAMES


def written(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def noise(width: int, height: int, seed: int = 1) -> Image.Image:
    return Image.frombytes("RGB", (width, height), random.Random(seed).randbytes(width * height * 3))


def gradient(width: int, height: int) -> Image.Image:
    across = Image.linear_gradient("L").resize((width, height))
    return Image.merge("RGB", (across, across.rotate(180), across.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))


def photo(width: int, height: int) -> Image.Image:
    """Smooth shapes with some grain and more than 65,536 colours, as a photograph has."""
    coarse = noise(max(width // 16, 1), max(height // 16, 1)).resize((width, height), Image.Resampling.BICUBIC)
    return Image.blend(coarse, noise(width, height, seed=2), 0.1)


def difference(one: Image.Image, other: Image.Image) -> float:
    return max(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def animation(kind: str, count: int = 4, size: tuple[int, int] = (64, 48)) -> bytes:
    frames = [Image.new("RGB", size, (40 * index % 256, 255 - index, 0)) for index in range(count)]
    return written(frames[0], kind, save_all=True, append_images=frames[1:], duration=120, loop=0)


class TestEncode:
    def test_turns_a_photograph_into_small_avif_that_looks_the_same(self) -> None:
        source = photo(512, 384)
        data = written(source, "PNG")
        result = images.encode(data)
        assert (result.content_type, result.width, result.height) == ("image/avif", 512, 384)
        assert result.original_bytes == len(data)
        assert len(result.data) < len(data) / 5
        assert difference(opened(result.data), source) < 8
        assert result.encoder.items() >= {"codec": "avif", "q": 60, "subsampling": "4:2:0"}.items()
        assert result.encoder["pillow"]
        assert result.encoder["libavif"]

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "TIFF"])
    def test_reads_every_accepted_format(self, kind: str) -> None:
        result = images.encode(written(gradient(90, 70), kind), speed=9)
        assert opened(result.data).size == (90, 70)

    def test_keeps_flat_drawings_without_loss_when_that_is_smaller(self) -> None:
        flat = Image.new("RGB", (300, 200), (12, 200, 99))
        flat.paste((255, 0, 0), (40, 40, 90, 90))
        result = images.encode(written(flat, "PNG"))
        assert result.content_type == "image/webp"
        assert difference(opened(result.data), flat) == 0

    def test_writes_a_picture_of_greys_in_one_channel(self) -> None:
        grey = photo(200, 160).convert("L")
        result = images.encode(written(grey.convert("RGB"), "PNG"), speed=9)
        assert result.encoder["subsampling"] == "4:0:0"
        assert difference(opened(result.data), grey) < 8

    def test_keeps_all_colour_where_that_costs_next_to_nothing(self) -> None:
        few = photo(200, 160).convert("L").point(lambda value: value & 0xFC).convert("RGB")
        few.putpixel((0, 0), (1, 0, 0))
        assert images.encode(written(few, "PNG"), speed=9).encoder["subsampling"] == "4:4:4"

    def test_keeps_every_pixel_when_asked_to_also_under_transparency(self) -> None:
        source = noise(80, 60).convert("RGBA")
        source.putalpha(Image.linear_gradient("L").resize((80, 60)))
        result = images.encode(written(source, "PNG"), lossless=True)
        assert opened(result.data).tobytes() == source.tobytes()
        assert result.encoder["lossless"] is True

    def test_keeps_transparency_in_avif(self) -> None:
        source = photo(400, 300).convert("RGBA")
        source.putalpha(Image.linear_gradient("L").resize((400, 300)))
        result = images.encode(written(source, "PNG"), speed=9)
        assert result.content_type == "image/avif"
        alpha = opened(result.data).getchannel("A")
        assert ImageStat.Stat(ImageChops.difference(alpha, source.getchannel("A"))).mean[0] < 3

    def test_drops_transparency_that_hides_nothing(self) -> None:
        result = images.encode(written(noise(40, 40).convert("RGBA"), "PNG"), lossless=True)
        assert opened(result.data).mode == "RGB"

    def test_scales_sixteen_bit_grey_instead_of_cutting_it_off(self) -> None:
        wide = Image.new("I;16", (32, 32), 32_768)
        result = images.encode(written(wide, "PNG"), lossless=True)
        assert abs(opened(result.data).convert("L").getpixel((3, 3)) - 128) <= 1  # type: ignore[operator]

    def test_makes_a_small_webp_thumbnail(self) -> None:
        result = images.encode(written(photo(800, 400), "JPEG"), speed=9)
        thumbnail = opened(result.thumbnail)
        assert (thumbnail.format, thumbnail.size, result.thumbnail_type) == ("WEBP", (320, 160), "image/webp")

    def test_never_passes_bytes_through(self) -> None:
        data = images.encode(written(photo(128, 128), "PNG")).data
        assert images.encode(data).data != data

    def test_what_is_full_of_detail_is_written_at_the_same_quality_and_speed(self) -> None:
        busy, calm = images.encode(written(noise(400, 400), "PNG")), images.encode(written(photo(500, 500), "PNG"))
        assert [(made.encoder["q"], made.encoder["speed"]) for made in (busy, calm)] == [(60, 6), (60, 6)]

    def test_two_at_a_time_and_more_all_finish_at_the_same_quality(self) -> None:
        data = written(photo(128, 128), "PNG")
        results: list[images.EncodedImage] = []
        threads = [threading.Thread(target=lambda: results.append(images.encode(data))) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(results) == 12
        assert {result.encoder["q"] for result in results} == {60}
        assert {result.encoder["speed"] for result in results} <= {6, 8, 9}


class TestCleaning:
    def with_secrets(self, kind: str, orientation: int) -> bytes:
        exif = Image.Exif()
        exif[0x0112] = orientation
        exif[0x010F] = "SECRETMAKER"
        exif.get_ifd(0x8825)[1] = "N"
        exif.get_ifd(0x8825)[29] = "2001:01:01"
        options: dict[str, Any] = {"exif": exif}
        if kind == "JPEG":
            options["comment"] = b"SECRETCOMMENT"
        if kind == "PNG":
            options["pnginfo"] = PngInfo()
            options["pnginfo"].add_text("Comment", "SECRETCOMMENT")
        source = Image.new("RGB", (60, 40), "white")
        source.paste((255, 0, 0), (0, 0, 30, 20))
        return written(source, kind, **options)

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
    def test_turns_the_picture_upright_and_forgets_where_it_was_taken(self, kind: str) -> None:
        data = self.with_secrets(kind, 6)
        result = images.encode(data, lossless=True)
        image = opened(result.data)
        assert b"SECRET" in data
        assert b"SECRET" not in result.data + result.thumbnail
        assert not image.getexif()
        assert not {"exif", "icc_profile", "xmp", "comment"} & set(image.info)
        assert (result.width, result.height) == (40, 60)
        red, green, _ = image.convert("RGB").getpixel((35, 5))  # type: ignore[misc]
        assert (red > 200, green < 60) == (True, True)

    def test_reads_a_picture_whose_exif_is_nonsense(self) -> None:
        data = written(gradient(30, 20), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
        assert images.encode(data).width == 30

    def test_moves_the_colours_of_a_profile_to_srgb_and_drops_it(self) -> None:
        profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
        # Red and green primaries exchanged: the stored red must come out green.
        red, green = profile.find(b"rXYZ"), profile.find(b"gXYZ")
        profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
        data = written(Image.new("RGB", (20, 20), (255, 0, 0)), "PNG", icc_profile=bytes(profile))
        image = opened(images.encode(data, lossless=True).data)
        assert image.getpixel((5, 5))[1] > 200  # type: ignore[index]
        assert "icc_profile" not in image.info

    def test_ignores_a_broken_profile(self) -> None:
        data = written(Image.new("RGB", (20, 20), (255, 0, 0)), "PNG", icc_profile=b"not a profile")
        assert opened(images.encode(data, lossless=True).data).getpixel((5, 5)) == (255, 0, 0)

    def test_reads_print_colours(self) -> None:
        data = written(Image.new("CMYK", (20, 20), (0, 255, 255, 0)), "JPEG")
        assert opened(images.encode(data, lossless=True).data).getpixel((5, 5))[0] > 200  # type: ignore[index]

    def test_cuts_off_a_zip_hidden_behind_a_picture(self) -> None:
        tail = io.BytesIO()
        with zipfile.ZipFile(tail, "w") as archive:
            archive.writestr("evil.js", "alert(1)")
        data = written(noise(40, 40), "PNG") + tail.getvalue() + b"<script>"
        assert zipfile.is_zipfile(io.BytesIO(data))
        result = images.encode(data, lossless=True)
        assert not zipfile.is_zipfile(io.BytesIO(result.data))
        assert b"<script>" not in result.data


class TestAnimation:
    @pytest.mark.parametrize("kind", ["GIF", "WEBP", "AVIF", "PNG"])
    def test_keeps_moving_as_webp(self, kind: str) -> None:
        result = images.encode(animation(kind))
        image = Image.open(io.BytesIO(result.data))
        assert (result.content_type, image.n_frames, image.size) == ("image/webp", 4, (64, 48))  # type: ignore[attr-defined]
        image.seek(1)
        image.load()
        assert image.info["duration"] == 120
        assert result.encoder["frames"] == 4

    @pytest.mark.parametrize(("kind", "sent", "kept"), [("GIF", 0, 0), ("GIF", 3, 4), ("WEBP", 3, 3), ("PNG", 3, 3)])
    def test_keeps_every_frames_time_and_how_often_it_plays(self, kind: str, sent: int, kept: int) -> None:
        frames = [Image.new("RGB", (64, 48), (40 * index, 255 - index, 0)) for index in range(4)]
        times = [40, 80, 120, 1_000]
        data = written(frames[0], kind, save_all=True, append_images=frames[1:], duration=times, loop=sent)
        for options in ({}, {"lossless": True}):
            image = Image.open(io.BytesIO(images.encode(data, **options).data))
            found = []
            for index in range(image.n_frames):  # type: ignore[attr-defined]
                image.seek(index)
                image.load()
                found.append(image.info["duration"])
            # A GIF counts repeats, WebP and PNG count showings.
            assert (found, image.info["loop"]) == (times, kept)

    def test_a_gif_that_plays_once_plays_once(self) -> None:
        frames = [Image.new("RGB", (64, 48), (40 * index, 255 - index, 0)) for index in range(4)]
        data = written(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)
        assert Image.open(io.BytesIO(images.encode(data).data)).info["loop"] == 1

    def test_keeps_moving_without_loss(self) -> None:
        result = images.encode(animation("PNG"), lossless=True)
        image = Image.open(io.BytesIO(result.data))
        image.seek(2)
        assert image.convert("RGB").getpixel((0, 0)) == (80, 253, 0)

    @pytest.mark.parametrize("kind", ["GIF", "WEBP"])
    def test_refuses_more_frames_than_the_limit(self, kind: str) -> None:
        with pytest.raises(images.ImageTooLarge):
            images.encode(animation(kind, MAX_FRAMES + 1, (2, 2)))

    def test_refuses_more_pixels_in_all_frames_than_the_limit(self) -> None:
        gif = animation("GIF", 150, (4, 4))
        with pytest.raises(images.ImageTooLarge):
            images.encode(gif[:6] + struct.pack("<HH", 600, 600) + gif[10:])


class TestFit:
    def test_lowers_quality_before_size(self) -> None:
        data = written(photo(300, 300), "PNG")
        full = images.encode(data, speed=9)
        result = images.encode(data, speed=9, max_bytes=int(len(full.data) * 0.8))
        fit = result.encoder["fit"]
        assert isinstance(fit, dict)
        assert int(len(full.data) * 0.6) < len(result.data) <= int(len(full.data) * 0.8)
        assert (result.width, fit["fits"], fit["applied"]) == (300, True, True)
        assert 45 <= int(str(result.encoder["q"])) < 60

    def test_lowers_size_when_the_quality_floor_is_reached(self) -> None:
        data = written(photo(1000, 500), "PNG")
        floor = len(written(photo(1000, 500), "AVIF", quality=45, speed=9, max_threads=1))
        result = images.encode(data, speed=9, max_bytes=int(floor * 0.9))
        assert len(result.data) <= int(floor * 0.9)
        assert (result.width, result.height) in [(896, 448), (768, 384)]
        assert int(str(result.encoder["q"])) >= 45

    def test_goes_to_the_largest_size_that_fits_without_trying_those_that_cannot(self) -> None:
        data = written(photo(2_600, 200), "PNG")
        floor = len(written(photo(2_600, 200), "AVIF", quality=45, speed=9, max_threads=1))
        result = images.encode(data, speed=9, max_bytes=int(floor * 0.3))
        fit = result.encoder["fit"]
        assert isinstance(fit, dict)
        assert len(result.data) <= int(floor * 0.3)
        assert 896 <= result.width <= 1_536
        assert isinstance(fit["tried"], list)
        assert 2_048 not in {step["width"] for step in fit["tried"]}  # type: ignore[index,call-overload]
        assert fit["to"]["bytes"] == len(result.data)  # type: ignore[index,call-overload]

    def test_gives_the_smallest_back_when_nothing_fits(self) -> None:
        result = images.encode(written(photo(900, 300), "PNG"), speed=9, max_bytes=100)
        fit = result.encoder["fit"]
        assert isinstance(fit, dict)
        assert (fit["fits"], result.width, result.encoder["q"]) == (False, 768, 45)

    def test_leaves_a_picture_that_fits_alone(self) -> None:
        data = written(photo(100, 100), "PNG")
        result = images.encode(data, speed=9, max_bytes=1_000_000)
        fit = result.encoder["fit"]
        assert isinstance(fit, dict)
        assert (fit["applied"], result.data) == (False, images.encode(data, speed=9).data)

    def test_does_not_lose_anything_to_fit_when_asked_for_no_loss(self) -> None:
        result = images.encode(written(noise(64, 64), "PNG"), lossless=True, max_bytes=100)
        assert len(result.data) > 100
        assert isinstance(result.encoder["fit"], dict)
        assert result.encoder["fit"]["fits"] is False

    def test_makes_an_animation_fit(self) -> None:
        frames = [photo(120, 90), noise(120, 90, 5), photo(120, 90).rotate(180)]
        data = written(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=50, lossless=True)
        limit = int(len(images.encode(data).data) * 0.85)
        assert len(images.encode(data, max_bytes=limit).data) <= limit


def forged_avif(old: tuple[int, int], new: tuple[int, int]) -> bytes:
    data = written(Image.new("RGB", old, "teal"), "AVIF", speed=10, max_threads=1)
    return data.replace(struct.pack(">II", *old), struct.pack(">II", *new))


HUGE_PNG = (
    b"\x89PNG\r\n\x1a\n"
    + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    + png_chunk(b"IDAT", zlib.compress(b"\0" * 100))
    + png_chunk(b"IEND", b"")
)
HUGE_WEBP = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0" + b"\x02\0\0\0" + b"\xff\x3f\0" * 2
HUGE_VP8L = b"RIFF\x11\0\0\0WEBPVP8L\x05\0\0\0\x2f" + struct.pack("<I", 16_383 | 16_383 << 14)
HUGE_GIF = b"GIF89a" + struct.pack("<HHBBB", 10, 10, 0, 0, 0) + b"\x2c" + struct.pack("<4HB", 0, 0, 60_000, 60_000, 0)
HUGE_TIFF = b"II*\0\x08\0\0\0\x02\0" + struct.pack("<HHIIHHII", 256, 4, 1, 60_000, 257, 4, 1, 60_000)
HUGE_JPEG = b"\xff\xd8\xff\xc0\0\x0b\x08" + struct.pack(">HH", 60_000, 60_000) + b"\x01\x01\x11\0\xff\xda\0\x02"


class TestHostile:
    @pytest.mark.parametrize(
        "data",
        [HUGE_PNG, HUGE_WEBP, HUGE_VP8L, HUGE_GIF, HUGE_TIFF, HUGE_JPEG, forged_avif((64, 64), (30_000, 30_000))],
        ids=["png", "webp", "webp-lossless", "gif", "tiff", "jpeg", "avif"],
    )
    def test_refuses_a_forged_huge_size_before_decoding(self, data: bytes) -> None:
        with pytest.raises(images.ImageTooLarge) as refused:
            inspect(data)
        assert (refused.value.status, refused.value.code) == (413, "image_too_large")
        with pytest.raises(images.ImageTooLarge):
            images.encode(data)

    def test_refuses_an_avif_whose_stream_is_larger_than_its_boxes_say(self) -> None:
        with pytest.raises(images.ImageTooLarge):
            images.encode(forged_avif((4_200, 4_200), (100, 100)))

    @pytest.mark.parametrize(
        "data",
        [
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
            b"<!doctype html><script>alert(1)</script>",
            b"%PDF-1.7",
            b"BM" + b"\0" * 60,
            b"\0\0\0\x18ftypheic" + b"\0" * 40,
            b"x",
        ],
        ids=["svg", "html", "pdf", "bmp", "heic", "letter"],
    )
    def test_refuses_what_is_no_accepted_picture(self, data: bytes) -> None:
        with pytest.raises(images.UnsupportedMedia) as refused:
            images.encode(data)
        assert (refused.value.status, refused.value.code) == (415, "unsupported_media")
        assert "script" not in str(refused.value)

    def test_refuses_nothing_at_all(self) -> None:
        with pytest.raises(images.BrokenImage):
            images.encode(b"")

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "TIFF"])
    @pytest.mark.parametrize("keep", [0.01, 0.1, 0.5, 0.9])
    def test_refuses_a_picture_that_was_cut_off(self, kind: str, keep: float) -> None:
        data = written(noise(64, 64), kind)
        with pytest.raises((images.BrokenImage, images.UnsupportedMedia, images.ImageTooLarge)) as refused:
            images.encode(data[: max(int(len(data) * keep), 1)], speed=9)
        assert refused.value.status in (400, 413, 415)

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "GIF", "TIFF"])
    def test_answers_damage_with_an_error_of_the_client_or_a_picture(self, kind: str) -> None:
        good = written(gradient(24, 24), kind)
        dice = random.Random(kind)
        outcomes = set()
        for _ in range(150):
            data = bytearray(good)
            for _ in range(dice.randint(1, 6)):
                data[dice.randrange(len(data) if dice.random() < 0.4 else min(len(data), 200))] = dice.randrange(256)
            try:
                images.encode(bytes(data), speed=10, lossless=True)
                outcomes.add(200)
            except (images.BrokenImage, images.UnsupportedMedia, images.ImageTooLarge) as refused:
                outcomes.add(refused.status)
        assert 400 in outcomes or 415 in outcomes

    def test_refuses_a_multi_picture_jpeg(self) -> None:
        data = written(gradient(20, 20), "MPO", save_all=True, append_images=[gradient(20, 20)])
        with pytest.raises(images.UnsupportedMedia):
            images.encode(data)

    def test_refuses_compressed_text_that_grows_past_a_megabyte(self) -> None:
        text = zlib.compress(b"a" * 900_000)
        chunks = b"".join(png_chunk(b"zTXt", b"k%d\0\0" % index + text) for index in range(4))
        good = written(gradient(8, 8), "PNG")
        with pytest.raises(images.BrokenImage):
            images.encode(good[:33] + chunks + good[33:])

    def test_never_lets_the_decoder_see_exif_that_would_grow(self) -> None:
        entries = b"".join(struct.pack("<HHII", tag, 7, 60_000, 8) for tag in range(5_000))
        bomb = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 5_000) + entries
        data = written(gradient(8, 8), "JPEG")
        data = data[:2] + (b"\xff\xe1" + struct.pack(">H", len(bomb) + 2) + bomb) * 3 + data[2:]
        assert len(inspect(data).data) < 2_000
        assert images.encode(data).width == 8

    def test_refuses_a_tiff_directory_whose_entries_overlap(self) -> None:
        entries = b"".join(struct.pack("<HHII", 40_000 + tag, 7, 60_000, 0) for tag in range(200))
        data = b"II*\0\x08\0\0\0" + struct.pack("<H", 200) + entries + b"\0" * 60_000
        with pytest.raises(images.BrokenImage, match="directory is larger"):
            images.encode(data)

    def test_refuses_a_jpeg_with_endless_scans(self) -> None:
        data = written(gradient(16, 16), "JPEG", progressive=True)
        scan = data.rindex(b"\xff\xda")
        with pytest.raises(images.BrokenImage):
            images.encode(data[:scan] + data[scan:-2] * 200 + b"\xff\xd9")


class TestBase64:
    def test_reads_plain_base64_and_data_urls(self) -> None:
        plain = base64.b64encode(b"picture").decode()
        assert images.decode_base64_image(plain, 7) == b"picture"
        assert images.decode_base64_image(f"data:image/png;base64,{plain}", 7) == b"picture"
        assert images.decode_base64_image(f"DATA:;base64,{plain}", 7) == b"picture"

    def test_reads_back_its_own_data_url(self) -> None:
        url = images.data_url(b"\x00\xff", "image/webp")
        assert url == "data:image/webp;base64,AP8="
        assert images.decode_base64_image(url, 2) == b"\x00\xff"

    @pytest.mark.parametrize(
        "content",
        [
            *("", "a", "aaa", "aGk", "aGk=\n", "aG k=", "aGk=aGk=", "_-__", "é===", "\ud800", "=", "===="),
            *("data:image/png,hi", "data:image/png;base64", "data:image/png;base64,"),
            *("data:image/png;base64,%41%41", "data:" + "x" * 9_999),
        ],
    )
    def test_refuses_what_is_not_strict_base64_without_repeating_it(self, content: str) -> None:
        with pytest.raises(images.BrokenImage) as refused:
            images.decode_base64_image(content, 100)
        assert refused.value.status == 400
        assert len(content) < 30 or content not in str(refused.value)

    def test_refuses_too_many_bytes_exactly_past_the_limit(self) -> None:
        content = base64.b64encode(b"x" * 100).decode()
        assert len(images.decode_base64_image(content, 100)) == 100
        with pytest.raises(images.ImageTooLarge):
            images.decode_base64_image(content, 99)

    def test_checks_the_length_before_the_alphabet(self) -> None:
        with pytest.raises(images.ImageTooLarge):
            images.decode_base64_image("!" * 1_000, 10)


class TestConvert:
    @pytest.mark.parametrize("target", ["png", "jpeg", "webp", "avif"])
    def test_writes_every_target(self, target: images.Target) -> None:
        stored = images.encode(written(photo(64, 64), "PNG"))
        data, content_type = images.convert(stored.data, stored.content_type, target)
        assert (content_type, opened(data).format) == (f"image/{target}", target.upper())
        assert difference(opened(data), opened(stored.data)) < 8

    def test_gives_the_same_bytes_when_nothing_needs_converting(self) -> None:
        stored = images.encode(written(photo(64, 64), "PNG"))
        assert images.convert(stored.data, stored.content_type, "avif")[0] == stored.data

    def test_puts_transparency_on_white_in_jpeg(self) -> None:
        stored = images.encode(written(Image.new("RGBA", (16, 16), (255, 0, 0, 0)), "PNG"))
        data, _ = images.convert(stored.data, stored.content_type, "jpeg")
        assert min(opened(data).getpixel((8, 8))) > 250  # type: ignore[arg-type]

    def test_keeps_an_animation_in_png(self) -> None:
        stored = images.encode(animation("GIF"))
        data, _ = images.convert(stored.data, stored.content_type, "png")
        assert Image.open(io.BytesIO(data)).n_frames == 4  # type: ignore[attr-defined]
