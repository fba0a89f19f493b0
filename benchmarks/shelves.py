"""Workspaces full of small projects: a hundred saved by the apps over HTTP, the others copies of most of those.

Copies show the same bytes, as a project that is saved twice does, so that ten thousand fit."""

import base64
import copy
import io
import random
from datetime import timedelta
from functools import cache
from itertools import cycle, islice

from django.utils import timezone
from PIL import Image

from accounts.models import User
from benchmarks import people
from benchmarks.clients import app_caller
from workspace import search_index
from workspace.models import IssuedCode, Project, SearchEntry, new_code

SAVED = 100
RARE = 20  # of those saved have the rare word, and no copy of them is made
WORDS = [
    "night",
    "train",
    "window",
    "rain",
    "harbour",
    "letter",
    "paper",
    "winter",
    "station",
    "bridge",
    "river",
    "market",
    "summer",
    "kitchen",
    "garden",
]
COMMON_WORD, RARE_WORD, TAG = "lantern", "zeppelin", "travel"
# What half of them have side by side, and what they have in words but in another order.
COMMON_PHRASE = "lantern over quiet water"
COMMON_PAIR, COMMON_PAIR_ELSEWHERE, NO_PHRASE = "lantern over", "quiet water", "water lantern"


def fill(port: int, user: User, count: int) -> None:
    """`count` projects for somebody: four of five are texts of one app, the fifth a picture of the other."""
    writer, painter = (app_caller(port, people.key(slug)) for slug in (people.APP, people.OTHER_APP))
    for number in range(SAVED):
        if number % 5 == 4:
            painter.post("save-project", _picture(user, number))
        else:
            writer.post("save-project", _text(user, number))
    _copy(user, count - SAVED)


def _text(user: User, number: int) -> dict[str, object]:
    dice = random.Random(number)
    words = [dice.choice(WORDS) for _ in range(60)]
    return _project(user, number) | {
        "app_source": people.APP,
        "project_type": "text",
        "content": f"{_mark(number)} {' '.join(words)}.",
    }


def _picture(user: User, number: int) -> dict[str, object]:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((64, 64)).point(lambda value: (value + number) % 256).save(out, "PNG")
    return _project(user, number) | {
        "app_source": people.OTHER_APP,
        "project_type": "image",
        "content": base64.b64encode(out.getvalue()).decode(),
        "metadata": {"prompt": f"{_mark(number)} {random.Random(number).choice(WORDS)}"},
    }


def _project(user: User, number: int) -> dict[str, object]:
    tags = [TAG] if number % 2 else ["home"]
    return {"user_id": user.user_id, "title": f"Piece {number} {WORDS[number % len(WORDS)]}", "tags": tags}


def _mark(number: int) -> str:
    """What a search finds this project by."""
    return RARE_WORD if number < RARE else COMMON_PHRASE if number % 2 else "candle"


def _copy(user: User, count: int) -> None:
    """So many more, older and older, as if made every seven minutes."""
    originals = list(Project.objects.filter(user=user).select_related("found_by").order_by("id"))[RARE:]
    sources = list(islice(cycle(originals), count))
    copies = [_copied(original, number) for number, original in enumerate(sources)]
    IssuedCode.objects.bulk_create([IssuedCode(code=one.code) for one in copies], batch_size=500)
    Project.objects.bulk_create(copies, batch_size=500)
    words = [_words(original, one) for original, one in zip(sources, copies, strict=True)]
    SearchEntry.objects.bulk_create(words, batch_size=500)


def _copied(original: Project, number: int) -> Project:
    made = copy.copy(original)
    made.pk, made.code = None, _unused_code()
    made.title = f"{original.title} {number}"
    made.created_at = made.updated_at = timezone.now() - timedelta(minutes=7 * (number + 1))
    return made


@cache
def _codes() -> set[str]:
    return set(IssuedCode.objects.values_list("code", flat=True))


def _unused_code() -> str:
    """Among ten thousand drawn at once two are the same every twentieth time."""
    while (code := new_code()) in _codes():
        pass
    _codes().add(code)
    return code


def _words(original: Project, made: Project) -> SearchEntry:
    """What the copy is found by: the original's words, as its title's number is nothing to look for."""
    found = original.found_by
    place = search_index.place_of(made.app_id, made.pk)
    words = {"terms": found.terms, "about": found.about, "body": found.body}
    return SearchEntry(project=made, user_id=made.user_id, place=place, **words)
