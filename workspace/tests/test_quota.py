"""The limit: what fits to the byte, what is refused, what is reserved, and paying in the same transaction."""

import pytest

from accounts.errors import AppMismatch, InvalidField, NotFound
from accounts.models import ClientApp, User
from credits import services as credits
from credits.models import Entry, Hold
from credits.services import HoldExpired, HoldSettled, InsufficientCredits
from workspace import content, services
from workspace.models import Project
from workspace.services import WorkspaceFull
from workspace.services.storage import room_for
from workspace.tests.cast import BASE, LIMIT, adds_up, body_of, fill, save, text_of, used

pytestmark = pytest.mark.django_db


def test_an_exact_fit_succeeds(alice: User, penora: ClientApp) -> None:
    fill(alice, penora, leaving=1_234)
    saved = save(alice, penora, 1_234)
    assert saved.workspace.available_bytes == 0
    assert used(alice) == LIMIT
    assert adds_up(alice)


def test_one_byte_too_many_is_refused_with_what_would_make_room(alice: User, penora: ClientApp, stored) -> None:
    fill(alice, penora, leaving=1_234)
    before = stored()
    with pytest.raises(WorkspaceFull) as refusal:
        save(alice, penora, 1_235)
    facts = refusal.value.facts
    assert (refusal.value.status, facts["required_bytes"], facts["available_bytes"]) == (507, 1_235, 1_234)
    assert sum(suggestion["frees_bytes"] for suggestion in facts["suggestions"]) >= 1
    assert stored() == before
    services.purge(user=alice, app=penora, project_code=facts["suggestions"][0]["project_code"])
    assert save(alice, penora, 1_235).created


def test_suggestions_add_up_to_the_room_that_is_missing(alice: User, penora: ClientApp) -> None:
    sizes = [20_000] * 45
    for size in sizes:
        save(alice, penora, size)
    needed = LIMIT - sum(sizes) + 18 * 20_000
    with pytest.raises(WorkspaceFull) as refusal:
        save(alice, penora, needed)
    suggestions = refusal.value.facts["suggestions"]
    missing = refusal.value.facts["required_bytes"] - refusal.value.facts["available_bytes"]
    assert missing == 18 * 20_000
    assert sum(item["frees_bytes"] for item in suggestions if item["reason"] == "largest") == missing
    reasons = [suggestion["reason"] for suggestion in suggestions]
    assert reasons == ["compressible"] * 10 + ["largest"] * 18 + ["oldest"] * 10
    assert len({suggestion["project_code"] for suggestion in suggestions}) == 38


def test_the_trash_is_suggested_before_anything_live(alice: User, penora: ClientApp) -> None:
    fill(alice, penora, leaving=100)
    small = Project.objects.order_by("file_size_bytes")[0]
    services.trash(user=alice, app=None, project_code=small.code)
    with pytest.raises(WorkspaceFull) as refusal:
        save(alice, penora, 101 + small.file_size_bytes)
    suggestions = refusal.value.facts["suggestions"]
    assert suggestions[0] == {
        "action": "purge",
        "reason": "trashed",
        "app_source": "penora",
        "project_code": small.code,
        "project_codes": [small.code],
        "title": "A page",
        "frees_bytes": small.file_size_bytes,
        "estimated": False,
        "quality_before": None,
        "quality_after": None,
        "request": "POST /api/unified/projects/delete",
        "body": {"user_id": "alice", "project_codes": [small.code], "permanent": True},
        "undo": None,
    }
    assert [(item["action"], item["reason"]) for item in suggestions[1:]] == [
        ("compress", "compressible"),
        ("delete", "largest"),
    ]
    assert refusal.value.facts["make_room_url"].endswith("/storage/")


def test_an_update_that_does_not_fit_leaves_the_old_content(alice: User, penora: ClientApp, stored) -> None:
    first, *_ = fill(alice, penora, leaving=10)
    before = stored()
    too_large = text_of(first.file_size_bytes + 11)
    with pytest.raises(WorkspaceFull):
        services.update_project(user=alice, app=None, project_code=first.code, prepared=too_large, changes={})
    with pytest.raises(WorkspaceFull):
        save(alice, penora, prepared=too_large, project_code=first.code)
    assert stored() == before
    exact = text_of(first.file_size_bytes + 10)
    services.update_project(user=alice, app=None, project_code=first.code, prepared=exact, changes={})
    assert used(alice) == LIMIT


def test_shrinking_works_in_a_workspace_whose_limit_was_lowered_to_full(alice: User, penora: ClientApp) -> None:
    made = save(alice, penora, 5_000).project
    workspace = services.workspace_of(user=alice)
    workspace.limit_bytes = 5_000
    workspace.save()
    with pytest.raises(WorkspaceFull):
        save(alice, penora, 1)
    services.update_project(user=alice, app=None, project_code=made.code, prepared=text_of(4_000), changes={})
    assert used(alice) == 4_000


