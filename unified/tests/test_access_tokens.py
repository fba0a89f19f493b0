"""What a person's access token opens on the API: their own things, as the app that they signed in to, and no more."""

import pytest
from allauth.idp.oidc.models import Token
from rest_framework.test import APIClient

from accounts import services
from accounts.models import IdempotencyRecord
from accounts.tests.cast import client_of
from accounts.tests.party import Party
from credits import services as credits
from workspace import services as workspace
from workspace.models import Project

API = "/api/unified/"
READS = ("user-info", "projects", "transactions", "storage-stats", "storage-statement", "cleanup", "events", "prices")


@pytest.fixture
def party(stranger_app):
    return Party(stranger_app)


@pytest.fixture
def token(party, alice):
    return client_of(party.tokens(alice)["access_token"])


def of(person, party, **changes):
    return client_of(party.tokens(person, **changes)["access_token"])


def save(caller, app, **more):
    body = {"app_source": app, "project_type": "text", "title": "A page", "content": "Words.", **more}
    return caller.post(f"{API}save-project", body, format="json")


def is_problem(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    return True


@pytest.mark.parametrize("path", READS)
def test_a_token_reads_its_own_persons_things_and_nobody_elses(token, alice, bob, path):
    assert token.get(API + path).status_code == 200
    if path == "prices":
        return
    assert token.get(API + path, {"user_id": "alice"}).status_code == 200
    for stranger in ("bob", "nobody"):
        assert is_problem(token.get(API + path, {"user_id": stranger}), 404, "user_not_found")


def test_a_token_saves_and_pays_as_its_app_for_its_person(token, alice):
    answer = save(token, "stranger", charge={"amount": 2})
    assert (answer.status_code, answer.json()["user_id"], answer.json()["app_source"]) == (201, "alice", "stranger")
    spent = token.get(f"{API}transactions").json()["results"][0]
    assert (spent["amount"], spent["app_name"]) == (-2, "stranger")
    charged = token.post(f"{API}deduct-credits", {"amount": 1, "app_name": "stranger"}, format="json")
    assert charged.json()["credits"] == 57


def test_a_hold_is_made_and_settled_with_a_token(token, alice):
    hold = token.post(f"{API}holds", {"amount": 5, "app_name": "stranger"}, format="json").json()
    captured = token.post(f"{API}hold/{hold['hold_id']}/capture", {"amount": 3}, format="json")
    assert (captured.status_code, captured.json()["credits"]) == (200, 57)


def test_a_form_is_about_the_tokens_person(token, alice):
    fields = {"app_source": "stranger", "project_type": "text", "title": "A page", "content": "Words."}
    answer = token.post(f"{API}save-project", fields, format="multipart")
    assert (answer.status_code, answer.json()["user_id"]) == (201, "alice")


def test_a_token_does_nothing_to_another(token, bob, penora_api, stored):
    code = save(penora_api, "penora", user_id="bob").json()["project_code"]
    before = stored()
    for method, path, body in (
        ("post", "deduct-credits", {"user_id": "bob", "amount": 1, "app_name": "stranger"}),
        ("post", "holds", {"user_id": "bob", "amount": 1, "app_name": "stranger"}),
        ("post", "estimate", {"user_id": "bob", "operation": "premium_feature", "quantity": 1}),
        ("post", "projects/delete", {"user_id": "bob", "project_codes": [code]}),
        ("patch", f"project/{code}", {"user_id": "bob", "title": "Mine"}),
        ("delete", f"project/{code}?user_id=bob", None),
    ):
        answer = getattr(token, method)(API + path, body, format="json")
        assert is_problem(answer, 404, "user_not_found"), path
    for method, path in (("get", f"project/{code}"), ("get", f"project/{code}/content"), ("delete", f"project/{code}")):
        assert is_problem(getattr(token, method)(API + path), 404, "project_not_found")
    assert is_problem(save(token, "stranger", user_id="bob"), 404, "user_not_found")
    assert stored() == before


def test_a_token_reads_all_of_its_persons_projects_and_changes_those_of_its_app(token, alice, penora_api):
    theirs = save(penora_api, "penora", user_id="alice").json()["project_code"]
    own = save(token, "stranger", content="Other words.").json()["project_code"]
    assert token.get(f"{API}projects").json()["total_projects"] == 2
    assert token.get(f"{API}project/{theirs}").json()["content"] == "Words."
    assert is_problem(token.patch(f"{API}project/{theirs}", {"title": "Mine"}, format="json"), 403, "app_mismatch")
    assert is_problem(token.delete(f"{API}project/{theirs}"), 403, "app_mismatch")
    assert is_problem(save(token, "penora"), 403, "app_mismatch")
    assert token.patch(f"{API}project/{own}", {"title": "Renamed"}, format="json").status_code == 200
    assert Project.objects.get(code=theirs).title == "A page"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("create-user", {"user_id": "alice", "username": "A", "email": "a@example.com"}),
        ("login-link", {"user_id": "alice"}),
        ("give-bonus-credits", {"user_id": "alice", "amount": 5, "reason": "me"}),
        ("transaction/txn_1/refund", {"user_id": "alice"}),
    ],
)
def test_what_apps_do_for_many_no_token_does(token, path, body, stored):
    before = stored()
    assert is_problem(token.post(API + path, body, format="json"), 403, "missing_scope")
    assert stored() == before


