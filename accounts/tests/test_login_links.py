"""An app's login link opens one person's session once, within a minute, and nobody else's ever."""

from urllib.parse import urlsplit

import pytest
from django.test import Client

from accounts import login_links, services
from accounts.models import LoginLink
from accounts.tests.cast import client_of

LINK = "/api/unified/login-link"


def path_of(url):
    return urlsplit(url).path


@pytest.fixture
def link(alice, imagegene):
    services.connect(user=alice, app=imagegene)
    return path_of(login_links.issue(user=alice, app=imagegene)[1])


def signed_in_as(client):
    return client.session.get("_auth_user_id")


def test_an_app_gets_a_link_that_lands_its_user_on_the_dashboard(alice, imagegene_api, client, settings):
    answer = imagegene_api.post(LINK, {"user_id": "alice"}, format="json")
    assert answer.status_code == 201
    url = answer.json()["url"]
    assert url.startswith(f"{settings.PUBLIC_URL}/accounts/link/")
    arrival = client.get(path_of(url))
    assert (arrival.status_code, arrival["Location"], arrival["Cache-Control"]) == (302, "/", "no-store")
    assert signed_in_as(client) == str(alice.pk)
    assert "Alice" in client.get("/").content.decode()


def test_a_link_works_once(link, client):
    assert client.get(link).status_code == 302
    other = Client()
    again = other.get(link)
    assert (again.status_code, signed_in_as(other)) == (410, None)
    assert "This link is over" in again.content.decode()


def test_a_link_lives_for_most_of_a_minute(link, client, clock):
    clock.forward(seconds=45)
    assert client.get(link).status_code == 302


def test_a_link_is_over_after_sixty_seconds(link, client, clock):
    clock.forward(seconds=60)
    assert client.get(link).status_code == 410
    assert signed_in_as(client) is None


@pytest.mark.parametrize("method", ["head", "post", "put"])
def test_only_following_a_link_uses_it_up(link, client, method):
    assert getattr(client, method)(link).status_code == 405
    assert client.get(link).status_code == 302


def test_a_link_of_a_disconnected_app_opens_nothing(link, client, alice, imagegene):
    services.disconnect(user=alice, app=imagegene)
    assert client.get(link).status_code == 410
    assert signed_in_as(client) is None


def test_a_link_of_a_closed_app_opens_nothing(link, client, imagegene):
    imagegene.is_active = False
    imagegene.save()
    assert client.get(link).status_code == 410


def test_a_link_of_a_closed_account_opens_nothing(link, client, alice):
    alice.is_active = False
    alice.save()
    assert client.get(link).status_code == 410


def test_a_link_ends_the_session_of_whoever_was_there(link, client, bob):
    client.force_login(bob)
    client.get("/")
    before = client.session.session_key
    client.get(link)
    assert signed_in_as(client) != str(bob.pk)
    assert client.session.session_key != before


def test_a_link_gives_its_visitor_a_new_session_key(link, client):
    # A session that somebody planted in the browser must not become Alice's.
    client.session.save()
    session = client.session
    session["planted"] = True
    session.save()
    client.cookies["sessionid"] = session.session_key
    client.get(link)
    assert client.session.session_key != session.session_key


def test_a_link_leads_nowhere_but_home(link, client):
    assert client.get(f"{link}?next=https://evil.example/").headers["Location"] == "/"


@pytest.mark.parametrize("token", ["x", "A" * 43, "../../admin", "%00"])
def test_a_guess_opens_nothing(link, client, token):
    assert client.get(f"/accounts/link/{token}").status_code in {404, 410}
    assert signed_in_as(client) is None


def test_the_token_is_kept_as_a_hash_only(link):
    token = link.rsplit("/", 1)[1]
    row = LoginLink.objects.values().get()
    assert token not in str(row)


def test_apps_get_links_only_for_people_they_reach(alice, staff, stranger_app, imagegene_api):
    stranger = client_of(services.create_api_key(app=stranger_app)[1])
    assert stranger.post(LINK, {"user_id": "alice"}, format="json").status_code == 404
    assert imagegene_api.post(LINK, {"user_id": "staff"}, format="json").status_code == 404
    assert imagegene_api.post(LINK, {"user_id": "nobody"}, format="json").status_code == 404
    assert not LoginLink.objects.exists()


def test_a_browser_gets_no_link(alice, client):
    client.force_login(alice)
    answer = client.post(LINK, {"user_id": "alice"}, content_type="application/json")
    assert (answer.status_code, LoginLink.objects.count()) == (403, 0)


def test_a_key_without_the_scope_gets_no_link(alice, imagegene):
    key = services.create_api_key(app=imagegene, scopes=["credits:read"])[1]
    assert client_of(key).post(LINK, {"user_id": "alice"}, format="json").status_code == 403


def test_old_links_are_tidied_away_and_fresh_ones_kept(link, alice, imagegene, clock):
    clock.forward(seconds=61)
    login_links.issue(user=alice, app=imagegene)
    assert login_links.prune() == 1
    assert LoginLink.objects.count() == 1


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
def test_of_racing_visits_exactly_one_gets_in(alice, imagegene, race):
    services.connect(user=alice, app=imagegene)
    path = path_of(login_links.issue(user=alice, app=imagegene)[1])
    answers = race(lambda _: Client().get(path).status_code, times=12)
    assert sorted(answers) == [302] + [410] * 11
