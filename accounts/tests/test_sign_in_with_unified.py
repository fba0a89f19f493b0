"""Sign in with Unified: the way through, and every way round it."""

import re
import time

import jwt
import pytest
from allauth.account.models import EmailAddress
from allauth.idp.oidc.models import Client as Registration
from allauth.idp.oidc.models import Token
from django.core.cache import cache
from django.test import Client

from accounts import access_tokens, consents, services
from accounts.models import ClientApp, Connection, SigningKey, User
from accounts.oidc import clients, keys
from accounts.tests.cast import client_of
from accounts.tests.party import CALLBACK, EVERYTHING, FORM, VERIFIER, Party, parameters

INFO = "/api/unified/user-info"


@pytest.fixture
def party(stranger_app):
    return Party(stranger_app)


@pytest.fixture
def other_party(imagegene):
    return Party(imagegene)


@pytest.fixture
def browser(alice):
    made = Client(raise_request_exception=False)
    made.force_login(alice)
    return made


def claims_of(id_token, party, client):
    key = jwt.PyJWKSet.from_dict(client.get("/oauth/jwks.json").json()).keys[0]
    return jwt.decode(id_token, key, algorithms=["RS256"], audience=party.app.slug)


def refused(answer, status, error):
    assert (answer.status_code, answer.json().get("error")) == (status, error), answer.content
    assert answer["Cache-Control"] == "no-store"
    return True


# The way through.


def test_discovery_names_our_own_address_whatever_host_was_asked(client, db, settings):
    settings.ALLOWED_HOSTS = ["*"]
    found = client.get("/.well-known/openid-configuration", headers={"host": "evil.example"}).json()
    assert found["issuer"] == settings.PUBLIC_URL
    endpoints = [found[name] for name in found if name.endswith(("_endpoint", "_uri"))]
    assert len(endpoints) == 5
    assert all(url.startswith(f"{settings.PUBLIC_URL}/") for url in endpoints)
    assert (found["response_types_supported"], found["code_challenge_methods_supported"]) == (["code"], ["S256"])


def test_a_person_signs_in_to_an_app(party, alice, browser, client, settings):
    page = browser.get(party.request())
    said = page.content.decode()
    assert page.status_code == 200
    assert "Stranger will be allowed to" in said
    assert "Spend your credits" in said
    assert "app.example" in said
    assert page["Cache-Control"] == "no-store"
    back = party.back(browser)
    assert (back["state"], back["iss"]) == ("some-state", settings.PUBLIC_URL)
    answer = party.exchange(back["code"])
    got = answer.json()
    assert (answer.status_code, got["token_type"], got["expires_in"]) == (200, "Bearer", 900)
    assert answer["Cache-Control"] == "no-store"
    assert got["scope"].split() == list(consents.SCOPES)
    claims = claims_of(got["id_token"], party, client)
    assert (claims["iss"], claims["sub"], claims["nonce"]) == (settings.PUBLIC_URL, "alice", "some-nonce")
    assert (claims["name"], claims["email"], claims["email_verified"]) == ("Alice", "alice@example.com", False)
    assert 0 < claims["exp"] - time.time() <= 300
    info = client_of(got["access_token"]).get("/oauth/userinfo")
    assert info.json() == {"sub": "alice", "name": "Alice", "email": "alice@example.com", "email_verified": False}


def test_only_what_was_asked_for_is_told(party, alice, client):
    got = party.tokens(alice, scope="openid")
    assert set(claims_of(got["id_token"], party, client)) & {"name", "email"} == set()
    assert client_of(got["access_token"]).get("/oauth/userinfo").json() == {"sub": "alice"}


def test_a_confirmed_address_is_said_to_be_so(party, alice):
    EmailAddress.objects.create(user=alice, email="alice@example.com", verified=True, primary=True)
    got = party.tokens(alice, scope="openid email")
    assert client_of(got["access_token"]).get("/oauth/userinfo").json()["email_verified"] is True


