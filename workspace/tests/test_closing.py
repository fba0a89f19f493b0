"""A closed account: nothing of the person is left but books without a name, and nobody reaches them any more."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from accounts import login_links
from accounts import services as accounts
from accounts.closing import StaffAccount
from accounts.errors import AccountClosed, UserNotFound
from accounts.models import ClosedAccount, Connection, Event, IdempotencyRecord, Mail, User
from credits import auditing as ledger_audit
from credits import services as credits
from credits.models import Entry, Grant, Hold, Wallet
from workspace import auditing as storage_audit
from workspace import content, services
from workspace.models import ImportedRow, Project, Workspace

API = "/api/unified"
# What must not be found anywhere afterwards.
SECRETS = ("zz-zenobia", "Zenobia", "zenobia@example.com", "Dear diary", "secret words", "Quarrel", "A chapter", "Oops")


def send(api, path, key="", **body):
    headers = {"Idempotency-Key": key} if key else {}
    answer = api.post(f"{API}/{path}", {"user_id": "zz-zenobia", **body}, format="json", headers=headers)
    assert answer.status_code in {200, 201}, answer.content
    return answer.json()


@pytest.fixture
def zenobia(penora_api, imagegene_api, alice):
    """A person with a past of every kind, told of over HTTP with keys, so that the answers are kept."""
    send(penora_api, "create-user", "signup", username="Zenobia", email="zenobia@example.com")
    user = User.objects.get(user_id="zz-zenobia")
    text = {"app_source": "penora", "project_type": "text", "title": "Dear diary", "content": "secret words " * 90}
    saved = send(penora_api, "save-project", "diary", **text, charge={"amount": 2}, metadata={"mood": "Quarrel"})
    body = {"app_name": "penora", "amount": 5, "description": "A chapter"}
    paid = send(penora_api, "deduct-credits", "chapter", **body)["transaction_id"]
    send(penora_api, f"transaction/{paid}/refund", "back", amount=2, reason="Oops")
    send(penora_api, "holds", "hold", **body, storage_bytes=500)
    bonus = {"user_ids": ["alice", "zz-zenobia"], "amount": 3, "reason": "Party"}
    penora_api.post(f"{API}/give-bonus-credits", bonus, format="json", headers={"Idempotency-Key": "party"})
    credits.grant(user=user, amount=4, reason="Weekend", expires_at=timezone.now() + timedelta(days=2))
    services.trash(user=user, app=None, project_code=saved["project_code"])
    send(imagegene_api, "login-link", "door")
    Mail.objects.create(user=user, template="credits/low_balance", data={})
    EmailAddress.objects.create(user=user, email="zenobia@example.com", verified=True)
    ImportedRow.objects.create(name="user zz-zenobia")
    ImportedRow.objects.create(name="project ABC234 of zz-zenobia")
    return user


def everything():
    """Every value of every row of the product, as text, after the name of its table."""
    labels = ("accounts", "credits", "workspace", "admin", "account", "sessions")
    rows = [
        (model.__name__, *row)
        for label in labels
        for model in apps.get_app_config(label).get_models()
        for row in model._default_manager.values_list()
    ]
    return "\n".join(
        value.decode("utf-8", "replace") if isinstance(value, bytes | memoryview) else str(value)
        for row in rows
        for value in (bytes(cell) if isinstance(cell, memoryview) else cell for cell in row)
    )


def books_are_right():
    faults = [*map(str, ledger_audit.audit(ledger_audit.Tally())), *storage_audit.audit(storage_audit.Tally())]
    assert faults == []
    return True


def test_nothing_that_names_the_person_or_their_work_is_left(zenobia):
    before = everything()
    assert [secret for secret in SECRETS if secret not in before] == []
    services.close_account(user=zenobia)
    after = everything()
    assert [secret for secret in SECRETS if secret in after] == []
    assert not Project.objects.exists()
    assert not Event.objects.filter(user=zenobia).exists()
    assert not Connection.objects.filter(user=zenobia).exists()


def test_the_books_stay_and_add_up(zenobia):
    version = credits.wallet_of(user=zenobia).version
    services.close_account(user=zenobia)
    wallet, workspace = Wallet.objects.get(pk=zenobia.pk), Workspace.objects.get(pk=zenobia.pk)
    assert (wallet.balance, wallet.held, wallet.version) == (0, 0, version + 1)
    assert sum(Entry.objects.owned_by(zenobia).values_list("amount", flat=True)) == 0
    assert not Grant.objects.filter(wallet=wallet, remaining__gt=0).exists()
    assert Hold.objects.get(wallet=wallet).status == "released"
    assert workspace.used_bytes == 0
    assert books_are_right()


def test_nothing_happens_to_the_wallet_later_on(zenobia, clock, stored):
    services.close_account(user=zenobia)
    clock.forward(days=60)
    before = stored()
    assert credits.settle_due() == 0
    assert stored() == before


def test_a_changed_word_of_an_erased_entry_is_still_found(zenobia):
    services.close_account(user=zenobia)
    entry = Entry.objects.owned_by(zenobia).order_by("version")[2]
    assert Entry.objects.filter(pk=entry.pk).update(description=f"erased:{'0' * 64}") == 1
    faults = [str(fault) for fault in ledger_audit.audit(ledger_audit.Tally())]
    assert [entry.id in fault and "hash" in fault for fault in faults] == [True]


@pytest.mark.parametrize("path", ["user-info", "transactions", "projects", "storage-stats"])
def test_apps_find_nobody_under_the_user_id(zenobia, penora_api, path):
    closed = services.close_account(user=zenobia)
    for user_id in ("zz-zenobia", closed.user_id):
        answer = penora_api.get(f"{API}/{path}", {"user_id": user_id})
        assert (answer.status_code, answer.json()["code"]) == (404, "user_not_found")


def test_the_user_id_is_never_given_again(zenobia, penora_api, stored):
    services.close_account(user=zenobia)
    before = stored()
    body = {"user_id": "zz-zenobia", "username": "Z", "email": "z@example.com"}
    answer = penora_api.post(f"{API}/create-user", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "account_closed")
    with pytest.raises(AccountClosed):
        User.objects.create_user("z@example.com", user_id="zz-zenobia")
    assert stored() == before


def test_the_email_address_is_free_for_a_new_person_without_sign_up_credits(zenobia, penora_api):
    services.close_account(user=zenobia)
    body = {"user_id": "new", "username": "Z", "email": "zenobia@example.com"}
    assert penora_api.post(f"{API}/create-user", body, format="json").json()["credits"] == 0


def test_a_duplicate_of_an_old_request_does_nothing_and_tells_nothing(zenobia, penora_api, stored):
    services.close_account(user=zenobia)
    before = stored()
    body = {"user_id": "zz-zenobia", "username": "Zenobia", "email": "zenobia@example.com"}
    answer = penora_api.post(f"{API}/create-user", body, format="json", headers={"Idempotency-Key": "signup"})
    assert (answer.status_code, answer.json()["code"]) == (410, "idempotency_answer_gone")
    bonus = {"user_ids": ["alice", "zz-zenobia"], "amount": 3, "reason": "Party"}
    again = penora_api.post(f"{API}/give-bonus-credits", bonus, format="json", headers={"Idempotency-Key": "party"})
    assert again.status_code == 404
    assert stored() == before
    assert IdempotencyRecord.objects.exclude(content_type="").count() == 0


def test_answers_about_other_people_are_kept(zenobia, alice, penora_api):
    body = {"user_id": "alice", "app_name": "penora", "amount": 1}
    first = penora_api.post(f"{API}/deduct-credits", body, format="json", headers={"Idempotency-Key": "alices"})
    services.close_account(user=zenobia)
    again = penora_api.post(f"{API}/deduct-credits", body, format="json", headers={"Idempotency-Key": "alices"})
    assert (again.content, again["Idempotency-Replayed"]) == (first.content, "true")


def test_an_open_session_is_over_at_the_next_click(zenobia, client):
    zenobia.set_password("correct horse")
    zenobia.save()
    client.force_login(zenobia)
    assert client.get("/credits/").status_code == 200
    services.close_account(user=zenobia)
    assert client.get("/credits/").status_code == 302
    assert client.get(f"{API}/user-info").status_code == 401
    assert not client.login(username="zenobia@example.com", password="correct horse")


def test_a_login_link_asked_for_before_opens_nothing_afterwards(zenobia, penora):
    _, url = login_links.issue(user=zenobia, app=penora)
    services.close_account(user=zenobia)
    assert login_links.redeem(token=url.rsplit("/", 1)[-1]) is None


@pytest.mark.parametrize(
    "act",
    [
        lambda user, app: credits.charge(user=user, app=app, amount=1),
        lambda user, app: credits.grant(user=user, amount=1, reason="Late"),
        lambda user, app: credits.adjust(user=user, amount=1, reason="Late"),
        lambda user, app: services.hold(user=user, app=app, amount=1),
        lambda user, app: services.save_project(
            user=user, app=app, project_type="text", title="Late", prepared=content.prepare_text("Late", "none")
        ),
        lambda user, app: services.close_account(user=user),
    ],
    ids=["charge", "grant", "adjust", "hold", "save", "close"],
)
def test_whoever_found_the_person_before_is_refused_afterwards(zenobia, penora, stored, act):
    found = User.objects.get(pk=zenobia.pk)
    services.close_account(user=zenobia)
    before = stored()
    with pytest.raises(UserNotFound):
        act(found, penora)
    assert stored() == before


def test_a_person_who_never_came_can_leave_as_well(bob):
    services.close_account(user=bob)
    assert (Wallet.objects.get(pk=bob.pk).balance, Workspace.objects.filter(pk=bob.pk).count()) == (0, 0)
    assert books_are_right()


def test_staff_are_not_forgotten(staff, stored):
    before = stored()
    with pytest.raises(StaffAccount):
        services.close_account(user=staff)
    assert stored() == before


def test_an_import_does_not_bring_the_person_back(zenobia):
    services.close_account(user=zenobia)
    assert ClosedAccount.objects.named("zz-zenobia").exists()
    assert not ImportedRow.objects.exists()


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
def test_a_racing_create_user_and_close_leave_one_truth(zenobia, penora, race):
    def act(number):
        if number % 2:
            return services.close_account(user=zenobia)
        return accounts.register(user_id="zz-zenobia", username="Z", email="zenobia@example.com", app=penora)

    results = race(act, times=8)
    assert sum(isinstance(result, User) for result in results) == 1
    assert {type(result) for result in results} <= {User, tuple, AccountClosed, UserNotFound}
    assert not User.objects.filter(user_id="zz-zenobia").exists()
    assert "Zenobia" not in everything()
    assert books_are_right()


def test_staff_close_an_account_with_its_user_id_and_a_reason(zenobia, staff, client):
    client.force_login(staff)
    page = reverse("admin:accounts_user_change", args=[zenobia.pk])
    client.post(page, {"username": "Zenobia", "is_active": "on"})
    url = reverse("admin:accounts_user_close", args=[zenobia.pk])
    assert url in client.get(page).content.decode()
    for form in ({"user_id": "zz-zenobia"}, {"user_id": "alice", "reason": "Asked for it"}):
        assert "errorlist" in client.post(url, form).content.decode()
    assert Project.objects.exists()
    answer = client.post(url, {"user_id": "zz-zenobia", "reason": "Asked for it"}, follow=True)
    assert "The account is closed" in answer.content.decode()
    assert url not in answer.content.decode()
    assert LogEntry.objects.first().get_change_message() == "Closed the account: Asked for it"
    assert [secret for secret in SECRETS if secret in everything()] == []


def test_an_account_is_not_closed_without_the_permission(zenobia, client):
    helper = User.objects.create_user("helper@example.com", password="x", is_staff=True)
    helper.user_permissions.add(Permission.objects.get(codename="view_user"))
    client.force_login(helper)
    page, url = (reverse(f"admin:accounts_user_{name}", args=[zenobia.pk]) for name in ("change", "close"))
    assert url not in client.get(page).content.decode()
    assert client.post(url, {"user_id": "zz-zenobia", "reason": "Why not"}).status_code == 403
    assert Project.objects.exists()
