"""Reads how a generator made a picture (prompt, seed, model) from the texts it left in the file.

Known are AUTOMATIC1111 and its relatives, ComfyUI, InvokeAI, Fooocus, SwarmUI and NovelAI.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from workspace.image_texts import texts_of

LONGEST = {"prompt": 4_000, "negative_prompt": 2_000}
LONGEST_OTHER = 200
# Metadata are an object of at most so many bytes (accounts.fields.JsonObject).
MAX_METADATA_BYTES = 8_192
MAX_STEPS = 10_000

_LIKELY = ("parameters", "UserComment", "Comment", "ImageDescription", "description", "prompt", "Dream")
_JSON_NAMES = ("invokeai_metadata", "sd-metadata", "parameters", "Comment", "UserComment", "sui_image_params")
_SYNONYMS = {
    "prompt": ("prompt", "positive_prompt", "c"),
    "negative_prompt": ("negative_prompt", "negativeprompt", "uc"),
    "seed": ("seed", "noise_seed"),
    "model": ("model", "model_name", "base_model", "model_weights"),
    "steps": ("steps",),
    "cfg_scale": ("cfg_scale", "cfgscale", "guidance_scale", "scale", "cfg"),
    "sampler": ("sampler", "sampler_name", "scheduler"),
}
_LINES = {"seed": "Seed", "model": "Model", "steps": "Steps", "cfg_scale": "CFG scale", "sampler": "Sampler"}
_SETTING = re.compile(r'\s*([\w ./-]{1,60}):\s*("(?:\\.|[^"\\])*"|[^,]*)(?:,|$)')
_GRAPH_TEXTS = ("text", "text_g", "prompt", "positive", "t5xxl", "clip_l", "string", "value")
_GRAPH_MODELS = ("ckpt_name", "unet_name", "model_name")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")

Recipe = dict[str, Any]


def recipe_of(data: bytes, kind: str) -> Recipe:
    """What the file says of how it was made: `prompt`, `negative_prompt`, `seed`, `model`, `steps`, `cfg_scale`,
    `sampler` and `generator`, as far as they are known. Empty for a photograph. Never raises."""
    texts = texts_of(data, kind)
    for found in (_from_graph(texts), _from_json(texts), _from_lines(texts)):
        if found:
            return _clean(found)
    return {}


def with_recipe(kept: Mapping[str, Any], sent: Mapping[str, Any] | None, found: Recipe) -> dict[str, Any]:
    """The metadata of a project whose file said `found`: what the app `sent` goes before it, what was `kept` after.

    Of what was found the longest is left out as long as the whole is larger than metadata may be."""
    rest = dict(found)
    while True:
        whole = {**kept, **rest} if sent is None else {**rest, **sent}
        if not rest or _size(whole) <= MAX_METADATA_BYTES:
            return whole
        del rest[max(rest, key=lambda name: len(str(rest[name])))]


def _size(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _from_graph(texts: Mapping[str, str]) -> Recipe:
    """ComfyUI keeps the graph of nodes that made the picture, in WebP's EXIF after the word `prompt:`."""
    candidates = [texts.get("prompt", ""), *(texts.get(name, "") for name in ("Make", "Model", "ImageDescription"))]
    for text in candidates:
        graph = _object(text.removeprefix("prompt:").removeprefix("Prompt:"))
        nodes = {str(name): node["inputs"] for name, node in graph.items() if _is_node(node)}
        if nodes:
            return {"generator": "ComfyUI", **_of_nodes(nodes)}
    return {}


def _is_node(node: object) -> bool:
    return isinstance(node, dict) and "class_type" in node and isinstance(node.get("inputs"), dict)


def _of_nodes(nodes: dict[str, dict[str, Any]]) -> Recipe:
    sampler = next((inputs for inputs in nodes.values() if "positive" in inputs or "guider" in inputs), {})
    prompt = _text_behind(nodes, sampler.get("positive", sampler.get("guider")))
    negative = _text_behind(nodes, sampler.get("negative"))
    settings = [sampler, *nodes.values()]
    return {
        "prompt": prompt,
        "negative_prompt": negative if negative != prompt else None,
        "seed": _first(settings, ("seed", "noise_seed")),
        "model": _first(settings, _GRAPH_MODELS),
        "steps": _first(settings, ("steps",)),
        "cfg_scale": _first(settings, ("cfg", "guidance")),
        "sampler": _first(settings, ("sampler_name",)),
    }