def test_agreeing_connects_and_is_asked_once(party, alice, browser):
    assert not Connection.objects.filter(user=alice, app=party.app).exists()
    party.code(browser, scope="openid credits:read")
    connection = Connection.objects.get(user=alice, app=party.app)
    assert connection.consented_scopes == ["openid", "credits:read"]
    again = browser.get(party.request(scope="openid"))
    assert (again.status_code, "code" in parameters(again)) == (302, True)
    more = browser.get(party.request(scope="openid workspace:read"))
    assert more.status_code == 200
    assert "workspace" in more.content.decode()
    assert browser.get(party.request(scope="openid", prompt="consent")).status_code == 200


def test_a_first_party_app_asks_too(other_party, alice, browser):
    assert browser.get(other_party.request()).status_code == 200


def test_saying_no_gives_nothing(party, alice, browser):
    answer = browser.post(party.request(), {"answer": "deny"})
    told = parameters(answer)
    assert (told["error"], told["state"]) == ("access_denied", "some-state")
    assert not Token.objects.exists()
    assert not Connection.objects.filter(user=alice, app=party.app).exists()


def test_a_stranger_signs_in_first_and_comes_back_by_a_page(party, alice, client):
    asked = party.request(scope="openid")
    may_sign_in(alice)
    arrival = client.get(asked)
    assert (arrival.status_code, arrival["Location"].split("?")[0]) == (302, "/accounts/login/")
    login = client.post(arrival["Location"], {"login": "alice@example.com", "password": "correct horse battery"})
    assert login.status_code == 302
    assert login["Location"].startswith("/oauth/authorize?")
    assert client.get(login["Location"]).status_code == 200
    consents.give(user=alice, slug="stranger", scopes=["openid"])
    # A redirect behind the form would be stopped by form-action; the page leads on instead.
    onward = client.get(login["Location"])
    assert onward.status_code == 200
    told = parameters(onward)
    assert party.exchange(told["code"]).status_code == 200
    claims = claims_of(party.exchange(client_code(party, client)).json()["id_token"], party, client)
    assert abs(claims["auth_time"] - time.time()) < 60


def client_code(party, browser):
    return parameters(browser.get(party.request(scope="openid")))["code"]


def test_silence_is_kept_when_asked_for(party, alice, browser, client):
    assert parameters(client.get(party.request(prompt="none")))["error"] == "login_required"
    assert parameters(browser.get(party.request(prompt="none")))["error"] == "consent_required"
    party.code(browser)
    assert "code" in parameters(browser.get(party.request(prompt="none")))


@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"max_age": "0"}])
def test_an_app_may_have_the_person_prove_themselves_again(party, browser, changes):
    answer = browser.get(party.request(**changes))
    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/accounts/reauthenticate/")


def test_staff_are_not_signed_in_anywhere(party, staff, client):
    client.force_login(staff)
    assert client.get(party.request()).status_code == 403
    assert client.post(party.request(), {"answer": "allow"}).status_code == 403
    assert not Token.objects.exists()


# Asking wrongly.


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": CALLBACK + "/"},
        {"redirect_uri": CALLBACK + "?more=1"},
        {"redirect_uri": CALLBACK + "#part"},
        {"redirect_uri": "https://app.example:444/callback"},
        {"redirect_uri": "https://app.example/callback/../evil"},
        {"redirect_uri": "https://app.example%2f@evil.example/callback"},
        {"redirect_uri": "https://APP.example/callback"},
        {"redirect_uri": "http://[::1/"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "\x00"},
        {"redirect_uri": ""},
        {"redirect_uri": None},
        {"client_id": "nobody"},
        {"client_id": "penora"},
        {"client_id": "STRANGER"},
        {"client_id": "\x00"},
        {"client_id": "x" * 5000},
        {"client_id": None},
    ],
)
def test_a_wrong_address_or_app_is_told_to_the_person_and_nobody_else(party, browser, changes):
    answer = browser.get(party.request(**changes))
    assert answer.status_code == 400
    assert "Location" not in answer
    said = answer.content.decode()
    assert "This sign-in does not work" in said
    assert "http-equiv" not in said
    assert browser.post(party.request(**changes), {"answer": "allow"}).status_code == 400
    assert not Token.objects.exists()