def test_a_batch_which_is_for_many_takes_no_token(token, bob, party, stored):
    services.connect(user=bob, app=party.app)
    before = stored()
    body = {"app_name": "stranger", "charges": [{"key": "k", "user_id": "bob", "amount": 1}]}
    assert is_problem(token.post(f"{API}deduct-credits/batch", body, format="json"), 403, "apps_only")
    assert stored() == before


@pytest.mark.parametrize(
    ("scope", "path"),
    [("credits:read", "user-info"), ("workspace:read", "projects"), ("events:read", "events")],
)
def test_a_token_does_only_what_its_scopes_say(party, alice, scope, path):
    alone = of(alice, party, scope=f"openid {scope}")
    assert alone.get(API + path).status_code == 200
    for other in {"user-info", "projects", "events"} - {path}:
        answer = alone.get(API + other)
        assert is_problem(answer, 403, "missing_scope")
        assert "token" in answer.json()["detail"]


def test_saving_with_a_charge_needs_the_scope_to_charge(party, alice, stored):
    writer = of(alice, party, scope="openid workspace:write")
    before = stored()
    assert is_problem(save(writer, "stranger", charge={"amount": 1}), 403, "missing_scope")
    assert stored() == before
    assert save(writer, "stranger").status_code == 201


@pytest.mark.parametrize(
    "spoil",
    [str.upper, lambda text: text[:-1], lambda text: f"{text}0", lambda text: text[4:], lambda text: f"unk_{text}"],
    ids=["upper case", "cut short", "longer", "no prefix", "as a key"],
)
def test_only_the_whole_token_opens_the_door(party, alice, spoil):
    plaintext = party.tokens(alice)["access_token"]
    answer = client_of(spoil(plaintext)).get(f"{API}user-info")
    assert is_problem(answer, 401, "invalid_key")
    assert answer["WWW-Authenticate"] == 'Bearer realm="unified", error="invalid_token"'
    assert plaintext not in answer.content.decode()


@pytest.mark.parametrize("kind", ["refresh_token", "id_token"])
def test_no_other_token_opens_the_api(party, alice, kind):
    assert client_of(party.tokens(alice)[kind]).get(f"{API}user-info").status_code == 401


def test_a_token_in_the_address_opens_nothing(party, alice):
    plaintext = party.tokens(alice)["access_token"]
    assert APIClient().get(f"{API}user-info?access_token={plaintext}").status_code == 401


def test_two_people_may_send_the_same_bytes_with_the_same_key(party, alice, bob):
    body = {"amount": 1, "app_name": "stranger"}
    for person, status in ((alice, 200), (bob, 422), (alice, 200)):
        answer = of(person, party).post(f"{API}deduct-credits", body, format="json", headers={"Idempotency-Key": "k"})
        assert answer.status_code == status
    assert credits.wallet_of(user=alice).available == 59
    assert credits.wallet_of(user=bob).available == 60
    assert IdempotencyRecord.objects.get().user_id == "alice"


def test_the_daily_cap_holds_for_tokens(token, alice, party):
    services.set_daily_cap(user=alice, app=party.app, credits=1)
    body = {"amount": 1, "app_name": "stranger"}
    assert token.post(f"{API}deduct-credits", body, format="json").status_code == 200
    assert is_problem(token.post(f"{API}deduct-credits", body, format="json"), 429, "spending_cap_reached")


def test_calls_with_a_token_are_counted_once_as_the_persons(token, alice):
    for path in ("user-info", "prices"):
        assert token.get(API + path)["RateLimit-Policy"].count('"user"') == 1


def test_closing_the_account_ends_its_tokens_at_the_next_call(token, party, alice, bob):
    refresh = party.tokens(alice)["refresh_token"]
    others = of(bob, party)
    workspace.close_account(user=alice)
    assert is_problem(token.get(f"{API}user-info"), 401, "invalid_key")
    assert party.refresh(refresh).status_code == 400
    assert not Token.objects.exclude(user=bob).exists()
    assert others.get(f"{API}user-info").status_code == 200


def test_a_disconnected_app_is_out_with_its_key_and_its_tokens(token, alice, party):
    key = client_of(services.create_api_key(app=party.app)[1])
    assert key.get(f"{API}user-info", {"user_id": "alice"}).status_code == 200
    services.disconnect(user=alice, app=party.app)
    assert token.get(f"{API}user-info").status_code == 401
    assert key.get(f"{API}user-info", {"user_id": "alice"}).status_code == 403


def test_the_reference_says_how_to_sign_in(client, settings):
    document = client.get("/api/schema", headers={"accept": "application/json"}).json()
    scheme = document["components"]["securitySchemes"]["signInWithUnified"]
    assert scheme["type"] == "openIdConnect"
    assert scheme["openIdConnectUrl"] == f"{settings.PUBLIC_URL}/.well-known/openid-configuration"
    security = document["paths"]["/api/unified/user-info"]["get"]["security"]
    assert {"signInWithUnified": ["credits:read"]} in security
    assert not any(
        "signInWithUnified" in way for way in document["paths"]["/api/unified/create-user"]["post"]["security"]
    )
