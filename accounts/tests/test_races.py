"""Many threads with the same news about a person: one person comes of it."""

import pytest

from accounts import services
from accounts.models import ApiKey, Connection, User
from accounts.tests.cast import client_of

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
