"""Many threads with the same news about a person: one person comes of it."""

import pytest
from allauth.idp.oidc.models import Token
from django.test import Client

from accounts import services
from accounts.errors import TooManyKeys
from accounts.models import ApiKey, Connection, SigningKey, User
from accounts.oidc import keys
from accounts.tests.cast import client_of
from accounts.tests.party import Party

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]


def create(key, user_id, email):
    body = {"user_id": user_id, "username": "Rita", "email": email}
    return client_of(key).post("/api/unified/create-user", body, format="json")


def test_racing_create_user_calls_make_one_user_with_one_sign_up_grant(penora_key, penora_api, race):
    answers = race(lambda _: create(penora_key, "rita", "rita@example.com"), times=12)
    assert sorted(answer.status_code for answer in answers) == [200] * 11 + [201]
    assert {answer.json()["credits"] for answer in answers} == {60}
    assert User.objects.filter(user_id="rita").count() == Connection.objects.count() == 1
    history = penora_api.get("/api/unified/transactions", {"user_id": "rita"}).json()
    assert [(entry["transaction_type"], entry["amount"]) for entry in history["results"]] == [
        ("bonus", 10),
        ("base", 50),
    ]


def test_racing_people_cannot_share_an_email(penora_key, race):
    answers = race(lambda number: create(penora_key, f"rita{number}", "rita@example.com"), times=12)
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 11
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"email_taken"}
    assert User.objects.count() == 1


def test_racing_updates_cannot_share_an_email(penora, race):
    for number in range(8):
        services.register(user_id=f"p{number}", username="P", email=f"p{number}@example.com", app=penora)

    def take(number):
        return services.register(user_id=f"p{number}", username="P", email="one@example.com", app=penora)

    results = race(take, times=8)
    assert sorted(type(result).__name__ for result in results) == ["EmailTaken"] * 7 + ["tuple"]
    assert User.objects.filter(email="one@example.com").count() == 1


def test_racing_first_calls_of_an_app_connect_it_once(alice, imagegene, race):
    people = race(lambda _: services.reach(app=imagegene, user_id="alice"), times=12)
    assert people == [alice] * 12
    assert Connection.objects.filter(user=alice, app=imagegene).count() == 1


def test_racing_calls_with_one_key_all_get_in(penora_key, race):
    keys = race(lambda _: services.authenticate_key(plaintext=penora_key), times=12)
    assert keys == [ApiKey.objects.get()] * 12


def test_racing_keys_of_an_app_stop_at_two(penora, race):
    made = race(lambda _: services.create_api_key(app=penora), times=8)
    assert sum(isinstance(one, TooManyKeys) for one in made) == 6
    assert penora.keys.unended().count() == 2


def test_a_code_raced_for_is_taken_once_and_then_never_again(imagegene, race):
    person, _ = services.register(user_id="rita", username="Rita", email="rita@example.com", app=imagegene)
    party, browser = Party(imagegene), Client()
    browser.force_login(person)
    code = party.code(browser)
    answers = race(lambda _: party.exchange(code), times=6)
    taken = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(taken) == 1
    assert {answer.json()["error"] for answer in answers if answer.status_code != 200} == {"invalid_grant"}
    assert client_of(taken[0]["access_token"]).get("/oauth/userinfo").status_code == 401


def test_a_refresh_token_raced_for_is_replaced_once(imagegene, race):
    person, _ = services.register(user_id="rita", username="Rita", email="rita@example.com", app=imagegene)
    party = Party(imagegene)
    token = party.tokens(person)["refresh_token"]
    answers = race(lambda _: party.refresh(token), times=6)
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 5


def test_no_token_outlives_a_disconnection_it_races_with(imagegene, race):
    person, _ = services.register(user_id="rita", username="Rita", email="rita@example.com", app=imagegene)
    party = Party(imagegene)
    for _ in range(4):
        token = party.tokens(person)["refresh_token"]

        def either(number, token=token):
            return party.refresh(token) if number else services.disconnect(user=person, app=imagegene)

        refreshed = race(either, times=2)[1]
        assert refreshed.status_code in {200, 400}
        assert not Token.objects.filter(type=Token.Type.ACCESS_TOKEN).exists()


def test_there_is_one_signing_key_however_many_need_it_first(db, race):
    assert len(set(race(lambda _: keys.signing_key(), times=4))) == 1
    assert SigningKey.objects.count() == 1