def test_an_address_that_was_taken_back_is_refused(party, browser):
    clients.register(app=party.app, redirect_uris=["https://app.example/new"], scopes=consents.SCOPES)
    assert browser.get(party.request()).status_code == 400


def test_a_loopback_address_matches_with_its_port(party, browser):
    clients.register(app=party.app, redirect_uris=["http://127.0.0.1:8100/callback"], scopes=[])
    assert browser.get(party.request(scope="openid", redirect_uri="http://127.0.0.1:8101/callback")).status_code == 400
    assert browser.get(party.request(scope="openid", redirect_uri="http://127.0.0.1:8100/callback")).status_code == 200


@pytest.mark.parametrize("repeated", ["client_id", "redirect_uri", "scope", "state"])
def test_a_parameter_sent_twice_is_refused(party, browser, repeated):
    assert browser.get(f"{party.request()}&{repeated}=x").status_code == 400


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain", "code_challenge": VERIFIER}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"response_type": "token"}, None),
        ({"response_type": "id_token token"}, None),
        ({"response_type": "code id_token"}, None),
        ({"response_type": "none"}, None),
        ({"response_type": "x"}, None),
        ({"response_type": None}, None),
        ({"scope": "openid credits:grant"}, "invalid_scope"),
        ({"scope": "openid users:write"}, "invalid_scope"),
        ({"scope": "openid \x00"}, "invalid_scope"),
        ({"scope": "credits:read"}, "invalid_scope"),
        ({"claims": "[1]"}, None),
        ({"claims": "{" * 5000}, None),
        ({"prompt": "none login"}, "invalid_request"),
        ({"id_token_hint": "ey.x.y"}, "login_required"),
    ],
)
def test_what_cannot_be_granted_is_told_to_the_app(party, browser, changes, error):
    answer = browser.get(party.request(**changes))
    assert answer.status_code in {200, 302, 400}, answer.content
    if error is not None:
        told = parameters(answer)
        assert (told["error"], told["state"]) == (error, "some-state")
    assert not Token.objects.exists()


def test_an_app_asks_for_no_more_than_it_may(party, browser):
    clients.register(app=party.app, redirect_uris=[CALLBACK], scopes=["credits:read"])
    told = parameters(browser.get(party.request(scope="openid credits:read credits:charge")))
    assert told["error"] == "invalid_scope"


def test_the_answer_must_come_from_our_own_page(party, alice):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    assert browser.post(party.request(), {"answer": "allow"}).status_code == 403
    token = csrf_of(browser.get(party.request()))
    answer = browser.post(party.request(), {"answer": "allow", "csrfmiddlewaretoken": token})
    assert "code" in parameters(answer)


def test_a_page_opened_by_one_person_is_not_answered_by_the_next(party, alice, bob):
    browser = Client(enforce_csrf_checks=True)
    may_sign_in(alice, bob)
    assert sign_in(browser, alice).status_code == 302
    token = csrf_of(browser.get(party.request()))
    browser.cookies.pop("sessionid")
    assert sign_in(browser, bob).status_code == 302
    assert browser.post(party.request(), {"answer": "allow", "csrfmiddlewaretoken": token}).status_code == 403
    assert not Connection.objects.filter(app=party.app).exists()


def may_sign_in(*people):
    cache.clear()
    for person in people:
        person.set_password("correct horse battery")
        person.save()
        EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)


def csrf_of(page):
    return re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())[0]


def sign_in(browser, person):
    token = csrf_of(browser.get("/accounts/login/"))
    form = {"login": person.email, "password": "correct horse battery", "csrfmiddlewaretoken": token}
    return browser.post("/accounts/login/", form)


def test_the_page_cannot_be_framed_nor_lead_a_form_elsewhere(party, browser):
    answer = browser.get(party.request())
    assert answer["X-Frame-Options"] == "DENY"
    assert "form-action 'self'" in answer["Content-Security-Policy"]


