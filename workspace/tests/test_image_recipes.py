"""How a picture was made is read from what generators leave in files, and never keeps a picture from being taken."""

import io
import json
import struct
import zlib
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from workspace import images
from workspace.image_recipes import recipe_of, with_recipe

LINES = (
    "a red boat at dawn, (mist:1.2)\nNegative prompt: blurry, text\n"
    'Steps: 28, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 1234567890, Size: 64x48, Model: "sea, v2", Version: 1.9'
)
FROM_LINES = {
    "prompt": "a red boat at dawn, (mist:1.2)",
    "negative_prompt": "blurry, text",
    "steps": 28,
    "sampler": "DPM++ 2M Karras",
    "cfg_scale": 6.5,
    "seed": 1234567890,
    "model": "sea, v2",
}
GRAPH = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 42,
            "steps": 20,
            "cfg": 8,
            "sampler_name": "euler",
            "model": ["10", 0],
            "positive": ["11", 0],
            "negative": ["7", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sea.safetensors"}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a lighthouse", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "watermark", "clip": ["4", 1]}},
    "10": {"class_type": "LoraLoader", "inputs": {"lora_name": "x", "model": ["4", 0]}, "is_changed": [float("nan")]},
    "11": {"class_type": "FluxGuidance", "inputs": {"guidance": 3.5, "conditioning": ["6", 0]}},
}
FROM_GRAPH = {
    "generator": "ComfyUI",
    "prompt": "a lighthouse",
    "negative_prompt": "watermark",
    "seed": 42,
    "steps": 20,
    "cfg_scale": 8.0,
    "sampler": "euler",
    "model": "sea.safetensors",
}


def png(**texts: str) -> bytes:
    chunks = PngInfo()
    for name, text in texts.items():
        chunks.add_text(name, text)
    return written("PNG", pnginfo=chunks)


def written(kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((64, 48)).convert("RGB").save(out, kind, **options)
    return out.getvalue()


def exif_with(tag: int, value: Any) -> Image.Exif:
    exif = Image.Exif()
    if tag == 0x9286:
        # Pillow writes no EXIF into an AVIF when there is nothing but this directory.
        exif[0x010F] = "Maker"
        exif.get_ifd(0x8769)[tag] = value
    else:
        exif[tag] = value
    return exif


def xmp(inside: str) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">{inside}</rdf:Description>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


def test_reads_the_lines_of_a_png() -> None:
    assert recipe_of(png(parameters=LINES), "PNG") == FROM_LINES


def test_reads_compressed_and_international_texts() -> None:
    packed, international = PngInfo(), PngInfo()
    packed.add_text("parameters", LINES, zip=True)
    international.add_itxt("parameters", LINES.replace("boat", "Böötchen"), zip=True)
    assert recipe_of(written("PNG", pnginfo=packed), "PNG") == FROM_LINES
    assert recipe_of(written("PNG", pnginfo=international), "PNG")["prompt"].startswith("a red Böötchen")


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le"])
def test_reads_the_user_comment_of_exif(kind: str, encoding: str) -> None:
    data = written(kind, exif=exif_with(0x9286, b"UNICODE\0" + LINES.encode(encoding)))
    assert recipe_of(data, kind) == FROM_LINES


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "TIFF"])
def test_reads_the_description_of_exif(kind: str) -> None:
    assert recipe_of(written(kind, exif=exif_with(0x010E, LINES)), kind) == FROM_LINES


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
def test_reads_the_description_of_xmp(kind: str) -> None:
    words = LINES.replace("\n", "&#10;").replace('"', "&quot;")
    inside = f'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{words}</rdf:li></rdf:Alt></dc:description>'
    assert recipe_of(written(kind, xmp=xmp(inside)), kind) == FROM_LINES


def test_reads_a_graph_of_nodes() -> None:
    assert recipe_of(png(prompt=json.dumps(GRAPH), workflow="{}"), "PNG") == FROM_GRAPH
    in_webp = written("WEBP", exif=exif_with(0x0110, "prompt:" + json.dumps(GRAPH)))
    assert recipe_of(in_webp, "WEBP") == FROM_GRAPH


def test_follows_a_graph_whose_nodes_form_a_ring() -> None:
    ring = {"1": {"class_type": "KSampler", "inputs": {"positive": ["2", 0], "seed": 1}}}
    ring["2"] = {"class_type": "A", "inputs": {"x": ["1", 0], "y": ["2", 0]}}
    assert recipe_of(png(prompt=json.dumps(ring)), "PNG") == {"generator": "ComfyUI", "seed": 1}


