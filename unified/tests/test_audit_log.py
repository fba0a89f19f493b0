"""The audit log: every deed of staff and every fate of a key is in it, with the deed or not at all, and stays so."""

import json
import logging
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import DatabaseError, OperationalError, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts import append_only, audit, auditing, closing, exporting, services
from accounts.models import ApiKey, AuditEntry, User
from credits import services as credits
from credits.models import Wallet

REASON = "Counted twice"


@pytest.fixture
def desk(staff):
    client = Client(REMOTE_ADDR="192.0.2.7", headers={"X-Request-ID": "desk-1"})
    client.force_login(staff)
    return client


def last(action):
    return AuditEntry.objects.filter(action=action).first()


def found():
    return [str(fault) for fault in auditing.faults()]


# What is in it.


def test_issuing_and_revoking_a_key_say_who_when_from_where_and_in_which_request(desk, staff, penora):
    url = reverse("admin:accounts_clientapp_issue_key", args=[penora.pk])
    desk.post(url, {"label": "production", "scopes": ["credits:read"]})
    key = ApiKey.objects.get()
    issued = last("key.issued")
    assert (issued.actor, issued.kind, issued.object_id) == (staff, "accounts.apikey", str(key.pk))
    assert issued.request_id == "desk-1"
    assert issued.facts == {
        "address": "192.0.2.7",
        "said": str(key),
        "app": "penora",
        "scopes": ["credits:read"],
        "label": "production",
        "expires_at": None,
    }
    desk.post(reverse("admin:accounts_apikey_changelist"), {"action": "revoke", "_selected_action": [key.pk]})
    assert (last("key.revoked").actor, last("key.revoked").object_id) == (staff, str(key.pk))
    assert found() == []


def test_replacing_a_key_is_in_it_with_the_new_one(penora):
    old, _ = services.create_api_key(app=penora)
    new, _ = services.rotate_api_key(key=old, grace=timedelta(days=1))
    assert (last("key.rotated").object_id, last("key.issued").object_id) == (str(old.pk), str(new.pk))
    assert last("key.rotated").facts["said"] == f"Replaced by {new}"


def test_a_key_from_the_shell_is_nobody_s(penora):
    call_command("create_api_key", "penora", stdout=StringIO())
    entry = last("key.issued")
    assert (entry.actor, entry.request_id, entry.facts["address"]) == (None, "-", "")


def test_a_key_revoked_twice_is_revoked_once(penora):
    key, _ = services.create_api_key(app=penora)
    services.revoke_api_key(key=key)
    services.revoke_api_key(key=key)
    assert AuditEntry.objects.filter(action="key.revoked").count() == 1


def test_a_changed_app_is_in_it_with_what_it_was_and_is(desk, penora):
    fields = {"name": "Penora 2", "hue": "30", "first_party": "on", "is_active": "on"}
    formset = {f"{name}-{count}_FORMS": 0 for name in ("keys", "webhooks") for count in ("TOTAL", "INITIAL")}
    desk.post(reverse("admin:accounts_clientapp_change", args=[penora.pk]), {**fields, **formset})
    entry = last("changed")
    assert (entry.kind, entry.object_id) == ("accounts.clientapp", str(penora.pk))
    assert entry.facts["values"]["name"] == ["Penora", "Penora 2"]


def test_given_powers_are_in_it_by_name(desk, alice):
    group = Group.objects.create(name="Support")
    may = Permission.objects.get(codename="add_apikey")
    form = {
        "username": "Alice",
        "is_active": "on",
        "is_staff": "on",
        "groups": [group.pk],
        "user_permissions": [may.pk],
    }
    desk.post(reverse("admin:accounts_user_change", args=[alice.pk]), form)
    values = last("changed").facts["values"]
    assert values["is_staff"] == [False, True]
    assert values["groups"] == [[], ["Support"]]
    assert values["user_permissions"] == [[], [str(may)]]


def test_another_package_s_model_is_audited_too(desk):
    desk.post(reverse("admin:auth_group_add"), {"name": "Support"})
    group = Group.objects.get()
    assert (last("added").kind, last("added").object_id) == ("auth.group", str(group.pk))
    desk.post(reverse("admin:auth_group_delete", args=[group.pk]), {"post": "yes"})
    assert (last("deleted").kind, last("deleted").facts["said"]) == ("auth.group", "Support")


