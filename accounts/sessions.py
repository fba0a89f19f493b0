"""Where a person is signed in: ending all of it, and letting go of what has run out."""

from importlib import import_module

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session

from accounts.models import User


def end_all(user: User) -> None:
    """Delete every session of the person's, with what it remembers of them."""
    for session in UserSession.objects.filter(user=user):
        session.end()


def end(user: User, number: int) -> bool:
    """Delete the session that is so numbered in the person's list; says whether there was one."""
    session = UserSession.objects.filter(user=user, pk=number).first()
    if session is not None:
        session.end()
    return session is not None


def prune() -> int:
    """Delete the sessions that have run out, and the list's rows of sessions that are no more; returns those."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    gone: int = UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()[0]
    return gone