def test_one_persons_bytes_leave_anothers_workspace_alone(alice: User, bob: User, penora: ClientApp) -> None:
    fill(alice, penora, leaving=0)
    save(bob, penora, 500)
    assert (used(alice), used(bob)) == (LIMIT, 500)


def test_saving_and_paying_happen_together(alice: User, penora: ClientApp) -> None:
    saved = save(alice, penora, 10, charge={"operation": "page_generation", "quantity": 3, "description": "Pages"})
    entry = Entry.objects.get(transaction_type="used")
    assert saved.entry == entry
    assert (entry.amount, entry.balance_after, entry.description) == (-3, 57, "Pages")
    assert entry.project_code == saved.project.code
    assert credits.wallet_of(user=alice).available == 57


def test_a_charge_without_a_description_carries_the_title(alice: User, penora: ClientApp) -> None:
    save(alice, penora, 10, title="On tides", charge={"amount": 2})
    assert Entry.objects.get(transaction_type="used").description == "On tides"


def test_short_credits_store_nothing(alice: User, penora: ClientApp, stored) -> None:
    credits.wallet_of(user=alice)
    before = stored()
    with pytest.raises(InsufficientCredits) as refusal:
        save(alice, penora, 10, charge={"amount": 61})
    assert refusal.value.facts["shortfall"] == 1
    assert stored() == before


def test_a_full_workspace_charges_nothing(alice: User, penora: ClientApp, stored) -> None:
    fill(alice, penora, leaving=9)
    before = stored()
    with pytest.raises(WorkspaceFull):
        save(alice, penora, 10, charge={"amount": 1})
    assert stored() == before
    assert credits.wallet_of(user=alice).balance == 60


def test_a_full_workspace_leaves_the_hold_open(alice: User, penora: ClientApp, stored) -> None:
    held = services.hold(user=alice, app=penora, amount=5).hold
    fill(alice, penora, leaving=9)
    before = stored()
    with pytest.raises(WorkspaceFull):
        save(alice, penora, 10, hold_id=held.id)
    assert stored() == before
    assert Hold.objects.get().status == "active"


def test_saving_with_a_hold_captures_all_of_it(alice: User, penora: ClientApp) -> None:
    held = services.hold(user=alice, app=penora, amount=5, description="A chapter").hold
    saved = save(alice, penora, 10, hold_id=held.id)
    wallet = credits.wallet_of(user=alice)
    assert (wallet.balance, wallet.held) == (55, 0)
    assert Hold.objects.get().status == "captured"
    assert saved.entry is not None
    assert (saved.entry.hold_id, saved.entry.project_code) == (held.id, saved.project.code)


def test_saving_with_a_hold_may_take_less_and_lets_the_rest_go(alice: User, penora: ClientApp) -> None:
    held = services.hold(user=alice, app=penora, amount=5).hold
    save(alice, penora, 10, hold_id=held.id, charge={"amount": 2})
    wallet = credits.wallet_of(user=alice)
    assert (wallet.balance, wallet.held) == (58, 0)


def test_a_hold_pays_for_one_project_only(alice: User, penora: ClientApp, stored) -> None:
    held = services.hold(user=alice, app=penora, amount=5).hold
    save(alice, penora, 10, hold_id=held.id)
    before = stored()
    with pytest.raises(HoldSettled):
        save(alice, penora, 10, hold_id=held.id)
    assert stored() == before


def test_an_expired_hold_stores_nothing(alice: User, penora: ClientApp, clock) -> None:
    held = services.hold(user=alice, app=penora, amount=5, storage_bytes=100, ttl_seconds=60).hold
    clock.forward(seconds=61)
    with pytest.raises(HoldExpired):
        save(alice, penora, 10, hold_id=held.id)
    assert Project.objects.count() == 0
    assert used(alice) == 0


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        ({"charge": {"operation": "page_generation"}}, InvalidField),
        ({"charge": {"amount": 6}}, InvalidField),
        ({"hold_id": "hold_missing"}, NotFound),
    ],
)
def test_a_hold_that_cannot_pay_stores_nothing(alice: User, penora: ClientApp, stored, terms, error) -> None:
    held = services.hold(user=alice, app=penora, amount=5).hold
    before = stored()
    with pytest.raises(error):
        save(alice, penora, 10, **{"hold_id": held.id, **terms})
    assert stored() == before


def test_another_apps_hold_does_not_pay(alice: User, penora: ClientApp, imagegene: ClientApp, stored) -> None:
    held = services.hold(user=alice, app=imagegene, amount=5).hold
    before = stored()
    with pytest.raises(AppMismatch):
        save(alice, penora, 10, hold_id=held.id)
    assert stored() == before


def test_bytes_on_hold_are_kept_free_for_the_one_who_holds_them(alice: User, penora: ClientApp) -> None:
    held = services.hold(user=alice, app=penora, amount=1, storage_bytes=600_000).hold
    assert room_for(user=alice) == LIMIT - 600_000
    with pytest.raises(WorkspaceFull) as refusal:
        save(alice, penora, LIMIT - 600_000 + 1)
    assert refusal.value.facts["available_bytes"] == LIMIT - 600_000
    save(alice, penora, LIMIT - 600_000)
    save(alice, penora, 500_000, hold_id=held.id)
    save(alice, penora, 100_000)
    assert used(alice) == LIMIT


