"""What the server takes for each page of somebody who has been here long."""

from typing import Any

from django.test import Client
from django.urls import reverse

from accounts.models import User
from benchmarks import history, people, shelves
from benchmarks.clients import Caller
from benchmarks.cpu import DatabaseCpu
from benchmarks.race import Candidate, Pace, race
from benchmarks.server import Server, serving
from workspace.models import Project, ProjectType

PROJECTS, ENTRIES = 1_000, 10_000


def measure(quick: bool) -> dict[str, Any]:
    """Every page, asked for one at a time by a signed-in person, without what a browser loads besides."""
    with serving() as server:
        user = people.rich("reader")
        shelves.fill(server.port, user, PROJECTS)
        history.lengthen(user, ENTRIES)
        history.settle_down()
        reader = _signed_in(server, user)
        candidates = [_candidate(name, server, reader, path) for name, path in _pages(user).items()]
        series = race(candidates, Pace(4 if quick else 8, 0.25), DatabaseCpu())
    return {"projects": PROJECTS, "entries": ENTRIES, "series": [one.facts() for one in series]}


def _pages(user: User) -> dict[str, str]:
    projects = Project.objects.filter(user=user)
    picture = projects.filter(project_type=ProjectType.IMAGE).latest("id").code
    text = projects.filter(project_type=ProjectType.TEXT).latest("id").code
    return {
        "home": reverse("home"),
        "projects": reverse("projects"),
        "list": f"{reverse('projects')}?view=list",
        "projects_last": f"{reverse('projects')}?page={PROJECTS // 48}",
        "search": f"{reverse('projects')}?q={shelves.COMMON_WORD}",
        "picture": reverse("project", args=[picture]),
        "text": reverse("project", args=[text]),
        "storage": reverse("storage"),
        "credits": reverse("credits"),
        "credits_90": f"{reverse('credits')}?days=90&type=used&page=9",
        "account": reverse("account"),
    }


def _signed_in(server: Server, user: User) -> Caller:
    client = Client()
    client.force_login(user)
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    return Caller(server.port, {"Cookie": cookies, "Accept": "text/html"})


def _candidate(name: str, server: Server, reader: Caller, path: str) -> Candidate:
    def run(calls: int) -> None:
        reader.close()
        for _ in range(calls):
            if b"</html>" not in reader.get(path):
                raise RuntimeError(f"{path} is not a whole page.")

    return Candidate(name, run, server.cpu)
