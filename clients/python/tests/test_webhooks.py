"""What the server sends is believed; what somebody else made, changed or kept is not."""

import pytest
from accounts import webhooks
from accounts.tests.receiver import happened

from unified_client import InvalidWebhook, verify_webhook


@pytest.fixture
def hook(db, receiver, penora, alice):
    """A message as it came, and the secret it is signed with."""
    _, secret = webhooks.add_endpoint(app=penora, url=receiver.url)
    happened(alice, 7)
    webhooks.deliver()
    (sent,) = receiver.sent
    return sent.body, sent.headers, secret


def test_what_the_server_sends_is_believed(hook):
    body, headers, secret = hook
    event = verify_webhook(body, headers, secret)
    assert (event["type"], event["user_id"], event["data"]) == ("credits.changed", "alice", {"number": 7})
    assert verify_webhook(body, {name.title(): value for name, value in headers.items()}, secret) == event
    assert verify_webhook(body, headers, [webhooks.new_secret(), secret]) == event


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "evt_0"},
        {"webhook-id": ""},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "٣"},
        {"webhook-timestamp": "1e9"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,ümlaut"},
        {"webhook-signature": "v2,AAAA v1a,AAAA"},
    ],
)
def test_changed_headers_are_not_believed(hook, change):
    body, headers, secret = hook
    with pytest.raises(InvalidWebhook):
        verify_webhook(body, {**headers, **change}, secret)


def test_a_changed_body_or_another_secret_is_not_believed(hook):
    body, headers, secret = hook
    with pytest.raises(InvalidWebhook):
        verify_webhook(body.replace(b"alice", b"mallo"), headers, secret)
    with pytest.raises(InvalidWebhook):
        verify_webhook(body, headers, webhooks.new_secret())
    with pytest.raises(InvalidWebhook):
        verify_webhook(body, headers, [])


@pytest.mark.parametrize("seconds", [-301, 301])
def test_what_somebody_kept_is_not_believed_later(hook, monkeypatch, seconds):
    from unified_client import webhooks as checking

    body, headers, secret = hook
    now = int(headers["webhook-timestamp"])
    monkeypatch.setattr(checking.time, "time", lambda: now + seconds)
    with pytest.raises(InvalidWebhook):
        verify_webhook(body, headers, secret)
    assert verify_webhook(body, headers, secret, tolerance=400)["user_id"] == "alice"
