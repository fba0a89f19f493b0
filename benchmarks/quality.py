"""How much a re-encoded picture differs from what was sent."""

import io

import numpy
from PIL import Image
from skimage.metrics import structural_similarity
from ssimulacra2 import compute_ssimulacra2


def of(pair: tuple[bytes, bytes]) -> dict[str, float]:
    """SSIM of the luma, 7 × 7 pixels at a time as scikit-image does it, and SSIMULACRA2, of two files."""
    sent, stored = (numpy.asarray(Image.open(io.BytesIO(file)).convert("L")) for file in pair)
    files = (io.BytesIO(file) for file in pair)
    return {"ssim": float(structural_similarity(sent, stored)), "ss2": float(compute_ssimulacra2(*files))}
