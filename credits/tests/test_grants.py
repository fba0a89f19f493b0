"""Credits that came in: what is spent first, what expires when, who paid for what, and bonuses once per key."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.errors import InvalidField
from accounts.models import AuditEntry, User
from credits import services, spending, statements
from credits.models import Entry, Grant, GrantBatch

API = "/api/unified"


def in_days(days):
    return timezone.now() + timedelta(days=days)


def give(user, amount, **terms):
    return services.grant(user=user, amount=amount, reason="Bonus", **terms)


def drawn(entry):
    """What an entry took from each grant, in the order it was taken."""
    return [(part.grant.amount, -part.amount) for part in entry.allocations.select_related("grant").order_by("id")]


def test_what_is_spent_first_is_told_by_priority_then_expiry_then_source_then_age(alice, penora):
    give(alice, 1, priority=200, expires_at=in_days(1))
    give(alice, 2, expires_at=in_days(9))
    give(alice, 3, source="purchased", expires_at=in_days(2))
    give(alice, 4, source="purchased", priority=0)
    give(alice, 5, source="purchased")
    give(alice, 6)
    give(alice, 7, source="purchased")
    everything = services.charge(user=alice, app=penora, amount=88)
    order = [(4, 4), (3, 3), (2, 2), (10, 10), (6, 6), (50, 50), (5, 5), (7, 7), (1, 1)]
    assert drawn(everything) == order


def test_the_same_history_is_always_paid_by_the_same_grants(alice, bob, penora):
    charges = []
    for user in (alice, bob):
        for days in (3, 2, 2):
            give(user, 4, expires_at=in_days(days).replace(microsecond=0, second=0))
        charges.append([drawn(services.charge(user=user, app=penora, amount=amount)) for amount in (3, 6, 9)])
    assert charges[0] == charges[1]


def test_the_api_says_which_grants_paid_and_which_got_it_back(alice, penora_api):
    give(alice, 3, expires_at=in_days(2))
    body = {"user_id": "alice", "app_name": "penora", "amount": 5}
    paid = penora_api.post(f"{API}/deduct-credits", body, format="json").json()["transaction_id"]
    back = {"user_id": "alice", "amount": 3, "reason": "Torn"}
    refund = penora_api.post(f"{API}/transaction/{paid}/refund", back, format="json").json()
    history = penora_api.get(f"{API}/transactions", {"user_id": "alice"}).json()["results"]
    grants = {row["transaction_id"]: [(part["source"], part["amount"]) for part in row["grants"]] for row in history}
    assert grants[paid] == [("bonus", -3), ("bonus", -2)]
    assert grants[refund["transaction_id"]] == [("bonus", 2), ("bonus", 1)]
    assert [part["expires_at"] is None for part in refund["grants"]] == [True, False]
    assert all(sum(part["amount"] for part in row["grants"]) == row["amount"] for row in history)


def test_history_asks_as_often_for_many_entries_as_for_few(alice, penora, penora_api, django_assert_num_queries):
    def count():
        with django_assert_num_queries(99, exact=False) as seen:
            penora_api.get(f"{API}/transactions", {"user_id": "alice", "limit": 100})
        return len(seen)

    services.charge(user=alice, app=penora, amount=1)
    count()
    few = count()
    for _ in range(20):
        services.charge(user=alice, app=penora, amount=1)
    assert count() == few


def test_user_info_says_how_many_credits_expire_when(alice, penora, penora_api, clock):
    soon, later = in_days(1), in_days(2)
    for amount, at in ((4, later), (5, soon), (6, soon)):
        give(alice, amount, expires_at=at)
    services.hold(user=alice, app=penora, amount=3)

    def expiring():
        rows = penora_api.get(f"{API}/user-info", {"user_id": "alice"}).json()["credits_expiring"]
        return [(row["amount"], row["expires_at"][:19]) for row in rows]

    assert expiring() == [(8, soon.isoformat()[:19]), (4, later.isoformat()[:19])]
    clock.forward(days=1)
    assert expiring() == [(4, later.isoformat()[:19])]


def test_a_grant_is_spendable_to_its_last_moment_and_no_longer(alice, penora, clock):
    give(alice, 5, expires_at=in_days(1))
    clock.forward(hours=23, minutes=59)
    services.charge(user=alice, app=penora, amount=1)
    assert services.wallet_of(user=alice).available == 64
    clock.forward(minutes=1)
    with pytest.raises(services.InsufficientCredits):
        services.charge(user=alice, app=penora, amount=61)
    assert services.wallet_of(user=alice).available == 60
    last = Entry.objects.owned_by(alice).latest("version")
    assert (last.transaction_type, last.amount, last.description) == ("expired", -4, "Bonus expired")


@pytest.mark.parametrize("path", [f"{API}/transactions", "/credits/", "/credits/statement.csv"])
def test_history_shows_what_expired_though_nothing_swept(alice, client, clock, path):
    give(alice, 5, expires_at=in_days(1))
    clock.forward(days=1)
    client.force_login(alice)
    answer = client.get(path)
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert b"Bonus expired" in body


def test_the_credits_page_says_what_expires_when_and_who_paid(alice, penora, client):
    at = in_days(3)
    give(alice, 5, expires_at=at)
    services.charge(user=alice, app=penora, amount=8, description="A chapter")
    give(alice, 7, expires_at=at)
    client.force_login(alice)
    page = " ".join(client.get("/credits/").content.decode().split())
    assert f'until <time datetime="{at.isoformat(timespec="seconds")}"' in page
    assert ">5 from Bonus · 3 from Bonus </small>" in page


def test_a_bonus_by_api_takes_expiry_and_priority(alice, penora_api):
    at = in_days(3).replace(microsecond=0)
    body = {"user_id": "alice", "amount": 5, "reason": "Sorry", "expires_at": at.isoformat(), "priority": 7}
    assert penora_api.post(f"{API}/give-bonus-credits", body, format="json").status_code == 200
    grant = Grant.objects.get(amount=5)
    assert (grant.source, grant.priority, grant.expires_at) == ("bonus", 7, at)


@pytest.mark.parametrize("terms", [{"priority": -1}, {"priority": 1001}, {"priority": "7"}, {"priority": True}])
def test_a_bonus_with_a_wrong_priority_is_refused(alice, penora_api, stored, terms):
    before = stored()
    body = {"user_id": "alice", "amount": 5, "reason": "Sorry", **terms}
    answer = penora_api.post(f"{API}/give-bonus-credits", body, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "priority")
    assert stored() == before


def command(*more, whom=("--all",), key="k1"):
    out = StringIO()
    call_command("grant_bonus", *whom, "--amount", "10", "--reason", "Sorry", "--key", key, *more, stdout=out)
    return out.getvalue()


def test_a_bonus_by_command_takes_expiry_and_priority(alice):
    command("--expires-at", "2099-01-31T00:00Z", "--priority", "7")
    grant = Grant.objects.get(amount=10, source="bonus", priority=7)
    assert grant.expires_at.isoformat() == "2099-01-31T00:00:00+00:00"


@pytest.mark.parametrize(
    "more",
    [("--expires-at", "2099-01-31"), ("--expires-at", "soon"), ("--priority", "1001"), ("--priority", "-1")],
)
def test_a_bonus_by_command_with_wrong_terms_is_refused(alice, more):
    with pytest.raises(CommandError, match=r"is not a|expected one argument"):
        command(*more)
    assert not GrantBatch.objects.exists()


def test_a_bonus_by_command_that_is_over_before_it_begins_is_refused(alice):
    with pytest.raises(CommandError, match="future"):
        command("--expires-at", "2020-01-31T00:00Z")
    assert not GrantBatch.objects.exists()


def test_a_key_for_one_audience_gives_nothing_to_another(alice, bob):
    command(whom=("--user", "alice"))
    for whom in (("--user", "bob"), ("--user", "alice", "--user", "bob"), ("--all",)):
        with pytest.raises(CommandError, match="another grant"):
            command(whom=whom)
    assert [services.wallet_of(user=user).balance for user in (alice, bob)] == [70, 60]
    assert command(whom=("--user", "alice")).startswith("0 users granted")


def test_everybody_may_be_more_people_at_the_repeat(alice, bob):
    assert command().startswith("2 users granted")
    User.objects.create_user("eve@example.com", user_id="eve")
    assert command().startswith("0 users granted 10 credits each.\nThe key 'k1' was used on")


def test_a_bonus_for_nobody_is_refused_and_leaves_its_key_free(db):
    with pytest.raises(CommandError, match="Nobody would get these credits"):
        command()
    assert not GrantBatch.objects.exists()
    User.objects.create_user("eve@example.com", user_id="eve")
    assert command().startswith("1 user granted")


def test_a_repeat_with_another_expiry_or_priority_is_another_grant(alice):
    command("--priority", "7")
    for more in ((), ("--priority", "8"), ("--priority", "7", "--expires-at", "2099-01-31T00:00Z")):
        with pytest.raises(CommandError, match="another grant"):
            command(*more)
    assert services.wallet_of(user=alice).balance == 70


def test_a_correction_is_linked_to_the_entry_it_corrects(alice, bob, penora):
    charge = services.charge(user=alice, app=penora, amount=5)
    up = services.adjust(user=alice, amount=2, reason="Too dear", entry_id=charge.id)
    assert (up.related, up.transaction_type, up.description) == (charge, "adjustment", "Too dear")
    with pytest.raises(services.InsufficientCredits):
        services.adjust(user=alice, amount=-58, reason="Too much")
    for user, entry_id in ((bob, charge.id), (alice, "txn_unknown")):
        with pytest.raises(InvalidField, match="no such entry"):
            services.adjust(user=user, amount=2, reason="x", entry_id=entry_id)


def test_what_was_used_is_what_was_charged_less_what_came_back(alice, penora, imagegene):
    first = services.charge(user=alice, app=penora, amount=9)
    services.charge(user=alice, app=imagegene, amount=4)
    services.refund(user=alice, app=penora, entry_id=first.id, amount=2, reason="Torn")
    whole = services.charge(user=alice, app=imagegene, amount=3)
    services.refund(user=alice, app=imagegene, entry_id=whole.id, reason="Nothing came")
    said = statements.summary(Entry.objects.owned_by(alice))
    assert (said["used"], said["refunded"]) == (11, 5)
    assert [said["by_app"][app]["used"] for app in ("penora", "imagegene")] == [7, 4]
    wallet = services.wallet_of(user=alice)
    assert said["granted"] + said["purchased"] + said["adjusted"] - said["used"] - said["expired"] == wallet.balance
    drawn = spending.last_days(alice, [penora, imagegene])
    assert (drawn.total, drawn.days[-1].credits) == (11, 11)
    assert {part.app: part.credits for part in drawn.totals} == {penora: 7, imagegene: 4}


def test_a_refund_lessens_the_day_of_its_charge(alice, penora, clock):
    charge = services.charge(user=alice, app=penora, amount=9)
    clock.forward(days=2)
    services.refund(user=alice, app=penora, entry_id=charge.id, amount=4, reason="Torn")
    days = spending.last_days(alice, [penora]).days
    assert [day.credits for day in days[-3:]] == [5, 0, 0]


def test_a_charge_that_came_back_whole_leaves_no_trace_in_the_chart(alice, penora):
    charge = services.charge(user=alice, app=penora, amount=9)
    services.refund(user=alice, app=penora, entry_id=charge.id, reason="Torn")
    chart = spending.last_days(alice, [penora])
    assert (chart.total, chart.totals, chart.days[-1].parts) == (0, [], [])


@pytest.mark.parametrize(
    ("amount", "others", "said", "name"),
    [
        (1, 0, "Granted 1 credit to a user.", "1 credit to 1 person: Sorry"),
        (5, 0, "Granted 5 credits to a user.", "5 credits to 1 person: Sorry"),
        (1, 1, "Granted 1 credit to each of 2 users.", "1 credit to 2 people: Sorry"),
        (5, 1, "Granted 5 credits to each of 2 users.", "5 credits to 2 people: Sorry"),
    ],
)
def test_a_grant_says_how_many_credits_to_how_many_people(alice, bob, amount, others, said, name):
    batch, _ = services.grant_once(key="k1", users=[alice, bob][: others + 1], amount=amount, reason="Sorry")
    assert (services.in_words(batch), str(batch)) == (said, name)
    assert AuditEntry.objects.get(action="bonus.granted").facts["said"] == said


def test_a_bonus_by_command_says_how_many_got_how_much(alice):
    assert command() == "1 user granted 10 credits each.\n"
    assert command().endswith("for 1 user.\n")
