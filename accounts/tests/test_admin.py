"""Staff's pages of apps, keys and connections: a key is shown once, and nothing is rewritten."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from accounts import services
from accounts.models import ApiKey, AuditEntry, ClientApp, Connection, Event, IdempotencyRecord, User
from accounts.oidc import clients


@pytest.fixture
def desk(client, staff):
    client.force_login(staff)
    return client


@pytest.fixture
def issue_url(penora):
    return reverse("admin:accounts_clientapp_issue_key", args=[penora.pk])


def test_a_key_is_shown_once_and_has_the_scopes_chosen(desk, issue_url, penora):
    answer = desk.post(issue_url, {"label": "production", "scopes": ["credits:read", "credits:grant"]})
    plaintext = shown_key(answer)
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


@pytest.mark.parametrize(("count", "told"), [(1, "1 key revoked."), (2, "2 keys revoked.")])
def test_says_how_many_keys_were_revoked(desk, penora, count, told):
    keys = [services.create_api_key(app=penora)[0].pk for _ in range(count)]
    url = reverse("admin:accounts_apikey_changelist")
    assert told in desk.post(url, {"action": "revoke", "_selected_action": keys}, follow=True).content.decode()


def test_keys_are_called_by_their_name(desk, penora):
    services.create_api_key(app=penora)
    page = desk.get(reverse("admin:accounts_apikey_changelist")).content.decode()
    assert "Select API key to view" in page
    assert "API keys</a>" in page
    assert "Api key" not in page


def shown_key(answer) -> str:
    return re.findall(r'<code id="new-key">(unk_[a-z0-9_]+)</code>', answer.content.decode())[0]


def test_a_key_is_issued_for_a_time(desk, issue_url, clock):
    plaintext = shown_key(desk.post(issue_url, {"scopes": ["credits:read"], "valid_for": "30"}))
    clock.forward(days=29)
    assert services.authenticate_key(plaintext=plaintext) is not None
    clock.forward(days=1)
    assert services.authenticate_key(plaintext=plaintext) is None


def test_a_third_live_key_is_refused_with_a_sentence(desk, issue_url, penora):
    for _ in range(2):
        services.create_api_key(app=penora)
    page = desk.post(issue_url, {"scopes": ["credits:read"]}).content.decode()
    assert "two live keys" in page
    assert "new-key" not in page
    assert penora.keys.count() == 2


def test_a_key_is_replaced_and_shown_once_while_the_old_one_works_on(desk, penora, clock):
    key, old = services.create_api_key(app=penora, scopes=["credits:read"])
    assert "Replace this key" in desk.get(reverse("admin:accounts_apikey_change", args=[key.pk])).content.decode()
    answer = desk.post(reverse("admin:accounts_apikey_rotate", args=[key.pk]), {"grace": "24", "valid_for": "365"})
    new = services.authenticate_key(plaintext=shown_key(answer))
    assert "no-store" in answer["Cache-Control"]
    assert (new.app, new.scopes) == (penora, ["credits:read"])
    assert "Replaced by" in LogEntry.objects.get().get_change_message()
    clock.forward(hours=24)
    assert services.authenticate_key(plaintext=old) is None
    assert services.authenticate_key(plaintext=shown_key(answer)) == new


def test_a_key_cannot_be_replaced_without_the_permission(client, penora):
    key, _ = services.create_api_key(app=penora)
    client.force_login(User.objects.create_user("helper@example.com", is_staff=True))
    url = reverse("admin:accounts_apikey_rotate", args=[key.pk])
    assert client.post(url, {"grace": "0"}).status_code == 403
    assert ApiKey.objects.get().expires_at is None


def test_the_page_of_an_app_lists_its_keys_and_fixes_its_slug(desk, penora):
    key, _ = services.create_api_key(app=penora, label="production")
    url = reverse("admin:accounts_clientapp_change", args=[penora.pk])
    page = desk.get(url).content.decode()
    key_url = reverse("admin:accounts_apikey_change", args=[key.pk])
    assert f'<th scope="row"><a href="{key_url}">{key}</a></th>' in page
    assert '<td data-label="Label"><span>production</span></td>' in page
    assert "Issue a key" in page
    fields = {"name": "Penora 2", "slug": "other", "hue": "30", "first_party": "on", "is_active": "on"}
    none = {f"{name}-{count}_FORMS": 0 for name in ("keys", "webhooks") for count in ("TOTAL", "INITIAL")}
    desk.post(url, {**fields, **none})
    penora.refresh_from_db()
    assert (penora.name, penora.slug) == ("Penora 2", "penora")


@pytest.mark.parametrize("model", [Connection, Event, IdempotencyRecord, ApiKey, AuditEntry])
def test_nobody_adds_changes_or_deletes_what_was_recorded(desk, alice, penora, staff, model):
    services.create_api_key(app=penora)
    Event.objects.create(user=alice, type="credits.changed")
    IdempotencyRecord.objects.create(app=penora, endpoint="deduct-credits", key="k", fingerprint="f", body=b"{}")

    row = model.objects.first()
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


@pytest.fixture
def sign_in_url(penora):
    return reverse("admin:accounts_clientapp_sign_in", args=[penora.pk])


def test_an_app_is_registered_for_sign_in_and_its_secret_shown_once(desk, sign_in_url, penora):
    change = reverse("admin:accounts_clientapp_change", args=[penora.pk])
    assert sign_in_url in desk.get(change).content.decode()
    form = {"redirect_uris": "https://penora.example/callback\r\n", "scopes": ["email", "credits:read"]}
    answer = desk.post(sign_in_url, form)
    secret = re.findall(r'<code id="new-secret">(ucs_[A-Za-z0-9_-]+)</code>', answer.content.decode())[0]
    client = clients.registered("penora")
    assert clients.proves(client, secret)
    assert client.get_redirect_uris() == ["https://penora.example/callback"]
    assert client.get_scopes() == ["openid", "email", "credits:read"]
    assert "no-store" in answer["Cache-Control"]
    assert secret not in LogEntry.objects.get().change_message
    again = desk.get(sign_in_url).content.decode()
    assert "https://penora.example/callback" in again
    assert secret not in again
    assert "new-secret" not in desk.post(sign_in_url, form).content.decode()
    assert "new-secret" in desk.post(sign_in_url, {**form, "new_secret": "on"}).content.decode()
    assert not clients.proves(clients.registered("penora"), secret)


@pytest.mark.parametrize(
    "uri",
    [
        "http://penora.example/callback",
        "https://*.penora.example/callback",
        "https://penora.example/callback#part",
        "https://user:secret@penora.example/callback",
        "https://penora.example/cällback",
        "https://penora.example\\@evil.example/",
        "https://[::1",
        "https://penora.example:port/",
        "penora://callback",
        "javascript:alert(1)",
        "https:///callback",
        "/callback",
    ],
)
def test_a_code_is_sent_to_no_unsafe_address(desk, sign_in_url, settings, uri):
    settings.SECURE = True
    answer = desk.post(sign_in_url, {"redirect_uris": uri})
    assert 'class="errorlist"' in answer.content.decode()
    assert clients.registered("penora") is None


def test_an_app_may_be_on_its_makers_own_machine(desk, sign_in_url, settings):
    settings.SECURE = True
    desk.post(sign_in_url, {"redirect_uris": "http://127.0.0.1:8100/callback"})
    assert clients.registered("penora").get_redirect_uris() == ["http://127.0.0.1:8100/callback"]


def test_sign_in_is_not_set_up_without_the_permission(client, db, sign_in_url):
    client.force_login(User.objects.create_user("helper@example.com", is_staff=True))
    assert client.post(sign_in_url, {"redirect_uris": "https://penora.example/"}).status_code == 403
    assert clients.registered("penora") is None