def test_a_name_is_shown_as_it_is_written(party, browser):
    ClientApp.objects.update(name="<b>Bold</b>")
    said = browser.get(party.request()).content.decode()
    assert "<b>Bold" not in said
    assert "&lt;b&gt;Bold" in said


# Taking tokens.


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"code_verifier": None}, 400, "invalid_request"),
        ({"code_verifier": "x" * 50}, 400, "invalid_grant"),
        ({"code_verifier": "é"}, 400, None),
        ({"redirect_uri": "https://evil.example/callback"}, 400, "invalid_request"),
        ({"redirect_uri": None}, 400, "invalid_request"),
        ({"client_secret": "ucs_wrong"}, 401, "invalid_client"),
        ({"client_secret": None}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_id": None}, 401, "invalid_client"),
        ({"client_id": "\x00"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, 400, "unsupported_grant_type"),
        ({"grant_type": "openid"}, 400, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:device_code"}, 400, "unsupported_grant_type"),
        ({"grant_type": None}, 400, "unsupported_grant_type"),
        ({"code": "x" * 30}, 400, "invalid_grant"),
        ({"code": "\x00"}, 400, "invalid_grant"),
        ({"code": None}, 400, "invalid_request"),
    ],
)
def test_a_code_is_given_to_nobody_who_cannot_prove_all_of_it(party, browser, changes, status, error):
    answer = party.exchange(party.code(browser), **changes)
    assert answer.status_code == status
    assert error is None or refused(answer, status, error)
    assert not Token.objects.exclude(type=Token.Type.AUTHORIZATION_CODE).exists()
    if status == 401:
        assert answer["WWW-Authenticate"].startswith("Basic")


def test_one_wrong_verifier_uses_the_code_up(party, browser):
    code = party.code(browser)
    assert refused(party.exchange(code, code_verifier="x" * 50), 400, "invalid_grant")
    assert refused(party.exchange(code), 400, "invalid_grant")


def test_a_replayed_code_ends_what_came_of_it(party, alice, browser):
    code = party.code(browser)
    first = party.exchange(code).json()
    second = party.refresh(first["refresh_token"]).json()
    assert refused(party.exchange(code), 400, "invalid_grant")
    for token in (first["access_token"], second["access_token"]):
        assert client_of(token).get(INFO).status_code == 401
    assert refused(party.refresh(second["refresh_token"]), 400, "invalid_grant")


def test_a_code_is_good_for_a_minute(party, browser, clock):
    code = party.code(browser)
    clock.forward(seconds=60)
    assert refused(party.exchange(code), 400, "invalid_grant")


def test_another_apps_code_and_token_are_worth_nothing(party, other_party, alice, browser):
    other_party.tokens(alice)
    code = party.code(browser)
    assert refused(other_party.exchange(code), 400, "invalid_grant")
    tokens = party.exchange(code)
    assert tokens.status_code == 200
    token = tokens.json()["refresh_token"]
    assert refused(other_party.refresh(token), 400, "invalid_grant")
    assert other_party.post("/oauth/revoke", {"token": token}).status_code == 200
    assert party.refresh(token).status_code == 200


def test_a_secret_travels_in_the_header_or_in_the_body(party, browser):
    body = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    form = "&".join(f"{name}={value}" for name, value in {**body, "code": party.code(browser)}.items())
    credentials = {"authorization": basic("stranger", party.secret)}
    answer = Client().post("/oauth/token", form, content_type=FORM, headers=credentials)
    assert answer.status_code == 200
    mixed = Client().post("/oauth/token", f"{form}&client_id=imagegene", content_type=FORM, headers=credentials)
    assert refused(mixed, 401, "invalid_client")
    for header in ("Basic", "Basic !", "Basic éé", f"Bearer {party.secret}"):
        answer = Client().post("/oauth/token", form, content_type=FORM, headers={"authorization": header})
        assert refused(answer, 401, "invalid_client")


def basic(name, secret):
    import base64

    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def test_a_new_secret_ends_the_old_one(party, browser):
    old, party.secret = party.secret, clients.issue_secret(app=party.app)
    assert refused(party.exchange(party.code(browser), client_secret=old), 401, "invalid_client")
    assert party.exchange(party.code(browser)).status_code == 200


def test_an_app_without_a_secret_gets_nothing(stranger_app, browser):
    party = Party(stranger_app)
    Registration.objects.update(secret="")
    for sent in ("", party.secret):
        assert refused(party.exchange(party.code(browser), client_secret=sent), 401, "invalid_client")


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("", FORM),
        ("{}", "application/json"),
        ("grant_type=refresh_token&grant_type=refresh_token", FORM),
        ("x" * 40_000, FORM),
        ("\xff=%ff&%00=%00&=&&", FORM),
        ("--x", "multipart/form-data; boundary=x"),
        ("<a/>", "text/xml"),
    ],
)
def test_what_is_no_form_is_a_bounded_refusal(party, path, body, content_type):
    answer = Client(raise_request_exception=False).post(path, body, content_type=content_type)
    assert answer.status_code in {400, 401}
    assert answer.json()["error"]
    assert len(answer.content) < 500


