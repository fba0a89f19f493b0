"""Sessions that have run out are let go of, with what the list said of them."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts import sessions
from accounts.models import User
from accounts.tests.sign_in_cast import claimed, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncounted")]


def test_what_ran_out_goes_and_what_is_alive_stays(alice: User) -> None:
    claimed(alice)
    clients = [Client(), Client()]
    for client in clients:
        sign_in(client, alice)
    old = clients[0].session.session_key
    Session.objects.filter(pk=old).update(expire_date=timezone.now() - timedelta(seconds=1))
    assert sessions.prune() == 1
    assert [row.session_key for row in UserSession.objects.all()] == [clients[1].session.session_key]
    assert not Session.objects.filter(pk=old).exists()
    assert clients[1].get("/account/").status_code == 200


def test_ending_all_ends_all(alice: User, bob: User) -> None:
    clients = {person: Client() for person in (alice, bob)}
    for person, client in clients.items():
        sign_in(client, claimed(person))
    sessions.end_all(alice)
    assert [clients[person].get("/account/").status_code for person in (alice, bob)] == [302, 200]
