"""A person hears once, by an event and an email, each time their storage fills up to the share they chose."""

from itertools import count

import pytest
from django.core import mail as outbox
from django.test import Client

from accounts import mail
from accounts.errors import InvalidField
from accounts.models import ClientApp, Event, Mail, User
from workspace import content, services
from workspace.models import Project
from workspace.tests.cast import save

PERCENT = 10_486  # bytes: a little more than a hundredth of 1 MB
PIECE = 40
_numbers = count()


def lows(user: User) -> list[dict[str, object]]:
    return [event.data for event in Event.objects.filter(user=user, type="storage.low").order_by("id")]


def grow(user: User, app: ClientApp, percent: int) -> Project:
    """Texts, none like another, that take so many hundredths; the last of them."""
    while percent > PIECE:
        grow(user, app, PIECE)
        percent -= PIECE
    text = f"{next(_numbers):08}".ljust(percent * PERCENT, "x")
    return save(user, app, prepared=content.prepare_text(text, "none")).project


def test_bytes_that_rise_to_the_mark_are_told_by_an_event_and_an_email(alice: User, penora: ClientApp) -> None:
    grow(alice, penora, 79)
    assert lows(alice) == []
    grow(alice, penora, 1)
    assert lows(alice) == [
        {
            "storage_used_bytes": 80 * PERCENT,
            "storage_limit_bytes": 1_048_576,
            "used_percent": 80,
            "threshold_percent": 80,
        }
    ]
    assert mail.deliver() == 1
    [sent] = outbox.outbox
    assert sent.to == ["alice@example.com"]
    assert sent.subject == "80 % of your storage is used"
    assert "filled 819 kB of your 1 MB" in sent.body
    assert "http://127.0.0.1:8000/storage/" in sent.body
    assert mail.deliver() == 0


def test_it_is_told_once_until_less_was_used_again(alice: User, penora: ClientApp) -> None:
    grow(alice, penora, 79)
    first, second = grow(alice, penora, 2), grow(alice, penora, 1)
    services.purge(user=alice, app=None, project_code=first.code)
    grow(alice, penora, 1)
    services.trash(user=alice, app=None, project_code=second.code)
    assert [low["used_percent"] for low in lows(alice)] == [81]
    services.empty_trash(user=alice)
    services.purge(user=alice, app=None, project_code=grow(alice, penora, 1).code)
    assert [low["used_percent"] for low in lows(alice)] == [81]
    services.purge(user=alice, app=None, project_code=Project.objects.earliest("id").code)
    grow(alice, penora, 40)
    assert [low["used_percent"] for low in lows(alice)] == [81, 80]


@pytest.mark.parametrize(("mark", "filled", "told"), [(0, 99, 0), (30, 30, 1), (30, 29, 0), (1, 1, 1), (100, 99, 0)])
def test_the_mark_is_the_persons_own(
    alice: User, bob: User, penora: ClientApp, mark: int, filled: int, told: int
) -> None:
    services.set_full_mark(user=alice, percent=mark)
    grow(alice, penora, filled)
    assert len(lows(alice)) == Mail.objects.count() == told
    assert lows(bob) == []


def test_a_save_that_does_not_fit_tells_nothing(alice: User, penora: ClientApp) -> None:
    grow(alice, penora, 70)
    with pytest.raises(services.WorkspaceFull):
        grow(alice, penora, 31)
    assert (lows(alice), Mail.objects.count()) == ([], 0)


def test_a_mark_is_a_share(alice: User) -> None:
    with pytest.raises(InvalidField):
        services.set_full_mark(user=alice, percent=101)


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
def test_racing_saves_across_the_mark_tell_exactly_once(alice: User, penora: ClientApp, race) -> None:
    grow(alice, penora, 70)
    race(lambda _: grow(alice, penora, 1), times=20)
    assert [low["used_percent"] for low in lows(alice)] == [80]
    assert sum(race(lambda _: mail.deliver(), times=4)) == len(outbox.outbox) == 1


def test_a_person_sets_their_mark_on_the_account_page(alice: User, client: Client) -> None:
    client.force_login(alice)
    assert 'name="full_mark"' in client.get("/account/").content.decode()
    answer = client.post("/storage/low-storage/", {"full_mark": "65"}, follow=True)
    assert "We write to you when 65 % of your storage is used." in answer.content.decode()
    assert services.workspace_of(user=alice).full_mark == 65


@pytest.mark.parametrize("nothing", ["", "0"])
def test_an_empty_mark_turns_the_notice_off(alice: User, client: Client, nothing: str) -> None:
    client.force_login(alice)
    answer = client.post("/storage/low-storage/", {"full_mark": nothing}, follow=True)
    assert "We do not write to you about your storage." in answer.content.decode()
    assert services.workspace_of(user=alice).full_mark == 0


@pytest.mark.parametrize("wrong", ["-1", "much", "1.5", "101"])
def test_a_mark_that_is_no_share_changes_nothing(alice: User, client: Client, wrong: str) -> None:
    client.force_login(alice)
    answer = client.post("/storage/low-storage/", {"full_mark": wrong}, follow=True)
    assert "It must be a whole number from 0 to 100, or empty." in answer.content.decode()
    assert services.workspace_of(user=alice).full_mark == 80


def test_a_stranger_sets_nobodys_mark(alice: User, client: Client) -> None:
    assert client.post("/storage/low-storage/", {"full_mark": "5"}).status_code == 302
    assert services.workspace_of(user=alice).full_mark == 80