def test_released_bytes_are_free_again(alice: User, penora: ClientApp) -> None:
    held = services.hold(user=alice, app=penora, amount=1, storage_bytes=LIMIT).hold
    with pytest.raises(WorkspaceFull):
        save(alice, penora, 1)
    credits.release(user=alice, app=penora, hold_id=held.id)
    assert save(alice, penora, 1).created


def test_expired_bytes_are_free_again_without_a_sweeper(alice: User, penora: ClientApp, clock) -> None:
    services.hold(user=alice, app=penora, amount=1, storage_bytes=LIMIT, ttl_seconds=60)
    clock.forward(seconds=61)
    assert save(alice, penora, 500_000).created


def test_holding_more_bytes_than_are_free_holds_no_credits(alice: User, penora: ClientApp, stored) -> None:
    save(alice, penora, 48_576)
    services.hold(user=alice, app=penora, amount=1, storage_bytes=600_000)
    before = stored()
    with pytest.raises(WorkspaceFull) as refusal:
        services.hold(user=alice, app=penora, amount=1, storage_bytes=400_001)
    assert refusal.value.facts["available_bytes"] == 400_000
    assert stored() == before


def test_holding_more_credits_than_there_are_holds_no_bytes(alice: User, penora: ClientApp) -> None:
    with pytest.raises(InsufficientCredits):
        services.hold(user=alice, app=penora, amount=61, storage_bytes=1_000)
    assert room_for(user=alice) == LIMIT


# A cap on projects, as what is small counts next to nothing


def test_one_more_project_than_there_may_be_is_refused_and_nothing_is_paid(alice, penora, settings, stored) -> None:
    settings.MAX_PROJECTS = 2
    first, second = (save(alice, penora, size).project.code for size in (0, 1))
    services.trash(user=alice, app=None, project_code=first)
    before = stored()
    with pytest.raises(services.TooManyProjects) as refusal:
        save(alice, penora, 0, charge={"amount": 1})
    assert (refusal.value.facts["projects"], refusal.value.facts["max_projects"]) == (2, 2)
    assert stored() == before
    save(alice, penora, 5, project_code=second)
    services.restore(user=alice, app=None, project_code=first)
    services.purge(user=alice, app=None, project_code=first)
    save(alice, penora, 0)
    assert adds_up(alice)


def test_the_cap_is_each_persons_own(alice, bob, penora, settings) -> None:
    settings.MAX_PROJECTS = 1
    save(alice, penora)
    save(bob, penora)
    assert Project.objects.count() == 2


def test_the_cap_is_said_as_a_problem(alice, penora, penora_api, settings) -> None:
    settings.MAX_PROJECTS = 0
    answer = penora_api.post(f"{BASE}/save-project", body_of(), format="json")
    assert (answer.status_code, answer.json()["code"]) == (507, "too_many_projects")


def _lengthened(user: User, app: ClientApp, page: str) -> bool:
    try:
        changes = {"metadata": {"prompt": "wide sea " * 850}}
        services.update_project(user=user, app=app, project_code=page, changes=changes)
    except services.TooManyProjects:
        return False
    return True


def test_words_that_count_no_bytes_are_bounded_and_nothing_is_paid(alice, penora, settings, stored) -> None:
    settings.MAX_WORDS_TIMES_LIMIT = 1
    text = content.prepare_text("quiet lantern " * 20_000, "auto")
    first, second, third = (save(alice, penora, prepared=text).project.code for _ in range(3))
    before = stored()
    with pytest.raises(services.TooManyProjects) as refusal:
        save(alice, penora, prepared=text, charge={"amount": 1})
    assert refusal.value.facts["max_words_bytes"] == LIMIT
    assert stored() == before
    fresh = save(alice, penora, title="Short").project.code
    with pytest.raises(services.TooManyProjects):
        save(alice, penora, prepared=text, project_code=fresh)
    pages = [save(alice, penora, title=f"Page {number}").project.code for number in range(40)]
    refused = [page for page in pages if not _lengthened(alice, penora, page)]
    assert 0 < len(refused) < len(pages)
    services.update_project(user=alice, app=penora, project_code=first, changes={"favourite": True})
    services.purge(user=alice, app=None, project_code=second)
    save(alice, penora, prepared=text, project_code=third)
    save(alice, penora, metadata={"prompt": "wide sea " * 300})
    assert adds_up(alice)


def test_a_higher_limit_brings_room_for_more_words(alice, penora, settings) -> None:
    settings.MAX_WORDS_TIMES_LIMIT = 1
    text = content.prepare_text("quiet lantern " * 20_000, "auto")
    for _ in range(3):
        save(alice, penora, prepared=text)
    services.set_limit(user=alice, limit_bytes=2 * LIMIT)
    save(alice, penora, prepared=text)
    assert Project.objects.count() == 4
