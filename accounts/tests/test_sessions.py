"""Sessions that have run out are let go of, with what the list said of them."""

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
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


def test_a_session_that_staff_delete_is_over(alice: User, bob: User, staff: User, client: Client) -> None:
    clients = {person: Client() for person in (alice, bob)}
    for person, browser in clients.items():
        sign_in(browser, claimed(person))
    rows = {person: UserSession.objects.get(user=person) for person in clients}
    client.force_login(staff)
    page = reverse("admin:usersessions_usersession_changelist")
    chosen = {"action": "delete_selected", "_selected_action": [rows[alice].pk], "post": "yes"}
    assert client.post(page, chosen).status_code == 302
    assert [clients[person].get("/account/").status_code for person in (alice, bob)] == [302, 200]
    one = reverse("admin:usersessions_usersession_delete", args=[rows[bob].pk])
    assert client.post(one, {"post": "yes"}).status_code == 302
    assert clients[bob].get("/account/").status_code == 302
    assert not UserSession.objects.filter(user__in=clients).exists()


@pytest.mark.parametrize("model", ["usersessions_usersession", "mfa_authenticator"])
def test_staff_write_no_session_and_no_factor(staff: User, client: Client, model: str) -> None:
    client.force_login(staff)
    assert client.get(reverse(f"admin:{model}_changelist")).status_code == 200
    assert client.get(reverse(f"admin:{model}_add")).status_code == 403


def test_staff_do_not_see_what_a_factor_knows(alice: User, staff: User, client: Client) -> None:
    factor = Authenticator.objects.create(user=alice, type=Authenticator.Type.TOTP, data={"secret": "sealed-secret"})
    client.force_login(staff)
    page = reverse("admin:mfa_authenticator_change", args=[factor.pk])
    shown = client.get(page)
    assert shown.status_code == 200
    assert b"sealed-secret" not in shown.content
    assert client.post(page, {"data": "{}", "type": "totp"}).status_code == 403
    assert client.post(reverse("admin:mfa_authenticator_delete", args=[factor.pk]), {"post": "yes"}).status_code == 302
    assert not Authenticator.objects.exists()
