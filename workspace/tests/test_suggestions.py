"""What a refusal suggests: whatever a workspace holds, sending the requests makes room, whenever that is possible."""

from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts import services as accounts
from accounts.models import ClientApp, User
from workspace import content, services
from workspace.services import WorkspaceFull
from workspace.services.storage import room_for
from workspace.tests.cast import LIMIT, fill, save, text_of, used

pytestmark = pytest.mark.django_db
PEOPLE = count()
# Bytes, how many times the same were saved, how many of those were trashed.
SIZES = st.one_of(st.integers(600, 300_000), st.sampled_from([600, 9_000]))
THINGS = st.lists(st.tuples(SIZES, st.integers(1, 3), st.integers(0, 3)), max_size=6)
QUICK = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}


def person() -> User:
    name = f"saver{next(PEOPLE)}"
    app = ClientApp.objects.get(slug="penora")
    return accounts.register(user_id=name, username=name, email=f"{name}@example.com", app=app)[0]


def put(user: User, number: int, size: int, times: int, trashed: int) -> None:
    """Text saved several times, and kept once: sizes are of the text, which brotli makes an eighth at best."""
    app = ClientApp.objects.get(slug=("penora", "imagegene")[number % 2])
    prepared = content.prepare_text(f"{number:05}" + "x" * (size - 5), "auto") if times > 1 else text_of(size)
    for turn in range(times):
        try:
            made = save(user, app, prepared=prepared).project
        except WorkspaceFull:
            return
        if turn < trashed:
            services.trash(user=user, app=None, project_code=made.code)


def send(user: User, suggestions: list[dict]) -> None:
    """Every request, as its person sends it."""
    client = APIClient()
    client.force_login(user)
    for item in suggestions:
        method, path = item["request"].split()
        assert method == "POST"
        assert len(item["body"]["project_codes"]) <= 100
        answer = client.post(path, item["body"], format="json")
        assert answer.status_code == 200, answer.content
        assert {result["status"] for result in answer.json()["results"]} == {200}


@given(THINGS, st.integers(1, 1_300_000), st.integers(0, 400_000), st.one_of(st.none(), st.integers(1, LIMIT)))
@settings(max_examples=40, **QUICK)
def test_sending_what_is_suggested_makes_room_whenever_that_is_possible(
    db: None, things: list[tuple[int, int, int]], wanted: int, held: int, limit: int | None
) -> None:
    user = person()
    app = ClientApp.objects.get(slug="penora")
    for number, thing in enumerate(things):
        put(user, number, *thing)
    if limit is not None:
        services.set_limit(user=user, limit_bytes=limit)
    held = min(held, room_for(user=user))
    if held:
        services.hold(user=user, app=app, amount=1, storage_bytes=held)
    possible = wanted <= services.workspace_of(user=user).limit_bytes - held
    if wanted <= room_for(user=user):
        services.hold(user=user, app=app, amount=1, storage_bytes=wanted)
        return
    with pytest.raises(WorkspaceFull) as refusal:
        services.hold(user=user, app=app, amount=1, storage_bytes=wanted)
    facts = refusal.value.facts
    surest = [item for item in facts["suggestions"] if item["reason"] in ("trashed", "largest")]
    before = used(user)
    send(user, surest)
    assert before - used(user) == sum(item["frees_bytes"] for item in surest)
    assert len({code for item in facts["suggestions"] for code in item["project_codes"]}) == sum(
        len(item["project_codes"]) for item in facts["suggestions"]
    )
    if possible:
        assert services.hold(user=user, app=app, amount=1, storage_bytes=wanted).hold.storage_bytes == wanted
    else:
        assert used(user) == 0


def test_many_small_projects_are_suggested_in_requests_of_a_hundred(alice: User, penora: ClientApp) -> None:
    for number in range(230):
        save(alice, penora, 1_000 + number)
    with pytest.raises(WorkspaceFull) as refusal:
        services.hold(user=alice, app=penora, amount=1, storage_bytes=LIMIT)
    surest = [item for item in refusal.value.facts["suggestions"] if item["reason"] == "largest"]
    assert [len(item["project_codes"]) for item in surest] == [1] * 99 + [100, 31]
    assert sum(item["frees_bytes"] for item in surest) == used(alice)
    send(alice, surest)
    assert services.hold(user=alice, app=penora, amount=1, storage_bytes=LIMIT).hold.storage_bytes == LIMIT


def test_what_several_projects_show_is_suggested_whole(alice: User, penora: ClientApp) -> None:
    prepared = content.prepare_text("the same " * 20_000, "auto")
    codes = {save(alice, penora, prepared=prepared).project.code for _ in range(3)}
    save(alice, penora, 500)
    with pytest.raises(WorkspaceFull) as refusal:
        services.hold(user=alice, app=penora, amount=1, storage_bytes=LIMIT)
    named = [set(item["project_codes"]) for item in refusal.value.facts["suggestions"]]
    assert codes in named


def test_nobody_is_told_of_what_is_not_theirs(alice: User, bob: User, penora: ClientApp) -> None:
    save(bob, penora, 400_000)
    own = {project.code for project in fill(alice, penora, leaving=10)}
    with pytest.raises(WorkspaceFull) as refusal:
        save(alice, penora, 500_000)
    assert {code for item in refusal.value.facts["suggestions"] for code in item["project_codes"]} <= own


def test_an_empty_workspace_has_nothing_to_suggest(alice: User, penora: ClientApp) -> None:
    with pytest.raises(WorkspaceFull) as refusal:
        services.hold(user=alice, app=penora, amount=1, storage_bytes=LIMIT + 1)
    assert refusal.value.facts["suggestions"] == []
