"""The support desk: one person on one screen, bonus credits once per page, corrections, limits, no prying."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from credits import services as credits
from credits.models import Entry, GrantBatch
from workspace import content, services
from workspace.models import StorageEntry, Workspace
from workspace.tests.cast import save

USERS = "admin:accounts_user_changelist"


@pytest.fixture
def desk(client, staff):
    client.force_login(staff)
    return client


@pytest.fixture
def helper(client, db):
    """Somebody who may look at people and nothing more, until given a permission."""
    user = User.objects.create_user("helper@example.com", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_user"))
    client.force_login(user)
    return user


def hidden(page: str) -> dict[str, list[str]]:
    """The hidden fields of a page, as its form would post them back."""
    found: dict[str, list[str]] = {}
    for tag in re.findall(r'<input type="hidden"[^>]*>', page):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and name[1] != "csrfmiddlewaretoken":
            found.setdefault(name[1], []).append(value[1] if value else "")
    return found


def ask(desk, url: str, **terms: str) -> dict[str, list[str]]:
    """The bonus form filled in and previewed; what its button would post."""
    return hidden(preview(desk, url, **terms))


def preview(desk, url: str, **terms: str) -> str:
    start = terms.pop("start", None)
    first = desk.post(url, start) if start else desk.get(url)
    fields = {"amount": "10", "reason": "Sorry", "expires_at": "", **terms}
    return desk.post(url, {**hidden(first.content.decode()), **fields, "step": "preview"}).content.decode()


def sum_of(page: str) -> list[str]:
    """The numbers of the preview: how many people, credits for each, credits in all."""
    return re.findall(r"<b>([\d,]+)</b>", page.partition('id="preview"')[2].partition("</p>")[0])


def balance(user: User) -> int:
    return credits.wallet_of(user=user).balance


def everybody(*users: User, across: bool = False) -> dict[str, object]:
    ticked = [user.pk for user in users]
    return {"action": "grant_bonus", "select_across": int(across), "_selected_action": ticked}


@pytest.mark.parametrize("words", ["alice", "ALICE@example.com", "Alice"])
def test_people_are_found_by_id_email_and_name(desk, alice, bob, words):
    page = desk.get(reverse(USERS), {"q": words}).content.decode()
    assert "alice@example.com" in page
    assert "bob@example.com" not in page


def test_the_list_shows_spendable_credits_and_storage(desk, alice, penora):
    credits.hold(user=alice, app=penora, amount=7)
    save(alice, penora, 640)
    page = desk.get(reverse(USERS), {"q": "alice"}).content.decode()
    assert '<td data-label="Credits" class="field-available">53</td>' in page
    assert '<td data-label="Storage" class="field-storage">640 bytes</td>' in page


def test_the_list_asks_as_many_queries_for_many_as_for_one(desk, penora, django_assert_max_num_queries):
    for number in range(30):
        services.join(user_id=f"u{number}", username="U", email=f"u{number}@example.com", app=penora)
    with django_assert_max_num_queries(12):
        desk.get(reverse(USERS))


def test_the_desk_shows_one_person_on_one_screen(desk, alice, bob, penora):
    entry = credits.charge(user=alice, app=penora, amount=3, description="Three pages")
    held = credits.hold(user=alice, app=penora, amount=7)
    project = save(alice, penora, title="My novel").project
    other = save(bob, penora, title="Bob's").project
    page = desk.get(reverse("admin:accounts_user_change", args=[alice.pk])).content.decode()
    for shown in (entry.pk, held.pk, project.code, "My novel", "Three pages", "<b>50</b>", "Penora"):
        assert shown in page
    assert other.code not in page


def test_looking_at_somebody_new_opens_no_wallet(desk, alice):
    page = desk.get(reverse("admin:accounts_user_change", args=[alice.pk])).content.decode()
    assert "No wallet yet" in page
    assert not Entry.objects.exists()


def test_nobody_is_added_or_deleted_here(desk, alice):
    assert desk.get(reverse("admin:accounts_user_add")).status_code == 403
    assert desk.post(reverse("admin:accounts_user_delete", args=[alice.pk]), {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=alice.pk).exists()


def test_a_helper_cannot_raise_themselves_or_lock_out_a_superuser(client, helper, staff):
    helper.user_permissions.add(Permission.objects.get(codename="change_user"))
    fields = {"username": "Me", "is_active": "on", "is_superuser": "on", "is_staff": "on"}
    client.post(reverse("admin:accounts_user_change", args=[helper.pk]), fields)
    helper.refresh_from_db()
    assert (helper.username, helper.is_superuser) == ("Me", False)
    assert client.post(reverse("admin:accounts_user_change", args=[staff.pk]), {"username": "X"}).status_code == 403


def test_the_preview_says_how_many_users_and_credits_and_gives_nothing(desk, alice, bob):
    page = preview(desk, reverse(USERS), start=everybody(alice, bob))
    assert sum_of(page) == ["2", "10", "20"]
    assert not GrantBatch.objects.exists()
    assert [balance(alice), balance(bob)] == [60, 60]


def test_a_double_click_grants_once(desk, alice, bob, staff):
    form = ask(desk, reverse(USERS), start=everybody(alice, bob))
    answers = [desk.post(reverse(USERS), {**form, "step": "confirm"}, follow=True) for _ in range(2)]
    assert "2 users were granted 10 credits each" in answers[0].content.decode()
    assert "This was done already" in answers[1].content.decode()
    assert [balance(alice), balance(bob), balance(staff)] == [70, 70, 60]
    batch = GrantBatch.objects.get()
    assert (batch.count, batch.made_by) == (2, staff)
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("amount", "people", "told", "again"),
    [
        ("1", 1, "1 user was granted 1 credit.", "1 user got 1 credit, once."),
        ("5", 1, "1 user was granted 5 credits.", "1 user got 5 credits, once."),
        ("1", 2, "2 users were granted 1 credit each.", "2 users got 1 credit each, once."),
        ("5", 2, "2 users were granted 5 credits each.", "2 users got 5 credits each, once."),
    ],
)
def test_says_how_many_got_how_much(desk, alice, bob, amount, people, told, again):
    form = ask(desk, reverse(USERS), start=everybody(*[alice, bob][:people]), amount=amount)
    answers = [desk.post(reverse(USERS), {**form, "step": "confirm"}, follow=True) for _ in range(2)]
    assert told in answers[0].content.decode()
    assert again in answers[1].content.decode()
    assert LogEntry.objects.get().get_change_message() == credits.in_words(GrantBatch.objects.get())


def test_a_new_page_grants_again(desk, alice):
    for _ in range(2):
        desk.post(reverse(USERS), {**ask(desk, reverse(USERS), start=everybody(alice)), "step": "confirm"})
    assert balance(alice) == 80


def test_select_all_grants_to_everybody_who_matches_the_filter(desk, alice, bob, staff):
    url = f"{reverse(USERS)}?is_staff__exact=0"
    desk.post(url, {**ask(desk, url, start=everybody(alice, across=True)), "step": "confirm"})
    assert [balance(alice), balance(bob), balance(staff)] == [70, 70, 60]


def test_a_crowd_that_changed_since_the_preview_is_shown_again(desk, alice, bob, penora):
    url = f"{reverse(USERS)}?is_staff__exact=0"
    form = ask(desk, url, start=everybody(alice, across=True))
    services.join(user_id="eve", username="Eve", email="eve@example.com", app=penora)
    page = desk.post(url, {**form, "step": "confirm"}).content.decode()
    assert "has changed meanwhile" in page
    assert sum_of(page) == ["3", "10", "30"]
    assert not GrantBatch.objects.exists()


def test_one_person_is_granted_credits_that_expire(desk, alice):
    url = reverse("admin:accounts_user_grant", args=[alice.pk])
    at = (timezone.now() + timedelta(days=7)).replace(second=0, microsecond=0)
    form = ask(desk, url, amount="25", expires_at=at.strftime("%Y-%m-%dT%H:%M"))
    assert desk.post(url, {**form, "step": "confirm"}).status_code == 302
    entry = Entry.objects.owned_by(alice).get(amount=25)
    assert (entry.transaction_type, entry.description) == ("bonus", "Sorry")
    assert entry.allocations.get().grant.expires_at == at


@pytest.mark.parametrize(
    "terms",
    [{"amount": "0"}, {"amount": "1000001"}, {"amount": "1.5"}, {"reason": " "}, {"expires_at": "2020-01-01T00:00"}],
)
def test_a_bonus_that_makes_no_sense_is_not_previewed(desk, alice, terms):
    page = preview(desk, reverse("admin:accounts_user_grant", args=[alice.pk]), **terms)
    assert "errorlist" in page
    assert 'id="preview"' not in page


@pytest.mark.parametrize("page", ["grant", "adjust"])
def test_credits_are_not_given_without_the_permission(client, helper, alice, page):
    assert client.get(reverse(f"admin:accounts_user_{page}", args=[alice.pk])).status_code == 403


def test_the_bonus_action_is_not_there_without_the_permission(client, helper, alice):
    page = preview(client, reverse(USERS), start=everybody(alice))
    assert 'id="preview"' not in page
    assert "Grant bonus credits" not in client.get(reverse(USERS)).content.decode()


def test_a_correction_is_made_once_and_logged(desk, alice):
    url = reverse("admin:accounts_user_adjust", args=[alice.pk])
    form = {**hidden(desk.get(url).content.decode()), "amount": "-5", "reason": "Counted twice"}
    assert desk.post(url, form).status_code == 302
    again = desk.post(url, form)
    assert "This wallet has changed since the page was opened" in again.content.decode()
    assert balance(alice) == 55
    assert LogEntry.objects.get().get_change_message() == "Corrected the wallet by -5 credits: Counted twice"


@pytest.mark.parametrize(("amount", "told"), [("-1", "-1 credit"), ("1", "+1 credit"), ("2", "+2 credits")])
def test_says_by_how_much_a_wallet_was_corrected(desk, alice, amount, told):
    url = reverse("admin:accounts_user_adjust", args=[alice.pk])
    form = {**hidden(desk.get(url).content.decode()), "amount": amount, "reason": "Because"}
    assert f"corrected by {told}." in desk.post(url, form, follow=True).content.decode()
    assert LogEntry.objects.get().get_change_message() == f"Corrected the wallet by {told}: Because"


def test_the_last_credit_is_one(desk, alice, penora):
    credits.charge(user=alice, app=penora, amount=59)
    page = desk.get(reverse("admin:accounts_user_adjust", args=[alice.pk])).content.decode()
    assert "1 credit available: balance 1, on hold 0." in page


def test_a_correction_starts_from_the_entry_it_corrects(desk, alice, bob, penora):
    entry = credits.charge(user=alice, app=penora, amount=5)
    other = credits.charge(user=bob, app=penora, amount=5)
    url = f"{reverse('admin:accounts_user_adjust', args=[alice.pk])}?entry_id={entry.pk}"
    assert url in desk.get(reverse("admin:accounts_user_change", args=[alice.pk])).content.decode()
    page = desk.get(url).content.decode()
    assert f'value="{entry.pk}"' in page
    form = {**hidden(page), "amount": "3", "reason": "Too dear"}
    assert "This wallet has no such entry." in desk.post(url, {**form, "entry_id": other.pk}).content.decode()
    assert desk.post(url, {**form, "entry_id": entry.pk}).status_code == 302
    assert Entry.objects.get(transaction_type="adjustment").related == entry


def test_a_bonus_with_a_priority_is_previewed_and_granted_with_it(desk, alice):
    url = reverse("admin:accounts_user_grant", args=[alice.pk])
    desk.post(url, {**ask(desk, url, amount="25", priority="3"), "step": "confirm"})
    assert Entry.objects.owned_by(alice).get(amount=25).allocations.get().grant.priority == 3


@pytest.mark.parametrize(("amount", "why"), [("-61", "60 are available"), ("0", "nothing"), ("x", "whole number")])
def test_a_correction_that_cannot_be_is_refused_with_the_reason(desk, alice, amount, why):
    url = reverse("admin:accounts_user_adjust", args=[alice.pk])
    form = {**hidden(desk.get(url).content.decode()), "amount": amount, "reason": "Because"}
    assert why in desk.post(url, form).content.decode()
    assert balance(alice) == 60


def test_a_limit_is_raised_and_may_be_put_below_what_is_used(desk, alice, penora):
    save(alice, penora, 5000)
    url = reverse("admin:workspace_workspace_change", args=[alice.pk])
    state = Workspace.objects.values_list("used_bytes", "limit_bytes", "excess_bytes")
    assert desk.post(url, {"limit_bytes": "2000000"}).status_code == 302
    assert state.get() == (5000, 2_000_000, 0)
    assert "3,000 bytes over full" in desk.post(url, {"limit_bytes": "2000"}, follow=True).content.decode()
    assert state.get() == (5000, 2000, 3000)
    one = desk.post(url, {"limit_bytes": "4999"}, follow=True).content.decode()
    assert "1 byte over full. Nothing is lost; nothing new fits until it is freed." in one


@pytest.mark.parametrize("limit", ["-1", "x", "", "9" * 30])
def test_a_limit_that_is_no_number_of_bytes_changes_nothing(desk, alice, penora, limit):
    save(alice, penora, 5000)
    url = reverse("admin:workspace_workspace_change", args=[alice.pk])
    assert desk.post(url, {"limit_bytes": limit}).status_code == 200
    assert Workspace.objects.get().limit_bytes == 1_048_576


def test_staff_read_a_byte_statement_and_change_nothing_in_it(desk, alice, penora):
    made = save(alice, penora, 5000).project
    url = reverse("admin:workspace_storageentry_changelist")
    assert "5000" in desk.get(url, {"q": made.code}).content.decode().replace(",", "")
    entry = StorageEntry.objects.get()
    change = reverse("admin:workspace_storageentry_change", args=[entry.pk])
    assert desk.get(change).status_code == 200
    assert desk.post(change, {"delta_bytes": 1}).status_code == 403
    desk.post(url, {"action": "delete_selected", "_selected_action": [entry.pk], "post": "yes"})
    assert StorageEntry.objects.get().delta_bytes == 5000


def test_staff_do_not_read_what_people_wrote(desk, alice, penora):
    prepared = content.prepare_text("My secret diary", "none")
    project = save(alice, penora, prepared=prepared, metadata={"prompt": "secret wish"}).project
    url = reverse("admin:workspace_project_change", args=[project.pk])
    page = desk.get(url).content.decode()
    assert project.code in page
    assert "secret" not in page
    assert desk.post(url, {"title": "Mine"}).status_code == 403
    assert desk.post(reverse("admin:workspace_project_delete", args=[project.pk]), {"post": "yes"}).status_code == 403
