"""People, keys and connections, through the services."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import services
from accounts.errors import AppNotConnected, EmailTaken, InvalidField, KeyNotLive, TooManyKeys, UserNotFound
from accounts.models import DEFAULT_SCOPES, ApiKey, ClientApp, Connection, User


def test_a_key_is_shown_once_and_kept_as_a_hash(penora):
    key, plaintext = services.create_api_key(app=penora, label="Server")
    secret = plaintext.split("_")[2]
    row = " ".join(map(str, ApiKey.objects.values_list().get()))
    assert plaintext.startswith(f"unk_{key.lookup}_")
    assert len(secret) == 64
    assert secret not in row
    assert secret not in str(key)
    assert services.authenticate_key(plaintext=plaintext) == key


def test_a_key_cannot_mint_or_give_back_credits_unless_asked_for(penora):
    key, _ = services.create_api_key(app=penora)
    assert tuple(key.scopes) == DEFAULT_SCOPES
    assert not {"credits:grant", "credits:refund"} & set(key.scopes)


def test_a_key_takes_only_known_scopes_once_each(penora):
    key, _ = services.create_api_key(app=penora, scopes=["credits:read", "credits:read"])
    assert key.scopes == ["credits:read"]
    with pytest.raises(InvalidField, match="credits:steal"):
        services.create_api_key(app=penora, scopes=["credits:steal"])
    assert ApiKey.objects.count() == 1


def test_two_keys_of_an_app_live_side_by_side_while_one_is_replaced(penora):
    old, old_text = services.create_api_key(app=penora)
    new, new_text = services.create_api_key(app=penora)
    assert services.authenticate_key(plaintext=old_text) == old
    services.revoke_api_key(key=old)
    assert services.authenticate_key(plaintext=old_text) is None
    assert services.authenticate_key(plaintext=new_text) == new


def test_a_third_live_key_is_refused_until_one_has_ended(penora, imagegene, clock):
    first, _ = services.create_api_key(app=penora, expires_at=timezone.now() + timedelta(hours=1))
    services.create_api_key(app=penora)
    ClientApp.objects.filter(pk=penora.pk).update(is_active=False)
    with pytest.raises(TooManyKeys):
        services.create_api_key(app=penora)
    with pytest.raises(TooManyKeys):
        services.rotate_api_key(key=first, grace=timedelta(hours=1))
    services.create_api_key(app=imagegene)
    assert penora.keys.count() == 2
    clock.forward(hours=1)
    services.create_api_key(app=penora)
    assert penora.keys.unended().count() == 2


def test_a_replaced_key_works_until_its_grace_is_over(penora, clock):
    old, old_text = services.create_api_key(app=penora, scopes=["credits:read"], label="production")
    new, new_text = services.rotate_api_key(key=old, grace=timedelta(hours=1))
    assert (new.app, new.scopes, new.label, new.expires_at) == (penora, ["credits:read"], "production", None)
    clock.forward(minutes=59)
    assert services.authenticate_key(plaintext=old_text) == old
    clock.forward(minutes=1)
    assert services.authenticate_key(plaintext=old_text) is None
    assert services.authenticate_key(plaintext=new_text) == new


def test_replacing_never_makes_a_key_live_longer(penora, clock):
    soon = timezone.now() + timedelta(minutes=5)
    old, _ = services.create_api_key(app=penora, expires_at=soon)
    services.rotate_api_key(key=old, grace=timedelta(days=30))
    old.refresh_from_db()
    assert old.expires_at == soon
    clock.forward(minutes=5)
    with pytest.raises(KeyNotLive):
        services.rotate_api_key(key=old, grace=timedelta(days=30))
    assert ApiKey.objects.count() == 2


def test_without_grace_a_key_is_replaced_at_once_beside_another(penora):
    services.create_api_key(app=penora)
    old, old_text = services.create_api_key(app=penora)
    _, new_text = services.rotate_api_key(key=old, grace=timedelta())
    assert services.authenticate_key(plaintext=old_text) is None
    assert services.authenticate_key(plaintext=new_text) is not None


@pytest.mark.parametrize(
    "spoil",
    [str.upper, lambda key: key[:-1], lambda key: f"{key}0", lambda key: key[:-1] + "g", lambda key: key + "\n"],
    ids=["upper case", "cut short", "longer", "no hex", "with a newline"],
)
def test_only_the_whole_key_opens_the_door(penora, spoil):
    _, plaintext = services.create_api_key(app=penora)
    assert services.authenticate_key(plaintext=spoil(plaintext)) is None


def test_revoking_twice_keeps_the_first_time(penora, clock):
    key, _ = services.create_api_key(app=penora)
    services.revoke_api_key(key=key)
    first = ApiKey.objects.get().revoked_at
    clock.forward(hours=1)
    services.revoke_api_key(key=key)
    assert ApiKey.objects.get().revoked_at == first


def test_a_key_stops_at_its_expiry_and_with_its_app(penora, clock):
    key, plaintext = services.create_api_key(app=penora)
    ApiKey.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    assert services.authenticate_key(plaintext=plaintext) == key
    clock.forward(hours=1)
    assert services.authenticate_key(plaintext=plaintext) is None
    ApiKey.objects.update(expires_at=None)
    penora.is_active = False
    penora.save()
    assert services.authenticate_key(plaintext=plaintext) is None


def test_the_last_use_is_written_at_most_once_a_minute(penora, clock):
    _, plaintext = services.create_api_key(app=penora)
    services.authenticate_key(plaintext=plaintext)
    first = ApiKey.objects.get().last_used_at
    clock.forward(seconds=50)
    services.authenticate_key(plaintext=plaintext)
    assert ApiKey.objects.get().last_used_at == first
    clock.forward(seconds=11)
    services.authenticate_key(plaintext=plaintext)
    assert ApiKey.objects.filter(last_used_at__gt=first).exists()


def test_registering_makes_a_person_without_a_usable_password_and_connects_the_app(penora):
    user, created = services.register(user_id="rita", username="Rita", email="Rita@Example.com", app=penora)
    assert created
    assert (user.user_id, user.username, user.email) == ("rita", "Rita", "rita@example.com")
    assert not user.has_usable_password()
    assert Connection.objects.get().user == user


def test_registering_again_updates_name_and_email_of_the_same_person(alice, imagegene):
    user, created = services.register(user_id="alice", username="Alicia", email="Alicia@example.com", app=imagegene)
    assert not created
    assert user == alice
    alice.refresh_from_db()
    assert (alice.username, alice.email) == ("Alicia", "alicia@example.com")
    assert Connection.objects.filter(user=alice).count() == 2


@pytest.mark.parametrize("user_id", ["bob", "rita"])
def test_an_email_belongs_to_one_person_in_any_spelling(alice, bob, penora, stored, user_id):
    before = stored()
    with pytest.raises(EmailTaken):
        services.register(user_id=user_id, username="R", email="ALICE@example.com", app=penora)
    assert stored() == before


def test_a_disconnected_app_cannot_come_back_by_registering_its_person(alice, penora, stored):
    services.disconnect(user=alice, app=penora)
    before = stored()
    with pytest.raises(AppNotConnected):
        services.register(user_id="alice", username="Mallory", email="m@example.com", app=penora)
    assert stored() == before


def test_a_first_party_app_connects_on_its_first_call(alice, imagegene):
    assert services.reach(app=imagegene, user_id="alice") == alice
    assert Connection.objects.filter(user=alice, app=imagegene).exists()


def test_another_app_reaches_only_whom_it_registered(alice, stranger_app):
    with pytest.raises(UserNotFound):
        services.reach(app=stranger_app, user_id="alice")
    services.register(user_id="rita", username="Rita", email="rita@example.com", app=stranger_app)
    assert services.reach(app=stranger_app, user_id="rita").username == "Rita"


def test_disconnecting_shuts_an_app_out_until_the_person_lets_it_in(alice, penora):
    services.disconnect(user=alice, app=penora)
    with pytest.raises(AppNotConnected):
        services.reach(app=penora, user_id="alice")
    services.reconnect(user=alice, app=penora)
    assert services.reach(app=penora, user_id="alice") == alice


def test_an_unknown_or_inactive_person_is_not_found(alice, penora):
    with pytest.raises(UserNotFound):
        services.reach(app=penora, user_id="nobody")
    User.objects.filter(pk=alice.pk).update(is_active=False)
    with pytest.raises(UserNotFound):
        services.reach(app=penora, user_id="alice")


def test_everybody_an_app_reaches_is_who_it_could_reach_one_by_one(alice, bob, staff, penora, stranger_app):
    services.disconnect(user=bob, app=penora)
    services.register(user_id="rita", username="Rita", email="rita@example.com", app=stranger_app)
    names = {user.user_id for user in services.reachable(app=penora)}
    assert names == {"alice", "rita"}
    assert [user.user_id for user in services.reachable(app=stranger_app)] == ["rita"]
    services.disconnect(user=User.objects.get(user_id="rita"), app=stranger_app)
    assert not services.reachable(app=stranger_app).exists()
