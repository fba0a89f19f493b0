"""The wall in the database holds where a query forgets its filter: nothing leaks, nothing is written across."""

import io
import zipfile

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.db.models import F, QuerySet
from django.test import Client

from accounts import services as accounts
from accounts import walls
from accounts.auditing import snapshot
from accounts.closing import is_forgotten
from accounts.models import Event, Mail, User
from accounts.tests.cast import client_of
from accounts.tests.sign_in_cast import claimed, confirm, sign_in
from credits import services as credits
from credits.models import Allocation, Entry, Grant, Hold, HoldAllocation, Wallet
from workspace.models import Content, LooseObject, Project, ProjectVersion, SearchEntry, StorageEntry, Workspace

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="row-level security is PostgreSQL's"),
    pytest.mark.django_db,
]

# Rows that are nobody's, or that must be read before it is known who asks.
OPEN = {
    "User": "looked up to find out who asks",
    "ClientApp": "not a person's",
    "AppLogo": "not a person's",
    "ApiKey": "an app's; read to find out who asks",
    "Connection": "read to find out whom an app may reach",
    "Feed": "one row for all",
    "IdempotencyRecord": "an app's; every query names the app",
    "ChargeKey": "an app's, whoever is charged; every query names the app",
    "LoginLink": "read to find out who asks",
    "GrantBatch": "staff's",
    "Price": "not a person's",
    "Package": "not a person's",
    "IssuedCode": "codes without owners",
    "Client": "an app's registration",
    "Token": "looked up by its hash to find out who asks",
    "SigningKey": "not a person's; sealed",
    "WebhookEndpoint": "an app's",
    "ClosedAccount": "digests of user_ids; read before it is known who asks",
    "AuditEntry": "staff's",
    "AuditHead": "one row for all",
    "ClosedAddress": "keyed digests of addresses; read before it is known whose",
    "ImportedRow": "the importing command's",
    "EmailAddress": "read to find out who signs in, and whether an address is anybody's",
    "EmailConfirmation": "of links that are not sent: codes are",
    "Authenticator": "a passkey is looked up to find out who signs in",
    "UserSession": "written while somebody signs in",
    "Session": "read to find out who asks",
}