def test_corrections_bonuses_and_released_holds_are_in_it(desk, alice, penora):
    version = credits.wallet_of(user=alice).version
    adjust = {"amount": "-5", "reason": REASON, "version": version}
    desk.post(reverse("admin:accounts_user_adjust", args=[alice.pk]), adjust)
    assert last("wallet.adjusted").person == alice
    assert REASON in last("wallet.adjusted").facts["said"]
    hold = credits.hold(user=alice, app=penora, amount=5)
    desk.post(reverse("admin:credits_hold_release", args=[hold.pk]), {"reason": "The app is gone"})
    assert (last("hold.released").object_id, last("hold.released").person) == (hold.pk, alice)
    credits.grant_once(key="k", users=[alice], amount=3, reason="Party")
    credits.grant_once(key="k", users=[alice], amount=3, reason="Party")
    assert AuditEntry.objects.filter(action="bonus.granted").count() == 1


def test_staff_signing_in_is_in_it_and_others_are_not(alice, staff):
    Client().force_login(alice)
    assert not AuditEntry.objects.filter(action="staff.signed_in").exists()
    Client().force_login(staff)
    assert last("staff.signed_in").actor == staff


def test_secrets_are_not(penora, penora_key):
    audit.record("noted", said=f"Somebody pasted {penora_key}.", nested={"list": [f"Bearer {penora_key}"]}, flag=True)
    entry = last("noted")
    assert penora_key not in entry.details
    assert entry.facts["said"] == f"Somebody pasted {penora_key[:13]}[hidden]."
    assert entry.facts["flag"] is True


# With the deed or not at all.


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", ["accounts_auditentry", "accounts_audithead", "django_admin_log"])
def test_what_cannot_be_noted_is_not_done(staff, alice, table):
    desk = Client(raise_request_exception=False)
    desk.force_login(staff)
    wallet = credits.wallet_of(user=alice)
    before = Wallet.objects.values().get(), AuditEntry.objects.count()

    def refuse(execute, sql, params, many, context):
        if table in sql and not sql.startswith("SELECT"):
            raise OperationalError("the log is full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        adjust = {"amount": "-5", "reason": REASON, "version": wallet.version}
        assert desk.post(reverse("admin:accounts_user_adjust", args=[alice.pk]), adjust).status_code == 500
    assert (Wallet.objects.values().get(), AuditEntry.objects.count()) == before
    assert found() == []


@pytest.mark.django_db(transaction=True)
def test_what_is_not_done_is_not_noted(alice, caplog):
    caplog.set_level(logging.INFO)
    with transaction.atomic():
        audit.record("noted")
        transaction.set_rollback(True)
    assert not AuditEntry.objects.exists()
    assert "noted" not in caplog.text


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
def test_racing_entries_stand_in_one_chain(race):
    results = race(lambda number: audit.record("noted", number=number).pk, times=40)
    assert sorted(results) == list(range(1, 41))
    assert found() == []


@pytest.mark.django_db(transaction=True)
def test_the_server_s_log_says_where_the_chain_stands(caplog):
    caplog.set_level(logging.INFO)
    entry = audit.record("noted")
    assert entry.hash in caplog.text


# It stays as it is.


@pytest.fixture
def history(alice, bob, penora):
    """Four entries, the second about Alice, the last about Bob."""
    key, _ = services.create_api_key(app=penora)
    audit.record("wallet.adjusted", about=alice, said="Alice was charged twice")
    services.revoke_api_key(key=key)
    return audit.record("wallet.adjusted", about=bob, said="So was Bob")


@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET action = 'x'", "UPDATE {} SET details = 'x'"])
def test_no_entry_is_changed_or_deleted(history, statement):
    before = list(AuditEntry.objects.values())
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format("accounts_auditentry"))
    assert list(AuditEntry.objects.values()) == before


TABLE = "accounts_auditentry"
PLANTED = {
    "action": ("UPDATE accounts_auditentry SET action = 'x' WHERE id = 2", "audit entry 2: hash does not fit"),
    "actor": ("UPDATE accounts_auditentry SET actor_id = person_id WHERE id = 2", "audit entry 2: hash does not fit"),
    "object": ("UPDATE accounts_auditentry SET object_id = '99' WHERE id = 3", "audit entry 3: hash does not fit"),
    "request": ("UPDATE accounts_auditentry SET request_id = 'x' WHERE id = 4", "audit entry 4: hash does not fit"),
    "details": ("UPDATE accounts_auditentry SET details = '{}' WHERE id = 1", "audit entry 1: hash does not fit"),
    "time": (
        "UPDATE accounts_auditentry SET created_at = '2020-01-01' WHERE id = 1",
        "audit entry 1: hash does not fit",
    ),
    "hash": ("UPDATE accounts_auditentry SET hash = 'x' WHERE id = 1", "audit entry 1: hash does not fit"),
    "gone": ("DELETE FROM accounts_auditentry WHERE id = 2", "audit entry 3: stands where 2 should follow"),
    "first gone": ("DELETE FROM accounts_auditentry WHERE id = 1", "audit entry 2: stands where 1 should follow"),
    "last gone": ("DELETE FROM accounts_auditentry WHERE id = 4", "audit head: stands at 4, the rows end at 3"),
    "head": ("UPDATE accounts_audithead SET last_id = 9", "audit head: stands at 9, the rows end at 4"),
}


