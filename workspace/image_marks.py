"""The machine-readable "made by AI" mark: XMP with IPTC's digital source type, as the industry reads it."""

from __future__ import annotations

from PIL.PngImagePlugin import PngInfo

# https://cv.iptc.org/newscodes/digitalsourcetype/: made by a trained model, or composed with its help.
_SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
_NAMES = (b"trainedAlgorithmicMedia", b"compositeWithTrainedAlgorithmicMedia")
AI_MARK = (
    '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    f'Iptc4xmpExt:DigitalSourceType="{_SOURCE}"/></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
).encode()


def is_marked(data: bytes) -> bool:
    """Whether a file says, in XMP or in a C2PA manifest, that a trained model made it."""
    return any(name in data for name in _NAMES)


def options(kind: str) -> dict[str, object]:
    """What makes Pillow write the mark into a file of this kind."""
    if kind != "PNG":
        return {"xmp": AI_MARK}
    texts = PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", AI_MARK.decode())
    return {"pnginfo": texts}
