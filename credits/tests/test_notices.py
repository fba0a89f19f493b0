"""A person hears once, by an event and an email, each time their balance falls to the number they chose."""

from datetime import timedelta

import pytest
from django.core import mail as outbox
from django.utils import timezone

from accounts import mail
from accounts.models import Event, Mail
from credits import services
from credits.auditing import Tally, audit


def charge(user, app, amount):
    return services.charge(user=user, app=app, amount=amount)


def lows(user):
    return [event.data for event in Event.objects.filter(user=user, type="credits.low").order_by("id")]


def test_a_balance_that_falls_to_the_mark_is_told_by_an_event_and_an_email(alice, penora):
    charge(alice, penora, 49)
    assert lows(alice) == []
    charge(alice, penora, 1)
    assert lows(alice) == [{"credits": 10, "credits_balance": 10, "threshold": 10}]
    assert outbox.outbox == []
    assert mail.deliver() == 1
    [sent] = outbox.outbox
    assert sent.to == ["alice@example.com"]
    assert sent.subject == "You have 10 credits left"
    assert "http://127.0.0.1:8000/credits/" in sent.body
    assert "Hello Alice," in sent.body
    assert mail.deliver() == 0


def test_it_is_told_once_until_the_balance_was_above_the_mark_again(alice, penora):
    charge(alice, penora, 55)
    charge(alice, penora, 1)
    services.grant(user=alice, amount=6, reason="Not above")
    charge(alice, penora, 1)
    assert len(lows(alice)) == 1
    services.grant(user=alice, amount=2, reason="Above")
    charge(alice, penora, 2)
    assert [low["credits_balance"] for low in lows(alice)] == [5, 9]


def test_a_charge_that_jumps_past_the_mark_is_told_as_well(alice, penora):
    charge(alice, penora, 60)
    assert [low["credits_balance"] for low in lows(alice)] == [0]


def test_credits_on_hold_are_not_gone_until_they_are_captured(alice, penora):
    held = services.hold(user=alice, app=penora, amount=55)
    assert lows(alice) == []
    services.capture(user=alice, app=penora, hold_id=held.id)
    assert [low["credits_balance"] for low in lows(alice)] == [5]


def test_credits_that_expire_are_told_as_well(alice, penora, clock):
    charge(alice, penora, 50)
    services.grant(user=alice, amount=5, reason="Weekend", expires_at=timezone.now() + timedelta(hours=1))
    clock.forward(hours=2)
    services.wallet_of(user=alice)
    assert [low["credits_balance"] for low in lows(alice)] == [10, 10]


@pytest.mark.parametrize(("mark", "spent", "count"), [(0, 60, 0), (30, 30, 1), (30, 29, 0), (1, 59, 1)])
def test_the_mark_is_the_persons_own(alice, penora, mark, spent, count):
    services.set_low_mark(user=alice, credits=mark)
    charge(alice, penora, spent)
    assert len(lows(alice)) == Mail.objects.count() == count


def test_a_refused_charge_tells_nothing(alice, penora):
    with pytest.raises(services.InsufficientCredits):
        charge(alice, penora, 61)
    assert (lows(alice), Mail.objects.count()) == ([], 0)


def test_a_small_balance_at_the_start_is_no_fall(bob):
    services.open_imported(user=bob, balance=3, bonus=5)
    assert lows(bob) == []


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
def test_racing_charges_across_the_mark_tell_exactly_once(alice, penora, race):
    services.wallet_of(user=alice)
    results = race(lambda _: charge(alice, penora, 1).balance_after, times=58)
    assert sorted(results) == list(range(2, 60))
    assert [low["credits_balance"] for low in lows(alice)] == [10]
    assert sum(race(lambda _: mail.deliver(), times=6)) == len(outbox.outbox) == 1
    assert list(audit(Tally())) == []


def test_a_person_sets_their_mark_on_the_account_page(alice, client):
    client.force_login(alice)
    assert 'value="10"' in client.get("/account/").content.decode()
    answer = client.post("/credits/low-balance/", {"low_mark": "25"}, follow=True)
    assert "We write to you when 25 credits are left." in answer.content.decode()
    assert 'value="25"' in client.get("/account/").content.decode()
    assert services.wallet_of(user=alice).low_mark == 25


@pytest.mark.parametrize("nothing", ["", "0"])
def test_an_empty_mark_turns_the_notice_off(alice, client, nothing):
    client.force_login(alice)
    answer = client.post("/credits/low-balance/", {"low_mark": nothing}, follow=True)
    assert "We do not write to you about low credits." in answer.content.decode()
    assert services.wallet_of(user=alice).low_mark == 0


@pytest.mark.parametrize("wrong", ["-1", "ten", "1.5", "1000001"])
def test_a_mark_that_is_no_number_of_credits_changes_nothing(alice, client, wrong):
    client.force_login(alice)
    answer = client.post("/credits/low-balance/", {"low_mark": wrong}, follow=True)
    assert "It must be a whole number from 0 to 1,000,000, or empty." in answer.content.decode()
    assert services.wallet_of(user=alice).low_mark == 10


def test_a_stranger_sets_nobodys_mark(alice, client):
    assert client.post("/credits/low-balance/", {"low_mark": "5"}).status_code == 302
    assert services.wallet_of(user=alice).low_mark == 10