def plant(*statements):
    append_only.remove()
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    append_only.install()


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_named(history, name):
    statement, fault = PLANTED[name]
    plant(statement)
    assert [line[: len(fault)] for line in found()] == [fault]
    with pytest.raises(SystemExit) as ended:
        call_command("check_audit_log", stdout=(said := StringIO()))
    assert ended.value.code == 1
    assert fault in said.getvalue()


def test_a_missing_trigger_is_named(history):
    append_only.remove()
    assert {line.split(":")[0] for line in found()} >= {
        f"trigger {TABLE}_{what}" for what in ("no_update", "no_delete", "no_rewrite")
    }
    append_only.install()


def test_the_check_says_where_the_log_ends_and_finds_that_again(history):
    call_command("check_audit_log", stdout=(said := StringIO()))
    assert said.getvalue() == f"4 entries, 0 faults.\nThe log ends at 4:{history.hash}\n"
    audit.record("noted")
    call_command("check_audit_log", "--noted", f"4:{history.hash}", stdout=(said := StringIO()))
    assert said.getvalue().startswith("5 entries, 0 faults.\n")


def test_a_log_made_anew_is_found_out_by_what_was_noted(history):
    noted = {2: AuditEntry.objects.get(pk=2).hash, 4: history.hash}
    plant("DELETE FROM accounts_auditentry", "DELETE FROM accounts_audithead")
    for _ in range(2):
        audit.record("noted")
    assert found() == []
    assert list(map(str, auditing.faults(noted))) == [
        "audit entry 2: hash is not the one that was noted: the log was made anew"
    ]
    assert list(map(str, auditing.faults({4: history.hash}))) == ["audit entry 4: was noted, and is not there"]


@pytest.mark.parametrize("text", ["4", "four:x", "0:" + "0" * 64, "4:" + "g" * 64])
def test_what_was_noted_otherwise_is_refused(db, text):
    with pytest.raises(Exception, match="is not a number and a hash"):
        call_command("check_audit_log", "--noted", text)


# Who leaves.


def test_what_was_said_about_a_person_goes_with_them_and_the_chain_holds(history, alice, bob):
    said = AuditEntry.objects.get(pk=2).details
    salt = json.loads(said)["salt"]
    closing.forget(alice)
    entry = AuditEntry.objects.get(pk=2)
    assert entry.is_erased
    assert entry.facts == {}
    assert salt not in entry.details
    assert AuditEntry.objects.get(pk=4).facts["said"] == "So was Bob"
    assert found() == []


def test_what_was_said_about_who_has_not_left_is_not_erased_unseen(history, bob):
    AuditEntry.objects.filter(pk=4).update(details=f"erased:{audit.digest_of(history.details)}")
    assert found() == ["audit entry 4: what it said was erased, and its person has not left"]
    AuditEntry.objects.filter(pk=1).update(details=f"erased:{audit.digest_of(AuditEntry.objects.get(pk=1).details)}")
    assert found() == ["audit entry 1: what it said was erased, and its person has not left"]


# Who reads it.


def test_a_person_s_export_says_what_staff_did_and_not_who(history, alice, bob):
    (act,) = exporting.staff_acts(alice)
    assert (act["action"], act["on"]) == ("wallet.adjusted", "accounts.user")
    assert act.keys() == {"action", "on", "created_at"}


def test_staff_read_filter_and_search_it(desk, history):
    url = reverse("admin:accounts_auditentry_changelist")
    assert desk.get(url).content.decode().count("wallet.adjusted") >= 2
    page = desk.get(url, {"q": "charged twice"}).content.decode()
    assert "Alice was charged twice" in page
    assert "So was Bob" not in page
    assert "So was Bob" not in desk.get(url, {"action": "key.issued"}).content.decode()
    assert "So was Bob" in desk.get(reverse("admin:accounts_auditentry_change", args=[history.pk])).content.decode()


def test_staff_without_the_permission_do_not_read_it(history):
    helper = Client()
    helper.force_login(User.objects.create_user("helper@example.com", is_staff=True))
    assert helper.get(reverse("admin:accounts_auditentry_changelist")).status_code == 403


def test_an_entry_without_its_details_is_still_shown(desk, history, alice):
    closing.forget(alice)
    assert desk.get(reverse("admin:accounts_auditentry_changelist")).status_code == 200
    assert desk.get(reverse("admin:accounts_auditentry_change", args=[2])).status_code == 200