@pytest.mark.parametrize(
    ("name", "described", "expected"),
    [
        (
            "invokeai_metadata",
            {"positive_prompt": "a sea", "negative_prompt": "", "seed": 7, "model": {"name": "sea"}, "steps": 30},
            {"generator": "InvokeAI", "prompt": "a sea", "seed": 7, "model": "sea", "steps": 30},
        ),
        (
            "sd-metadata",
            {"model_weights": "sea", "image": {"prompt": [{"prompt": "a sea", "weight": 1}], "seed": 7}},
            {"generator": "InvokeAI", "prompt": "a sea", "seed": 7, "model": "sea"},
        ),
        (
            "parameters",
            {"sui_image_params": {"prompt": "a sea", "seed": 7, "model": "sea", "cfgscale": 7.0}},
            {"prompt": "a sea", "seed": 7, "model": "sea", "cfg_scale": 7.0},
        ),
        (
            "Comment",
            {"prompt": "a sea", "uc": "ugly", "seed": 7, "scale": 5, "sampler": "k_euler"},
            {"prompt": "a sea", "negative_prompt": "ugly", "seed": 7, "cfg_scale": 5.0, "sampler": "k_euler"},
        ),
    ],
)
def test_reads_what_is_written_as_json(name: str, described: dict[str, Any], expected: dict[str, Any]) -> None:
    assert recipe_of(png(**{name: json.dumps(described)}), "PNG") == expected


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"Comment": "Taken with a camera", "Software": "GIMP", "Description": "A boat"},
        {"parameters": "{" * 100_000},
        {"prompt": "[" * 100_000},
        {"prompt": '{"1": {"class_type": 5}}'},
        {"prompt": '{"1": {"class_type": "A", "inputs": []}}'},
        {"parameters": '{"prompt": ["a"], "seed": NaN}'},
        {"Comment": "Steps: to the sea"},
        {"parameters": '{"seed": ' + "9" * 5_000 + "}"},
    ],
)
def test_finds_nothing_in_what_is_no_recipe(texts: dict[str, str]) -> None:
    assert recipe_of(png(**texts), "PNG") == {}


def test_cleans_what_it_finds() -> None:
    described = {"prompt": "a\x00 sea\ud800 \x1b[31m" + "x" * 9_000, "seed": -1, "steps": True, "cfg_scale": "1e9"}
    [(name, prompt)] = recipe_of(png(parameters=json.dumps(described)), "PNG").items()
    assert (name, len(prompt)) == ("prompt", 4_000)
    assert prompt.startswith("a sea [31mxxx")


@pytest.mark.parametrize(
    "packet",
    [
        b"<x",
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x description="&a;"/>',
        b"<a>" * 5_000,
        b"\xff\xfe\0",
        xmp("<dc:description>" + "&lt;" * 1000 + "</dc:description>"),
    ],
)
def test_broken_xmp_is_no_reason_to_refuse(packet: bytes) -> None:
    assert images.encode(written("JPEG", xmp=packet)).recipe == {}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF"])
def test_no_damage_to_the_texts_ends_in_an_error(kind: str) -> None:
    options: dict[str, Any] = {"exif": exif_with(0x9286, b"UNICODE\0" + LINES.encode("utf-16-be"))}
    data = written(kind, **options, **({} if kind in ("PNG", "TIFF") else {"xmp": xmp("<dc:description/>")}))
    found = []
    for at in range(8, min(len(data), 900)):
        found.append(recipe_of(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :], kind))
        found.append(recipe_of(data[:at], kind))
    assert all(isinstance(recipe, dict) for recipe in found)
    assert len(found) > 200


def test_a_compressed_text_is_not_unpacked_without_end() -> None:
    bomb = b"parameters\0\0" + zlib.compress(b"a" * 40_000_000)
    chunk = struct.pack(">I", len(bomb)) + b"zTXt" + bomb + struct.pack(">I", zlib.crc32(b"zTXt" + bomb))
    good = written("PNG")
    assert recipe_of(good[:33] + chunk + good[33:], "PNG") == {}


class TestMetadata:
    def test_what_the_app_sent_goes_before_what_the_file_said(self) -> None:
        assert with_recipe({}, {"prompt": "sent", "a": 1}, {"prompt": "found", "seed": 2}) == {
            "prompt": "sent",
            "a": 1,
            "seed": 2,
        }

    def test_what_was_kept_goes_after_it(self) -> None:
        assert with_recipe({"prompt": "old", "a": 1}, None, {"prompt": "found"}) == {"prompt": "found", "a": 1}

    def test_what_was_kept_is_replaced_by_what_was_sent(self) -> None:
        assert with_recipe({"prompt": "old"}, {}, {}) == {}

    def test_what_would_be_too_large_is_left_out_longest_first(self) -> None:
        sent = {"notes": "x" * 6_000}
        found = {"prompt": "p" * 3_000, "negative_prompt": "n" * 1_000, "seed": 5}
        assert with_recipe({}, sent, found) == {**sent, "negative_prompt": "n" * 1_000, "seed": 5}