@pytest.fixture
def walled():
    """This test's connection as a role that row-level security holds, whoever the tests connect as."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if cursor.fetchone()[0]:
            cursor.execute("CREATE ROLE unified_walled")
            for what in ("TABLES", "SEQUENCES"):
                cursor.execute(f"GRANT ALL ON ALL {what} IN SCHEMA public TO unified_walled")
            cursor.execute("SET LOCAL ROLE unified_walled")
    yield
    walls.lift()


def behind(*people):
    """What a request for these people sees."""
    walls._change(walls.View())
    walls.let_in(*people)


@pytest.fixture
def belongings(alice, bob, penora, penora_api, walled):
    """Alice and Bob each with an entry, a hold and a project of everything."""
    for name in ("alice", "bob"):
        body = {
            "user_id": name,
            "app_source": "penora",
            "project_type": "text",
            "title": f"{name}'s page",
            "content": f"the secret of {name}",
            "charge": {"amount": 2},
        }
        made = penora_api.post("/api/unified/save-project", body, format="json").json()
        changed = {"user_id": name, "content": f"the other secret of {name}"}
        path = f"/api/unified/project/{made['project_code']}"
        assert penora_api.patch(path, changed, format="json").status_code == 200
    for person in (alice, bob):
        credits.hold(user=person, app=penora, amount=3)
        Mail.objects.create(user=person, template="credits/low")
        LooseObject.objects.create(name=f"{person.pk}/object")


MODELS = (
    Wallet,
    Grant,
    Entry,
    Allocation,
    Hold,
    HoldAllocation,
    Workspace,
    Project,
    Content,
    ProjectVersion,
    SearchEntry,
    StorageEntry,
    LooseObject,
    Event,
    Mail,
)


@pytest.mark.parametrize("model", MODELS)
def test_without_any_filter_a_request_sees_its_own_rows_only(belongings, alice, bob, model):
    behind(alice, bob)
    both = model.objects.count()
    behind(alice)
    alices = set(model.objects.values_list("pk", flat=True))
    behind(bob)
    bobs = set(model.objects.values_list("pk", flat=True))
    assert alices
    assert bobs
    assert not alices & bobs
    assert len(alices) + len(bobs) == both
    behind()
    assert not model.objects.exists()


def test_outside_any_setting_there_are_no_rows(belongings):
    with connection.connection.cursor() as cursor:
        cursor.execute("SELECT set_config('unified.everyone', '', false), set_config('unified.people', '', false)")
        cursor.execute("SELECT count(*) FROM credits_wallet")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("model", [Project, Workspace, Wallet, Hold])
def test_a_change_of_every_row_changes_ones_own(belongings, alice, model):
    behind(alice)
    own = model.objects.count()
    key = model._meta.pk.attname
    assert model.objects.update(**{key: F(key)}) == own == 1


def test_nothing_of_anothers_is_deleted(belongings, alice, bob):
    behind(alice)
    Mail.objects.all().delete()
    behind(bob)
    assert Mail.objects.count() == 1


def test_nothing_is_written_into_anothers_account(belongings, alice, bob):
    behind(alice)
    for write in (
        lambda: Event.objects.create(user=bob, type="forged"),
        lambda: Grant.objects.create(wallet_id=bob.pk, source="bonus", rank=0, amount=5, remaining=5),
        lambda: Project.objects.filter(user=alice).update(user=bob),
    ):
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            write()


def test_every_model_is_behind_the_wall_or_says_why_not():
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_policies WHERE policyname = 'wall'")
        policed = {row[0] for row in cursor.fetchall()}
        cursor.execute("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")
        forced = {row[0] for row in cursor.fetchall()}
    labels = ("accounts", "credits", "workspace", "allauth_idp_oidc", "account", "mfa", "usersessions", "sessions")
    models = [model for label in labels for model in apps.get_app_config(label).get_models()]
    unwalled = {model.__name__ for model in models if model._meta.db_table not in policed & forced}
    assert unwalled == set(OPEN)


# The application's own filters, removed.

READS = ("user-info", "projects", "transactions", "storage-stats", "events?after=0")


@pytest.fixture
def unfiltered(monkeypatch):
    """Every scoped query forgets its owner."""
    for queryset in {type(model.objects.all()) for model in (Entry, Project, Event)}:
        monkeypatch.setattr(queryset, "owned_by", lambda self, user: self)
    monkeypatch.setattr(type(Event.objects.all()), "shown_to", lambda self, app: self)


@pytest.mark.parametrize("path", READS)
def test_a_person_in_a_browser_sees_nothing_of_others_without_the_filters(belongings, unfiltered, alice, path):
    browser = Client()
    browser.force_login(alice)
    said = browser.get(f"/api/unified/{path}").content.decode()
    assert "bob" not in said.lower()


@pytest.mark.parametrize("page", ["/", "/projects/", "/storage/", "/credits/", "/account/"])
def test_a_page_shows_nothing_of_others_without_the_filters(belongings, unfiltered, alice, page):
    browser = Client()
    browser.force_login(alice)
    answer = browser.get(page)
    assert answer.status_code == 200
    assert "bob" not in answer.content.decode().lower()


@pytest.mark.parametrize("path", ["/account/export", "/projects/download"])
def test_a_download_holds_nothing_of_others_without_the_filters(belongings, unfiltered, alice, bob, path):
    codes = list(Project.objects.values_list("code", flat=True))
    browser = Client()
    browser.force_login(alice)
    made = zipfile.ZipFile(io.BytesIO(b"".join(browser.post(path, {"code": codes}).streaming_content)))
    said = b"".join(made.read(name) for name in made.namelist()).lower()
    assert b"the other secret of alice" in said
    assert b"bob" not in said


@pytest.mark.parametrize("path", [*READS[:-1], "projects?q=secret"])
def test_an_app_sees_nothing_of_others_without_the_filters(belongings, unfiltered, penora_api, path):
    said = penora_api.get(f"/api/unified/{path}", {"user_id": "alice"} | ({"q": "secret"} if "?" in path else {}))
    assert "bob" not in said.content.decode().lower()


def test_anothers_project_is_not_found_without_the_filters(belongings, unfiltered, alice, bob, penora_api):
    behind(bob)
    code = Project.objects.get().code
    walls.lift()
    for method in ("get", "delete"):
        answer = getattr(penora_api, method)(f"/api/unified/project/{code}?user_id=alice")
        assert (answer.status_code, answer.json()["code"]) == (404, "project_not_found")
    assert Project.objects.get(code=code).trashed_at is None


def test_an_app_reads_the_events_of_its_connected_people_only(belongings, unfiltered, stranger_app, alice, client):
    accounts.connect(user=alice, app=stranger_app)
    stranger = client_of(accounts.create_api_key(app=stranger_app)[1])
    results = stranger.get("/api/unified/events?after=0").json()["results"]
    assert {event["user_id"] for event in results} == {"alice"}


def test_a_person_closes_their_own_account_from_behind_the_wall(belongings, alice, bob):
    browser = Client()
    claimed(alice)
    sign_in(browser, alice)
    confirm(browser)
    assert browser.post("/account/close", {"email": alice.email})["Location"] == "/account/closed"
    walls.lift()
    alice.refresh_from_db()
    assert is_forgotten(alice)
    assert not Project.objects.filter(user=alice).exists()
    assert not Mail.objects.filter(user=alice).exists()
    assert Project.objects.filter(user=bob).count() == 1
    assert Mail.objects.filter(user=bob).count() == 1


def test_staff_in_the_admin_see_everybody_and_elsewhere_themselves(belongings, unfiltered, staff):
    desk = Client()
    desk.force_login(staff)
    assert desk.get("/admin/workspace/project/").content.decode().count("s page") >= 2
    assert desk.get("/api/unified/projects").json()["total_projects"] == 0


def test_a_view_outlives_a_rollback(belongings, alice, bob):
    behind(alice)
    with transaction.atomic():
        walls.let_in(bob)
        assert Wallet.objects.count() == 2
        transaction.set_rollback(True)
    assert Wallet.objects.count() == 2
    behind(alice)
    assert Wallet.objects.count() == 1


def test_after_a_request_the_wall_is_lifted(belongings, alice):
    browser = Client()
    browser.force_login(alice)
    browser.get("/")
    assert Wallet.objects.count() == 2


def test_querysets_were_unfiltered(unfiltered, alice):
    assert isinstance(Entry.objects.owned_by(alice), QuerySet)
    assert "WHERE" not in str(Entry.objects.owned_by(alice).query)


@pytest.mark.django_db(transaction=True)
def test_a_snapshot_begins_after_a_view_that_changed_inside_a_transaction(alice):
    with transaction.atomic():
        walls.let_in(alice)
        User.objects.first()
    with snapshot(), connection.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        assert cursor.fetchone() == ("repeatable read",)
