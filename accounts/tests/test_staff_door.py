"""The admin opens to staff with a second factor, through the sign-in of everybody."""

import pytest
from django.test import Client

from accounts import factors
from accounts.models import ClientApp, User
from accounts.tests.sign_in_cast import (
    claimed,
    sign_in,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncounted")]
PAGES = ["/admin/", "/admin/accounts/user/", "/admin/jsi18n/", "/admin/no/such/page/"]
WORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _staff_need_a_second_factor(settings) -> None:
    settings.STAFF_NEED_SECOND_FACTOR = True


@pytest.fixture
def codes(staff: User) -> list[str]:
    """Recovery codes of a staff member who has an authenticator app."""
    return factors.set_up_app(staff)[1]


def let_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_strangers_are_asked_to_sign_in_where_everybody_does(client: Client, page: str) -> None:
    assert client.get(page)["Location"] == f"/accounts/login/?next={page}"


def test_the_admins_own_forms_are_replaced(client: Client, staff: User) -> None:
    assert client.get("/admin/login/?next=/admin/")["Location"] == "/accounts/login/?next=/admin/"
    assert client.post("/admin/login/", {"username": staff.email, "password": WORD}).status_code == 302
    assert not let_in(client)
    assert client.get("/admin/password_change/").status_code == 302


@pytest.mark.parametrize("page", PAGES)
def test_whoever_is_not_staff_is_refused(client: Client, alice: User, page: str) -> None:
    sign_in(client, claimed(alice))
    assert client.get(page).status_code == 403


@pytest.mark.parametrize("page", PAGES)
def test_staff_without_a_second_factor_are_sent_to_set_one_up(client: Client, staff: User, page: str) -> None:
    sign_in(client, staff, WORD)
    assert client.get(page)["Location"] == "/accounts/2fa/"
    assert "Staff pages open with a second factor only" in client.get("/accounts/2fa/").content.decode()


def test_no_staff_action_works_without_one(client: Client, staff: User, penora: ClientApp) -> None:
    sign_in(client, staff, WORD)
    answer = client.post(f"/admin/accounts/clientapp/{penora.pk}/issue-key/", {"scopes": ["credits:read"]})
    assert answer["Location"] == "/accounts/2fa/"
    assert penora.keys.count() == 0


def test_staff_come_in_with_their_second_factor_and_go_out_by_post(
    client: Client, staff: User, codes: list[str]
) -> None:
    assert sign_in(client, staff, WORD, "/accounts/login/?next=/admin/")["Location"] == "/accounts/2fa/authenticate/"
    assert not let_in(client)
    assert client.post("/accounts/2fa/authenticate/", {"code": codes[0]})["Location"] == "/admin/"
    assert let_in(client)
    client.get("/admin/logout/")
    assert let_in(client)
    client.post("/admin/logout/")
    assert not let_in(client)


def test_a_session_from_before_the_factor_has_to_show_it(client: Client, staff: User) -> None:
    sign_in(client, staff, WORD)
    codes = factors.set_up_app(staff)[1]
    assert client.get("/admin/")["Location"] == "/accounts/2fa/reauthenticate/?next=/admin/"
    answer = client.post("/accounts/2fa/reauthenticate/", {"code": codes[0], "next": "/admin/"})
    assert answer["Location"] == "/admin/"
    assert let_in(client)


def test_a_session_that_never_said_how_it_began_is_not_let_in(client: Client, staff: User, codes: list[str]) -> None:
    client.force_login(staff)
    assert not let_in(client)


def test_where_debug_says_so_the_password_is_enough(client: Client, staff: User, settings) -> None:
    settings.STAFF_NEED_SECOND_FACTOR = False
    sign_in(client, staff, WORD)
    assert let_in(client)