def test_the_server_endpoints_take_nothing_from_the_address(party, browser):
    answer = Client().post(f"/oauth/token?client_secret={party.secret}", "grant_type=refresh_token", content_type=FORM)
    assert answer.status_code == 400
    assert Client().get("/oauth/token").status_code == 405
    assert client_of("").get("/oauth/userinfo").status_code == 401


def test_guessing_at_the_token_endpoint_has_an_end(party, browser, settings):
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "token": (3, 1_000_000)}
    for _ in range(3):
        assert refused(party.exchange("x", client_secret="ucs_guess"), 401, "invalid_client")
    answer = party.exchange(party.code(browser))
    assert refused(answer, 429, "temporarily_unavailable")
    assert int(answer["Retry-After"]) > 0


def test_a_refresh_token_is_replaced_and_its_second_use_ends_all(party, alice):
    first = party.tokens(alice)
    second = party.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert client_of(second["access_token"]).get(INFO).status_code == 200
    assert refused(party.refresh(first["refresh_token"]), 400, "invalid_grant")
    assert client_of(second["access_token"]).get(INFO).status_code == 401
    assert refused(party.refresh(second["refresh_token"]), 400, "invalid_grant")


def test_a_refresh_token_gives_less_but_never_more(party, alice):
    first = party.tokens(alice, scope="openid credits:read workspace:read")
    assert refused(party.refresh(first["refresh_token"], scope=EVERYTHING), 400, "invalid_scope")
    less = party.refresh(first["refresh_token"], scope="openid").json()
    assert less["scope"] == "openid"
    assert client_of(less["access_token"]).get(INFO).status_code == 403
    again = party.refresh(less["refresh_token"]).json()
    assert again["scope"].split() == ["openid", "credits:read", "workspace:read"]


def test_tokens_end_by_themselves(party, alice, clock):
    tokens = party.tokens(alice)
    clock.forward(minutes=15)
    assert client_of(tokens["access_token"]).get(INFO).status_code == 401
    clock.forward(days=30)
    assert refused(party.refresh(tokens["refresh_token"]), 400, "invalid_grant")
    clock.forward(days=1)
    assert access_tokens.prune() == Token.objects.count() + 3 == 3


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_an_app_revokes_a_sign_in(party, alice, kind):
    tokens, untouched = party.tokens(alice), party.tokens(alice)
    answer = party.post("/oauth/revoke", {"token": tokens[kind]})
    assert (answer.status_code, answer.content) == (200, b"")
    assert client_of(tokens["access_token"]).get(INFO).status_code == 401
    assert refused(party.refresh(tokens["refresh_token"]), 400, "invalid_grant")
    assert client_of(untouched["access_token"]).get(INFO).status_code == 200
    assert party.post("/oauth/revoke", {"token": "unknown"}).status_code == 200
    assert refused(party.post("/oauth/revoke", {"token": "x", "client_secret": "ucs_x"}), 401, "invalid_client")


