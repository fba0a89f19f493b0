"""The design system on one page, made from its own files; only where DEBUG is on."""

import re
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import ClientApp
from workspace.meter import Meter, Segment
from workspace.models import Project, ProjectType


class SampleForm(forms.Form):
    """One field of each kind, one of them wrong."""

    name = forms.CharField(help_text="What people call it.")
    kind = forms.ChoiceField(choices=[("image", "Image"), ("text", "Text")])
    agreed = forms.BooleanField(label="A box to tick", required=False)
    email = forms.EmailField()


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Tokens, type, icons and every component, with made-up words in them."""
    if not settings.DEBUG:
        raise Http404
    penora, imagegene = ClientApp(id=1, slug="penora", name="Penora"), ClientApp(id=2, slug="imagegene", name="Image")
    context: dict[str, Any] = {
        "tokens": re.findall(r"^ +--([a-z-]+): light-dark", _source("css/tokens.css"), re.MULTILINE),
        "icons": re.findall(r'<symbol id="([a-z]+)"', _source("img/icons.svg")),
        "levels": ["info", "success", "warning", "error"],
        "apps": [penora, imagegene],
        "form": SampleForm({"name": "Bell", "kind": "text", "email": "bell"}),
        "meter": _meter(penora, imagegene),
        "projects": [
            _text(penora, "TEXT22", "A text"),
            _text(imagegene, "TEXT33", "A title so long that it takes two lines"),
        ],
        "now": timezone.now(),
    }
    return render(request, "styleguide.html", context)


def _source(path: str) -> str:
    found = finders.find(path)
    return Path(found).read_text() if found else ""


def _meter(penora: ClientApp, imagegene: ClientApp) -> Meter:
    segments = [
        Segment(penora, "penora", "Penora", 104_858, 12, "1", 0, 10),
        Segment(imagegene, "imagegene", "ImageGene", 524_288, 8, "2", 10, 50),
        Segment(None, "none", "Trash", 52_429, 1, "trash", 60, 5),
    ]
    return Meter(segments, 681_575, 1_048_576, 367_001, 2_097_152, 20, 1, 52_429, 6, 0)


def _text(app: ClientApp, code: str, title: str) -> Project:
    words = "The keeper counted the steps again, as he did on every night when the fog came in from the east."
    return Project(app=app, code=code, title=title, project_type=ProjectType.TEXT, excerpt=words, file_size_bytes=2_048)
