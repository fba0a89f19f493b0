"""The examples of the OpenAPI document; the file beside this one holds real calls and their answers."""

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).with_suffix(".json")


@dataclass(frozen=True, slots=True)
class Examples:
    """Of one operation: its body, its parameters by name, and bodies by status and media type."""

    request: dict[str, Any] | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    responses: dict[str, dict[str, Any]] = field(default_factory=dict)


@cache
def _recorded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    return found


def examples_of(operation_id: str) -> Examples:
    """The examples of an operation; a new one has none until they are recorded."""
    return Examples(**_recorded()["operations"].get(operation_id, {}))


def problem_example(status: int) -> dict[str, Any]:
    """A problem with this status."""
    found: dict[str, Any] = _recorded()["problems"][str(status)]
    return found