def _first(settings: list[dict[str, Any]], names: tuple[str, ...]) -> Any:
    values = (inputs[name] for inputs in settings for name in names if name in inputs)
    return next((value for value in values if not isinstance(value, (list, dict))), None)


def _text_behind(nodes: dict[str, dict[str, Any]], start: object) -> str | None:
    """The first text on the way back along the links from here, nearest first."""
    waiting, seen = [start], set()
    for value in waiting:
        if not (isinstance(value, list) and value) or str(value[0]) in seen:
            continue
        seen.add(str(value[0]))
        inputs = nodes.get(str(value[0]), {})
        texts = [inputs[name] for name in _GRAPH_TEXTS if isinstance(inputs.get(name), str) and inputs[name].strip()]
        if texts:
            return str(texts[0])
        waiting.extend(inputs.values())
    return None


def _from_json(texts: Mapping[str, str]) -> Recipe:
    for name in _JSON_NAMES:
        described = _object(texts.get(name, ""))
        levels = [described, *(value for value in described.values() if isinstance(value, dict))]
        found = {key: _named(levels, synonyms) for key, synonyms in _SYNONYMS.items()}
        if found["prompt"] is not None:
            return {"generator": _generator(name, texts), **found}
    return {}


def _generator(name: str, texts: Mapping[str, str]) -> str | None:
    return "InvokeAI" if name in ("invokeai_metadata", "sd-metadata") else texts.get("Software")


def _named(levels: list[dict[str, Any]], synonyms: tuple[str, ...]) -> Any:
    for level in levels:
        for name in synonyms:
            value = level.get(name)
            if isinstance(value, dict):
                value = value.get("name", value.get("model_name"))
            if isinstance(value, list) and value and isinstance(value[0], dict):
                value = value[0].get("prompt")
            if isinstance(value, (str, int, float)) and value != "":
                return value
    return None


def _from_lines(texts: Mapping[str, str]) -> Recipe:
    """AUTOMATIC1111's form: the prompt, `Negative prompt: ...`, and a last line that begins with `Steps: `."""
    for name in _LIKELY:
        text, mark, last = texts.get(name, "").rpartition("Steps: ")
        if mark and "Seed:" in last:
            prompt, _, negative = text.partition("Negative prompt:")
            settings = dict(_settings(mark + last))
            found = {key: settings.get(label) for key, label in _LINES.items()}
            return {"generator": texts.get("Software"), "prompt": prompt, "negative_prompt": negative, **found}
    return {}


def _settings(line: str) -> Iterator[tuple[str, str]]:
    for found in _SETTING.finditer(line[: LONGEST["prompt"]].partition("\n")[0]):
        yield found[1].strip(), found[2].strip().strip('"')


def _object(text: str) -> dict[str, Any]:
    if not text.lstrip().startswith("{"):
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _clean(found: Recipe) -> Recipe:
    """What can be stored: texts of bounded length without control characters, whole and finite numbers in range."""
    cleaned: Recipe = {name: _text(value, LONGEST.get(name, LONGEST_OTHER)) for name, value in found.items()}
    cleaned["seed"] = _number(found.get("seed"), 2**63)
    cleaned["steps"] = _number(found.get("steps"), MAX_STEPS)
    cleaned["cfg_scale"] = _decimal(found.get("cfg_scale"))
    return {name: value for name, value in cleaned.items() if value not in (None, "")}


def _text(value: object, longest: int) -> str | None:
    return _UNPRINTABLE.sub("", value).strip()[:longest] if isinstance(value, str) else None


def _number(value: object, end: int) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < end else None


def _decimal(value: object) -> float | None:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,4})?", value):
        value = float(value)
    return float(value) if isinstance(value, (int, float)) and 0 <= value < 10_000 else None