def test_nothing_secret_is_kept_as_it_is(party, alice):
    tokens = party.tokens(alice)
    rows = " ".join(map(str, [*Token.objects.values_list(), *Registration.objects.values_list()]))
    for secret in (tokens["access_token"], tokens["refresh_token"], tokens["id_token"], party.secret):
        assert secret not in rows
    assert "PRIVATE" not in SigningKey.objects.get().sealed


def test_there_is_one_key_for_all_and_another_with_another_secret(db, settings):
    pem = keys.signing_key()
    assert keys.signing_key() == pem
    assert SigningKey.objects.count() == 1
    settings.SECRET_KEY = "another-secret-key-of-this-installation-0123456789-abcdef"
    assert keys.signing_key() != pem
    assert SigningKey.objects.count() == 2


# The end of it.


def test_disconnecting_ends_tokens_at_once_and_codes_too(party, alice, browser):
    tokens, code = party.tokens(alice), party.code(browser)
    browser.post("/account/apps/stranger/disconnect")
    assert client_of(tokens["access_token"]).get(INFO).status_code == 401
    assert client_of(tokens["access_token"]).get("/oauth/userinfo").status_code == 401
    assert refused(party.refresh(tokens["refresh_token"]), 400, "invalid_grant")
    assert refused(party.exchange(code), 400, "invalid_grant")
    assert not Token.objects.filter(user=alice).exists()
    browser.post("/account/apps/stranger/reconnect")
    page = browser.get(party.request(scope="openid"))
    assert (page.status_code, b'value="allow"' in page.content) == (200, True)


def test_agreeing_again_connects_again_with_what_was_agreed_now(party, alice, browser):
    party.code(browser)
    services.disconnect(user=alice, app=party.app)
    assert "You disconnected Stranger" in browser.get(party.request(scope="openid")).content.decode()
    party.code(browser, scope="openid")
    connection = Connection.objects.get(user=alice, app=party.app)
    assert (connection.disconnected_at, connection.consented_scopes) == (None, ["openid"])


def test_a_token_of_before_does_not_come_back_with_the_connection(party, alice):
    tokens = party.tokens(alice)
    Connection.objects.filter(user=alice, app=party.app).update(consented_scopes=[])
    assert refused(party.refresh(tokens["refresh_token"]), 400, "invalid_grant")
    assert client_of(tokens["access_token"]).get(INFO).status_code == 403


def test_what_an_app_may_no_longer_ask_for_its_tokens_no_longer_do(party, alice):
    tokens = party.tokens(alice)
    clients.register(app=party.app, redirect_uris=[CALLBACK], scopes=["credits:read"])
    assert client_of(tokens["access_token"]).get(INFO).status_code == 200
    assert client_of(tokens["access_token"]).get("/api/unified/projects").status_code == 403
    assert party.refresh(tokens["refresh_token"]).json()["scope"] == "openid credits:read"


@pytest.mark.parametrize(
    "end",
    [
        lambda user, app: User.objects.filter(pk=user.pk).update(is_active=False),
        lambda user, app: User.objects.filter(pk=user.pk).update(is_staff=True),
        lambda user, app: ClientApp.objects.filter(pk=app.pk).update(is_active=False),
    ],
    ids=["deactivated", "staff now", "app off"],
)
def test_a_token_ends_with_its_person_and_its_app(party, alice, end):
    tokens = party.tokens(alice)
    end(alice, party.app)
    assert client_of(tokens["access_token"]).get(INFO).status_code == 401
    assert party.refresh(tokens["refresh_token"]).status_code in {400, 401}


def test_staff_pages_show_no_tokens_and_make_no_registrations(client, staff):
    client.force_login(staff)
    for model in ("client", "token"):
        assert client.get(f"/admin/allauth_idp_oidc/{model}/").status_code == 404


def test_the_account_page_says_what_was_agreed(party, alice, browser):
    party.code(browser, scope="openid credits:charge")
    said = browser.get("/account/").content.decode()
    assert "Spend your credits" in said
