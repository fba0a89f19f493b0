"""`python -m benchmarks.part NAME quick|full FILE`: one part in a process of its own, settings from outside."""

import json
import sys
from importlib import import_module
from pathlib import Path

import django
from django.core.management import call_command


def main(name: str, pace: str, file: str) -> None:
    django.setup()
    call_command("migrate", verbosity=0)
    from benchmarks import machine

    found = import_module(f"benchmarks.{name}").measure(quick=pace == "quick")
    found["taken"] = machine.facts()
    Path(file).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
