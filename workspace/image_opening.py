"""Turns a stranger's bytes into upright 8-bit sRGB frames and nothing else: no metadata, no profile, no surprise."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass

from PIL import AvifImagePlugin, Image, ImageCms, ImageFile, PngImagePlugin

from workspace.image_headers import Header, inspect
from workspace.image_limits import MAX_PIXELS, BrokenImage, ImageTooLarge, UnsupportedMedia, check_size

MAX_PROFILE_BYTES = 4 * 1024 * 1024

Image.MAX_IMAGE_PIXELS = MAX_PIXELS
ImageFile.LOAD_TRUNCATED_IMAGES = False
PngImagePlugin.MAX_TEXT_MEMORY = 1024 * 1024
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

# What Pillow's decoders are seen to raise for damaged files, beyond OSError (UnidentifiedImageError is one).
_DECODER_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
    # Raised, not shown, where warnings are made errors.
    Warning,
)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SRGB = ImageCms.createProfile("sRGB")


@dataclass(frozen=True, slots=True)
class Picture:
    """Decoded frames, all of one size and mode (L, RGB or RGBA); durations in milliseconds; loop 0 is for ever.

    `kind` is the format it came in; a `marked` one is written with the mark "made by AI"."""

    frames: list[Image.Image]
    durations: list[int]
    loop: int
    kind: str
    marked: bool = False

    @property
    def animated(self) -> bool:
        return len(self.frames) > 1

    @property
    def size(self) -> tuple[int, int]:
        return self.frames[0].size


def open_picture(data: bytes, *, ours: bool = False) -> Picture:
    """Decode a picture after checking what it claims; less is asked of what we wrote.

    Raises UnsupportedMedia (415), BrokenImage (400) or ImageTooLarge (413).
    """
    header = inspect(data, ours=ours)
    try:
        with Image.open(io.BytesIO(header.data), formats=[header.format]) as image:
            return _decode(image, header)
    except Image.DecompressionBombError as error:
        raise ImageTooLarge("The picture has too many pixels.", max_pixels=MAX_PIXELS) from error
    except _DECODER_ERRORS as error:
        raise BrokenImage(f"The {header.format} picture is damaged or incomplete.") from error


def check_picture(data: bytes) -> None:
    """Check what a picture claims, and that a decoder recognises it, without decoding a pixel.

    Raises what `open_picture` raises.
    """
    header = inspect(data)
    try:
        with Image.open(io.BytesIO(header.data), formats=[header.format]) as image:
            if image.format != header.format:
                raise UnsupportedMedia("The picture is not of the format it begins as.")
    except Image.DecompressionBombError as error:
        raise ImageTooLarge("The picture has too many pixels.", max_pixels=MAX_PIXELS) from error
    except _DECODER_ERRORS as error:
        raise BrokenImage(f"The {header.format} picture is damaged or incomplete.") from error


def _decode(image: Image.Image, header: Header) -> Picture:
    if image.format != header.format:
        raise UnsupportedMedia("The picture is not of the format it begins as.")
    # Only these count frames without following directories; a TIFF's further pages are left out.
    count = getattr(image, "n_frames", 1) if header.frames > 1 else 1
    check_size(*image.size, frames=max(count, header.frames))
    # An APNG may carry a still for readers that cannot animate; it is no frame of the animation.
    first = 1 if count > 1 and getattr(image, "default_image", False) else 0
    frames, durations = [], []
    for index in range(first, count):
        image.seek(index)
        image.load()
        check_size(*image.size)
        frames.append(_upright(_to_srgb(image), _orientation(image, header)))
        durations.append(_duration(image))
    return Picture(_one_mode(frames), durations, _loop(image, header), header.format)


def _orientation(image: Image.Image, header: Header) -> int:
    # Pillow words an AVIF's own turning boxes as EXIF; the file's EXIF was hidden from it. It turns TIFF itself.
    return int(image.getexif().get(0x0112, 1)) if header.format == "AVIF" else header.orientation


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _duration(image: Image.Image) -> int:
    # Browsers show a frame without a duration for a tenth of a second.
    return min(max(int(image.info.get("duration") or 100), 1), 60_000)


def _loop(image: Image.Image, header: Header) -> int:
    if header.format == "GIF":
        # A GIF counts repeats after the first showing, and plays once when it says nothing.
        loop = image.info.get("loop")
        return 1 if loop is None else 0 if loop == 0 else min(loop + 1, 65_535)
    return min(int(image.info.get("loop", 0)), 65_535)


def _to_srgb(image: Image.Image) -> Image.Image:
    """A metadata-free copy in L, RGB or RGBA, its colours moved from its own profile to sRGB."""
    profile = image.info.get("icc_profile")
    plain, alpha = _plain(image)
    if profile and len(profile) <= MAX_PROFILE_BYTES:
        plain = _through_profile(plain, profile)
    if plain.mode not in ("L", "RGB"):
        plain = plain.convert("RGB")
    if alpha is not None:
        plain = plain.convert("RGB")
        plain.putalpha(alpha)
    clean = Image.new(plain.mode, plain.size)
    clean.paste(plain)
    return clean


def _plain(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Colours in an 8-bit mode a profile can apply to (L, RGB, CMYK, LAB), and the alpha unless it hides nothing."""
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        alpha = rgba.getchannel("A")
        return rgba.convert("RGB"), None if alpha.getextrema() == (255, 255) else alpha
    if image.mode in ("L", "RGB", "CMYK", "LAB"):
        return image, None
    if image.mode == "1":
        return image.convert("L"), None
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _eight_bits(image), None
    return image.convert("RGB"), None


def _eight_bits(image: Image.Image) -> Image.Image:
    # Pillow's own conversion cuts off everything above 255 instead of scaling.
    wide = image.convert("F")
    low, high = _range(wide)
    if low >= 0 and high <= 255 and not image.mode.startswith("I;16"):
        return wide.convert("L")
    bottom, top = (0.0, 65_535.0) if low >= 0 and high <= 65_535 else (low, max(high, low + 1))
    scale = 255 / (top - bottom)
    return wide.point(lambda value: value * scale + (0.5 - bottom * scale)).convert("L")


def _range(image: Image.Image) -> tuple[float, float]:
    low, high = image.getextrema()
    if isinstance(low, tuple) or isinstance(high, tuple):
        raise TypeError("more than one channel")
    return low, high


def _through_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """Colours in sRGB; unchanged when the profile is damaged or made for another mode, as browsers do."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        moved = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    if moved is None:
        return image
    # sRGB has three channels; grey stays grey in it.
    return moved.convert("L") if image.mode == "L" else moved


def _one_mode(frames: list[Image.Image]) -> list[Image.Image]:
    modes = {frame.mode for frame in frames}
    if len(modes) == 1:
        return frames
    mode = "RGBA" if "RGBA" in modes else "RGB"
    return [frame.convert(mode) for frame in frames]
