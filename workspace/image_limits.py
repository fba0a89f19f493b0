"""How large a picture may be, and the errors for those that are too large, damaged or of another kind."""

from __future__ import annotations

from accounts.errors import DomainError

MAX_PIXELS = 16_777_216
# WebP and progressive JPEG take 12 to 16 bytes for a pixel before damage in them is seen: twice what others take.
MAX_HUNGRY_PIXELS = 8_388_608
# WebP, the format of every thumbnail, ends at 16,383.
MAX_SIDE = 16_383
MAX_FRAMES = 200
MAX_TOTAL_PIXELS = 33_554_432


class UnsupportedMedia(DomainError):
    code = "unsupported_media"
    status = 415
    title = "Unsupported format"


class BrokenImage(DomainError):
    code = "invalid_image"
    status = 400
    title = "The picture cannot be read"


class ImageTooLarge(DomainError):
    code = "image_too_large"
    status = 413
    title = "The picture is too large"


def check_size(width: int, height: int, frames: int = 1, *, most: int = MAX_PIXELS) -> None:
    """Refuse what would take more memory than one picture may: pixels of one frame, frames, pixels of all frames."""
    if width < 1 or height < 1:
        raise BrokenImage("The picture has no pixels.")
    if width * height > most or max(width, height) > MAX_SIDE:
        raise ImageTooLarge(
            f"Such a picture may have at most {most:,} pixels and {MAX_SIDE:,} on one side.",
            width=width,
            height=height,
            max_pixels=most,
        )
    if frames > MAX_FRAMES or (frames > 1 and width * height * frames > MAX_TOTAL_PIXELS):
        raise ImageTooLarge(
            f"An animation may have at most {MAX_FRAMES} frames and {MAX_TOTAL_PIXELS:,} pixels in all of them.",
            frames=frames,
            max_frames=MAX_FRAMES,
        )
