"""What a person chose to happen when something does not fit: room from the trash, on its own, and said."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.errors import InvalidField
from accounts.models import ClientApp, User
from workspace import content, services
from workspace.models import Project, StorageEntry, Workspace
from workspace.services import WorkspaceFull
from workspace.services.storage import missing_for, room_for
from workspace.tests.cast import BASE, LIMIT, adds_up, body_of, events_of, save, text_of, used

pytestmark = pytest.mark.django_db


@pytest.fixture
def chosen(alice: User) -> Workspace:
    return services.set_preferences(user=alice, make_room_from_trash=True, fit=False, max_edge=None)


def trashed(user: User, app: ClientApp, *sizes: int) -> list[str]:
    """Texts of these sizes in the trash, the first there longest."""
    codes = [save(user, app, size).project.code for size in sizes]
    for age, code in enumerate(reversed(codes)):
        services.trash(user=user, app=None, project_code=code)
        Project.objects.filter(code=code).update(trashed_at=timezone.now() - timedelta(hours=age + 1))
    return codes


def codes() -> set[str]:
    return set(Project.objects.values_list("code", flat=True))


def test_a_save_that_does_not_fit_takes_the_room_of_what_was_trashed_first(alice, penora, chosen) -> None:
    oldest, middle, newest = trashed(alice, penora, 100, 200, 400)
    save(alice, penora, LIMIT - 750 - 524_000)
    save(alice, penora, 524_000)
    saved = save(alice, penora, 50 + 101)
    assert {oldest, middle}.isdisjoint(codes())
    assert newest in codes()
    assert saved.workspace.made_room == {oldest: 100, middle: 200}
    assert used(alice) == LIMIT - 50 - 300 + 151
    assert adds_up(alice)
    causes = StorageEntry.objects.order_by("-number").values_list("cause", "project_code")[:3]
    assert causes[0] == ("saved", saved.project.code)
    assert set(causes[1:]) == {("made_room", oldest), ("made_room", middle)}
    assert events_of(alice)[-6:].count("project.deleted") == 2


def test_nothing_is_purged_when_it_fits_as_it_is(alice, penora, chosen) -> None:
    code, *_ = trashed(alice, penora, 400_000)
    save(alice, penora, 400_000)
    assert save(alice, penora, LIMIT - 800_000).workspace.made_room == {}
    assert code in codes()


def test_nothing_is_purged_when_even_the_whole_trash_would_not_do(alice, penora, chosen, stored) -> None:
    trashed(alice, penora, 300_000)
    save(alice, penora, 500_000)
    before = stored()
    missing = 548_577 - (LIMIT - 800_000)
    with pytest.raises(WorkspaceFull) as refusal:
        services.hold(user=alice, app=penora, amount=1, storage_bytes=548_577)
    assert refusal.value.facts["missing_bytes"] == missing
    assert sum(item["frees_bytes"] for item in refusal.value.facts["suggestions"]) >= missing
    assert stored() == before


def test_without_the_choice_the_trash_stays(alice, penora, stored) -> None:
    trashed(alice, penora, 400_000)
    save(alice, penora, 400_000)
    before = stored()
    with pytest.raises(WorkspaceFull):
        save(alice, penora, LIMIT - 800_000 + 1)
    assert stored() == before


def test_a_refused_payment_brings_the_trash_back(alice, penora, chosen, stored) -> None:
    trashed(alice, penora, 500_000)
    save(alice, penora, 500_000)
    before = stored()
    with pytest.raises(Exception, match="credits"):
        save(alice, penora, 300_000, charge={"amount": 61})
    assert stored() == before


def test_an_update_and_a_hold_take_room_from_the_trash_too(alice, penora, chosen) -> None:
    trashed(alice, penora, 300_000, 300_000)
    made = save(alice, penora, 400_000).project
    changed = services.update_project(
        user=alice, app=None, project_code=made.code, prepared=text_of(500_000), changes={}
    )
    assert changed.project.file_size_bytes == 500_000
    reserved = services.hold(user=alice, app=penora, amount=1, storage_bytes=LIMIT - 500_000)
    purged = {**changed.workspace.made_room, **reserved.workspace.made_room}
    assert list(purged.values()) == [300_000, 300_000]
    assert codes() == {made.code}
    assert adds_up(alice)


def test_a_change_and_a_hold_say_over_http_what_made_room_for_them(alice, penora, chosen, penora_api) -> None:
    older, newer = trashed(alice, penora, 300_000, 300_001)
    made = save(alice, penora, 400_000).project
    change = {"user_id": "alice", "content": "x" * 500_000, "compression": "none"}
    body = penora_api.patch(f"{BASE}/project/{made.code}", change, format="json").json()
    assert body["made_room"] == {"project_codes": [older], "freed_bytes": 300_000}
    wanted = {"user_id": "alice", "app_name": "penora", "amount": 1, "storage_bytes": LIMIT - 500_000}
    body = penora_api.post(f"{BASE}/holds", wanted, format="json").json()
    assert body["made_room"] == {"project_codes": [newer], "freed_bytes": 300_001}
    renamed = penora_api.patch(f"{BASE}/project/{made.code}", {"user_id": "alice", "title": "New"}, format="json")
    assert "made_room" not in renamed.json()


def test_bytes_that_a_live_project_shows_too_are_not_purged_for_nothing(alice, penora, chosen) -> None:
    shared = content.prepare_text("shared " * 2_000, "auto")
    twin = save(alice, penora, prepared=shared).project.code
    live = save(alice, penora, prepared=shared).project.code
    services.trash(user=alice, app=None, project_code=twin)
    (gone,) = trashed(alice, penora, 400_000)
    save(alice, penora, 400_000)
    save(alice, penora, LIMIT - used(alice) + 1)
    assert gone not in codes()
    assert {twin, live} <= codes()
    assert adds_up(alice)


def test_what_shares_its_bytes_within_the_trash_goes_together(alice, penora, chosen) -> None:
    shared = content.prepare_text("shared " * 2_000, "auto")
    twins = {save(alice, penora, prepared=shared).project.code for _ in range(2)}
    services.trash_many(user=alice, app=None, project_codes=list(twins))
    save(alice, penora, 524_000)
    save(alice, penora, LIMIT - used(alice))
    saved = save(alice, penora, 10)
    assert set(saved.workspace.made_room) == twins
    assert sum(saved.workspace.made_room.values()) == shared.counted_bytes
    assert adds_up(alice)


def test_what_can_be_saved_counts_the_trash_when_so_chosen(alice, penora) -> None:
    trashed(alice, penora, 300_000)
    save(alice, penora, 500_000)
    free = LIMIT - 800_000
    assert (room_for(user=alice), missing_for(user=alice, required_bytes=free + 1)) == (free, 1)
    services.set_preferences(user=alice, make_room_from_trash=True, fit=False, max_edge=None)
    assert (room_for(user=alice), missing_for(user=alice, required_bytes=free + 1)) == (free + 300_000, 0)
    assert missing_for(user=alice, required_bytes=free + 300_001) == 300_001


def test_the_answer_says_what_made_room(alice, penora, penora_api, chosen) -> None:
    (gone,) = trashed(alice, penora, 400_000)
    save(alice, penora, 400_000)
    body = body_of(content="x" * 300_000, compression="none")
    first, again = (
        penora_api.post(f"{BASE}/save-project", body, format="json", HTTP_IDEMPOTENCY_KEY="k") for _ in range(2)
    )
    assert first.json()["made_room"] == {"project_codes": [gone], "freed_bytes": 400_000}
    assert again.content == first.content
    assert "made_room" not in penora_api.post(f"{BASE}/save-project", body_of(), format="json").json()


@pytest.mark.parametrize("edge", [255, 16_385, 0, -1])
def test_an_edge_that_makes_no_sense_is_refused(alice, stored, edge: int) -> None:
    services.workspace_of(user=alice)
    before = stored()
    with pytest.raises(InvalidField):
        services.set_preferences(user=alice, make_room_from_trash=True, fit=True, max_edge=edge)
    assert stored() == before


def test_the_choices_are_told_over_http(alice, penora_api) -> None:
    services.set_preferences(user=alice, make_room_from_trash=True, fit=True, max_edge=2_048)
    told = {"make_room_from_trash": True, "fit": True, "max_edge": 2_048}
    assert penora_api.get(f"{BASE}/user-info?user_id=alice").json()["storage_preferences"] == told
    assert penora_api.get(f"{BASE}/storage-stats?user_id=alice").json()["storage_preferences"] == told
