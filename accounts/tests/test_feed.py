"""The event feed: whose events one sees, in which order, and that none ever appears behind a reader."""

from datetime import timedelta
from threading import Event as Signal
from threading import Thread

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import events, feed, services
from accounts.models import Event
from accounts.tests.cast import client_of

URL = "/api/unified/events"


def say(user, number=0):
    with transaction.atomic():
        return events.record(user=user, type="credits.changed", data={"number": number})


def numbers(response):
    assert response.status_code == 200, response.content
    return [event["data"]["number"] for event in response.json()["results"]]


@pytest.fixture
def alice_browser(alice):
    browser = APIClient(raise_request_exception=False)
    browser.force_login(alice)
    return browser


def test_shows_an_event_as_the_contract_does(penora_api, alice):
    say(alice, 7)
    body = penora_api.get(URL).json()
    assert body["next"] is None
    (event,) = body["results"]
    assert set(event) == {"id", "type", "user_id", "created_at", "data"}
    assert (event["type"], event["user_id"], event["data"]) == ("credits.changed", "alice", {"number": 7})
    assert event["created_at"].endswith("Z")


def test_goes_on_behind_the_last_id_and_by_the_next_url(penora_api, alice):
    for number in range(5):
        say(alice, number)
    first = penora_api.get(URL, {"limit": 2})
    assert numbers(first) == [0, 1]
    ids = [event["id"] for event in first.json()["results"]]
    assert ids == sorted(set(ids))
    assert numbers(penora_api.get(URL, {"after": ids[-1]})) == [2, 3, 4]
    second = penora_api.get(first.json()["next"])
    assert numbers(second) == [2, 3]
    assert numbers(penora_api.get(second.json()["next"])) == [4]


def test_an_app_sees_only_people_connected_to_it(penora_api, imagegene_api, alice, bob, penora):
    say(alice, 1)
    say(bob, 2)
    assert numbers(penora_api.get(URL)) == [1, 2]
    assert numbers(imagegene_api.get(URL)) == []
    assert numbers(penora_api.get(URL, {"user_id": "bob"})) == [2]
    services.disconnect(user=alice, app=penora)
    assert numbers(penora_api.get(URL)) == [2]
    assert penora_api.get(URL, {"user_id": "alice"}).status_code == 403


def test_a_person_sees_their_own_events_and_nobody_elses(alice_browser, alice, bob):
    say(bob, 2)
    say(alice, 1)
    assert numbers(alice_browser.get(URL)) == [1]
    assert numbers(alice_browser.get(URL, {"user_id": "alice"})) == [1]
    assert alice_browser.get(URL, {"user_id": "bob"}).status_code == 404


def test_needs_a_caller_with_the_scope(db, penora):
    assert Client().get(URL).status_code == 401
    _, plaintext = services.create_api_key(app=penora, scopes=["credits:read"])
    assert client_of(plaintext).get(URL).json()["code"] == "missing_scope"


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "after=1e3", "after=" + "9" * 19, "limit=0", "limit=101", "a=1"]
)
def test_refuses_malformed_parameters_by_name(penora_api, query):
    response = penora_api.get(f"{URL}?{query}")
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == query.split("=")[0]


def test_a_rolled_back_write_leaves_no_event(penora_api, alice):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        events.record(user=alice, type="credits.changed", data={"number": 1 // 0})
    assert numbers(penora_api.get(URL)) == []


def test_keeps_events_thirty_days_and_never_gives_an_id_twice(penora_api, alice):
    say(alice, 1)
    last = penora_api.get(URL).json()["results"][-1]["id"]
    Event.objects.update(created_at=timezone.now() - timedelta(days=30, seconds=1))
    say(alice, 2)
    call_command("prune_events")
    assert numbers(penora_api.get(URL)) == [2]
    Event.objects.all().delete()
    say(alice, 3)
    assert penora_api.get(URL).json()["results"][0]["id"] == last + 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer, so keys are in commit order")
def test_an_event_committed_late_comes_after_what_was_read_before(alice, bob):
    recorded, commit = Signal(), Signal()

    def slow():
        with transaction.atomic():
            events.record(user=alice, type="credits.changed", data={"number": 1})
            recorded.set()
            commit.wait(30)
        connections.close_all()

    writer = Thread(target=slow)
    writer.start()
    assert recorded.wait(30)
    say(bob, 2)
    (seen,) = feed.since(Event.objects.all(), after=0, limit=10)
    assert seen.data == {"number": 2}
    commit.set()
    writer.join()
    (late,) = feed.since(Event.objects.all(), after=seen.position, limit=10)
    assert late.data == {"number": 1}
    assert late.pk < Event.objects.get(user=bob).pk


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
def test_racing_writers_and_readers_leave_no_gap_and_no_repeat(race, alice, bob):
    def work(worker):
        if worker < 4:
            return [say((alice, bob)[number % 2], worker * 100 + number).pk for number in range(15)]
        seen: list[int] = []
        after = 0
        while len(seen) < 60:
            batch = feed.since(Event.objects.all(), after=after, limit=7)
            seen += [event.data["number"] for event in batch]
            after = (batch and batch[-1].position) or after
        return seen

    results = race(work, times=7)
    expected = sorted(worker * 100 + number for worker in range(4) for number in range(15))
    for seen in results[4:]:
        assert sorted(seen) == expected
    assert results[4] == results[5] == results[6]
    assert feed.head() == 60
