"""Staff's pages of apps, keys and connections: a key is shown once, and nothing is rewritten."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from accounts import services
from accounts.models import ApiKey, ClientApp, Connection, Event, IdempotencyRecord, User


@pytest.fixture
def desk(client, staff):
    client.force_login(staff)
    return client


@pytest.fixture
def issue_url(penora):
    return reverse("admin:accounts_clientapp_issue_key", args=[penora.pk])


def test_a_key_is_shown_once_and_has_the_scopes_chosen(desk, issue_url, penora):
    answer = desk.post(issue_url, {"label": "production", "scopes": ["credits:read", "credits:grant"]})
    plaintext = re.findall(r'<code id="new-key">(unk_[a-z0-9_]+)</code>', answer.content.decode())[0]
    key = services.authenticate_key(plaintext=plaintext)
    assert (key.app, key.label, key.scopes) == (penora, "production", ["credits:read", "credits:grant"])
    assert "no-store" in answer["Cache-Control"]
    secret = plaintext.rsplit("_", 1)[1]
    for url in (reverse("admin:accounts_apikey_change", args=[key.pk]), reverse("admin:accounts_apikey_changelist")):
        assert secret not in desk.get(url).content.decode()
    assert secret not in LogEntry.objects.get().change_message


def test_a_new_key_starts_without_granting_and_refunding(desk, issue_url):
    page = desk.get(issue_url).content.decode()
    assert page.count("checked") == 6
    assert not ApiKey.objects.exists()


def test_a_key_cannot_be_issued_without_the_permission(client, db, issue_url):
    client.force_login(User.objects.create_user("helper@example.com", is_staff=True))
    assert client.post(issue_url, {"scopes": ["credits:read"]}).status_code == 403
    assert not ApiKey.objects.exists()


def test_a_revoked_key_opens_nothing(desk, penora):
    key, plaintext = services.create_api_key(app=penora)
    other = services.create_api_key(app=penora)[1]
    desk.post(reverse("admin:accounts_apikey_changelist"), {"action": "revoke", "_selected_action": [key.pk]})
    assert services.authenticate_key(plaintext=plaintext) is None
    assert services.authenticate_key(plaintext=other) is not None
    assert LogEntry.objects.get().get_change_message() == "Revoked."


def test_the_page_of_an_app_lists_its_keys_and_fixes_its_slug(desk, penora):
    key, _ = services.create_api_key(app=penora, label="production")
    url = reverse("admin:accounts_clientapp_change", args=[penora.pk])
    page = desk.get(url).content.decode()
    assert str(key) in page
    assert "Issue a key" in page
    fields = {"name": "Penora 2", "slug": "other", "hue": "30", "first_party": "on", "is_active": "on"}
    desk.post(url, {**fields, "keys-TOTAL_FORMS": 0, "keys-INITIAL_FORMS": 0})
    penora.refresh_from_db()
    assert (penora.name, penora.slug) == ("Penora 2", "penora")


@pytest.mark.parametrize("model", [Connection, Event, IdempotencyRecord, ApiKey, LogEntry])
def test_nobody_adds_changes_or_deletes_what_was_recorded(desk, alice, penora, staff, model):
    services.create_api_key(app=penora)
    Event.objects.create(user=alice, type="credits.changed")
    IdempotencyRecord.objects.create(app=penora, endpoint="deduct-credits", key="k", fingerprint="f", body=b"{}")
    LogEntry.objects.log_actions(staff.pk, [alice], 2, "Looked", single_object=True)
    row = model.objects.get()
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    assert desk.get(reverse(f"{name}_changelist")).status_code == 200
    assert desk.get(reverse(f"{name}_change", args=[row.pk])).status_code == 200
    assert desk.get(reverse(f"{name}_add")).status_code == 403
    assert desk.post(reverse(f"{name}_change", args=[row.pk]), {}).status_code == 403
    assert desk.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


def test_an_app_is_not_deleted(desk, penora):
    assert desk.post(reverse("admin:accounts_clientapp_delete", args=[penora.pk]), {"post": "yes"}).status_code == 403
    assert ClientApp.objects.filter(pk=penora.pk).exists()
