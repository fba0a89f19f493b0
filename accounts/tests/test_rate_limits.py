"""Too many calls are refused exactly at the limit, whoever counts, and every answer says how many are left."""

import os
import subprocess
import sys

import pytest
from django.conf import settings as project
from django.core.cache import cache
from redis.exceptions import ConnectionError as RedisAway
from rest_framework.test import APIClient

from accounts import rate_limits
from accounts.rate_limits import Policy
from accounts.tests.cast import client_of

INFO = "/api/unified/user-info"
# Windows start at multiples of their length: one this long does not end during a test.
LONG = 100_000_000


@pytest.fixture(autouse=True)
def _nothing_counted_before():
    cache.clear()


@pytest.fixture
def limits(settings):
    def limit(**quotas):
        settings.RATE_LIMITS = {**settings.RATE_LIMITS, **{name: (quota, LONG) for name, quota in quotas.items()}}

    return limit


def statuses(client, times, user_id="alice"):
    return [client.get(INFO, {"user_id": user_id}).status_code for _ in range(times)]


def test_a_key_is_refused_past_its_quota_and_another_is_not(alice, penora_api, imagegene_api, limits):
    limits(key=3)
    assert statuses(penora_api, 5) == [200, 200, 200, 429, 429]
    assert statuses(imagegene_api, 1) == [200]


def test_an_app_is_refused_for_one_person_and_goes_on_for_the_next(alice, bob, penora_api, imagegene_api, limits):
    limits(user=2)
    assert statuses(penora_api, 3) == [200, 200, 429]
    assert statuses(penora_api, 1, "bob") == statuses(imagegene_api, 1) == [200]


@pytest.mark.parametrize("method", ["options", "delete"])
def test_a_stranger_who_is_not_asked_for_a_key_is_counted_by_address(db, limits, method):
    limits(address=2, user=1)
    ask = getattr(APIClient(), method)
    answers = [ask(INFO) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [405, 405, 429]
    assert answers[0]["RateLimit"].startswith('"address";r=1')
    assert getattr(APIClient(REMOTE_ADDR="192.0.2.9"), method)(INFO).status_code != 429


def test_a_person_in_a_browser_is_refused_past_the_quota(alice, bob, limits):
    limits(user=2)
    browser, other = APIClient(), APIClient()
    browser.force_login(alice)
    other.force_login(bob)
    assert [browser.get(INFO).status_code for _ in range(3)] == [200, 200, 429]
    assert other.get(INFO).status_code == 200


@pytest.mark.parametrize("credentials", ["", "Bearer unk_abcdefgh_" + "0" * 64])
def test_an_address_without_a_valid_key_is_refused_past_its_quota(alice, penora_api, limits, credentials):
    limits(address=3)
    stranger = APIClient()
    stranger.credentials(**({"HTTP_AUTHORIZATION": credentials} if credentials else {}))
    assert statuses(stranger, 5) == [401, 401, 401, 429, 429]
    assert stranger.get(INFO, REMOTE_ADDR="192.0.2.7").status_code == 401
    assert statuses(penora_api, 1) == [200]


def test_the_refusal_says_when_to_come_back_and_changes_nothing(alice, penora_api, limits, stored):
    limits(key=0)
    before = stored()
    answer = penora_api.post(
        "/api/unified/deduct-credits",
        {"user_id": "alice", "app_name": "penora", "amount": 1},
        format="json",
        headers={"Idempotency-Key": "a"},
    )
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert answer["Content-Type"] == "application/problem+json"
    assert 0 < int(answer["Retry-After"]) <= LONG
    assert stored() == before


def test_every_answer_says_what_is_left(alice, penora_api, limits):
    limits(key=10, user=5)
    answer = penora_api.get(INFO, {"user_id": "alice"})
    assert answer["RateLimit-Policy"] == f'"key";q=10;w={LONG}, "user";q=5;w={LONG}'
    key, user = answer["RateLimit"].split(", ")
    assert key.startswith('"key";r=9;t=')
    assert user.startswith('"user";r=4;t=')


def test_a_new_window_starts_from_nothing(monkeypatch):
    limit = Policy("key", 1, 10)
    monkeypatch.setattr(rate_limits.time, "time", lambda: 1_000_000.0)
    assert [rate_limits.count(limit, "a").used for _ in range(2)] == [1, 2]
    monkeypatch.setattr(rate_limits.time, "time", lambda: 1_000_009.5)
    assert (rate_limits.count(limit, "a").used, rate_limits.count(limit, "a").resets_in) == (3, 1)
    monkeypatch.setattr(rate_limits.time, "time", lambda: 1_000_010.0)
    assert rate_limits.count(limit, "a").used == 1


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
def test_racing_calls_get_exactly_the_quota(alice, penora_key, limits, race):
    limits(key=50)
    answers = race(lambda _: client_of(penora_key).get(INFO, {"user_id": "alice"}).status_code, times=200)
    assert sorted(answers) == [200] * 50 + [429] * 150


@pytest.mark.skipif(not project.REDIS_URL, reason="several processes count together on Redis only")
def test_several_processes_on_redis_get_exactly_the_quota_together():
    code = (
        "import django; django.setup(); from accounts.rate_limits import Policy, count; "
        f"limit = Policy('key', 50, {LONG}); "
        "print(sum(count(limit, 'shared').used <= 50 for _ in range(40)))"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "unified.settings"}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=project.BASE_DIR, env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    assert sum(int(worker.communicate(timeout=60)[0]) for worker in workers) == 50


def test_a_cache_that_is_away_lets_calls_pass_and_is_logged(alice, penora_api, monkeypatch, caplog):
    def away(*_, **__):
        raise RedisAway("no route")

    monkeypatch.setattr(rate_limits, "count", away)
    assert statuses(penora_api, 1) == [200]
    assert "Rate limits are off" in caplog.text


@pytest.mark.parametrize(
    ("proxies", "forwarded", "peer", "address"),
    [
        (0, "198.51.100.1", "192.0.2.1", "192.0.2.1"),
        (1, "203.0.113.9, 198.51.100.1", "192.0.2.1", "198.51.100.1"),
        (2, "203.0.113.9, 198.51.100.1", "192.0.2.1", "203.0.113.9"),
        (0, "", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ],
)
def test_the_address_is_what_trusted_proxies_say(rf, settings, proxies, forwarded, peer, address):
    settings.TRUSTED_PROXIES = settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    assert rate_limits.address(rf.get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)) == address
