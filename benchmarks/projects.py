"""Lists and searches of somebody with ten thousand projects, against somebody with a hundred."""

import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from benchmarks import history, people, shelves
from benchmarks.clients import Caller, app_caller
from benchmarks.cpu import DatabaseCpu
from benchmarks.race import Candidate, Pace, race
from benchmarks.server import Server, serving

FEW, MANY = 100, 10_000
PER_PAGE = 20
LISTS: dict[str, dict[str, str]] = {
    "newest": {},
    "middle": {},
    "app": {"app_source": people.OTHER_APP},
    "type": {"project_type": "text"},
    "tag": {"tag": shelves.TAG},
    "title": {"ordering": "title"},
    "changed": {"ordering": "-updated_at"},
    "trash": {"trashed": "true"},
    "common": {"q": shelves.COMMON_WORD},
    "rare": {"q": shelves.RARE_WORD},
    "nothing": {"q": "unfindable"},
    "phrase": {"q": f'"{shelves.COMMON_PAIR}"'},
    "phrases": {"q": f'"{shelves.COMMON_PAIR}" "{shelves.COMMON_PAIR_ELSEWHERE}"'},
    "long_phrase": {"q": f'"{shelves.COMMON_PHRASE}"'},
    "no_phrase": {"q": f'"{shelves.NO_PHRASE}"'},
    "best": {"q": shelves.COMMON_WORD, "ordering": "relevance"},
    "best_phrase": {"q": f'"{shelves.COMMON_PAIR}"', "ordering": "relevance"},
}
EMPTY = ("nothing", "trash", "no_phrase")


def measure(quick: bool) -> dict[str, Any]:
    """Each list by each of the two, over HTTP, one call at a time."""
    counts = {"few": FEW, "many": 1_000 if quick else MANY}
    candidates = []
    with serving() as server:
        for who, count in counts.items():
            user = people.rich(who)
            shelves.fill(server.port, user, count)
            caller = app_caller(server.port, people.key())
            paths = {name: _path(user.user_id, terms) for name, terms in LISTS.items()}
            paths["middle"] += f"&cursor={_middle(caller, paths['newest'], count)}"
            candidates += [
                _candidate(f"{name}_{who}", server, caller, path, 0 if name in EMPTY else PER_PAGE)
                for name, path in paths.items()
            ]
        history.settle_down()
        series = race(candidates, Pace(5 if quick else 10, 0.2), DatabaseCpu())
    return {"projects": counts, "per_page": PER_PAGE, "series": [one.facts() for one in series]}


def _path(user_id: str, terms: dict[str, str], limit: int = PER_PAGE) -> str:
    return f"/api/unified/projects?{urlencode({'user_id': user_id, 'limit': limit} | terms)}"


def _middle(app: Caller, newest: str, count: int) -> str:
    """The cursor of the list's middle, which only those before it lead to."""
    step, passed = min(100, count // 2), 0
    path = newest.replace(f"limit={PER_PAGE}", f"limit={step}")
    while True:
        link = urlsplit(json.loads(app.get(path))["next"])
        passed += step
        if passed >= count // 2:
            return str(parse_qs(link.query)["cursor"][0])
        path = f"{link.path}?{link.query}"


def _candidate(name: str, server: Server, app: Caller, path: str, rows: int) -> Candidate:
    def run(calls: int) -> None:
        app.close()
        for _ in range(calls):
            found = len(json.loads(app.get(path))["all_projects"])
            if found != rows:
                raise RuntimeError(f"{path} shows {found} projects instead of {rows}.")

    return Candidate(name, run, server.cpu)
