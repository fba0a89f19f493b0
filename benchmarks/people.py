"""The people who are charged: made through the services, so that every row of theirs is a possible one."""

from functools import cache

from accounts import services as accounts
from accounts.models import ClientApp, User
from credits import services
from credits.models import MAX_AMOUNT, Source

APP, OTHER_APP = "penora", "imagegene"


def app(slug: str = APP) -> ClientApp:
    return ClientApp.objects.get(slug=slug)


def key(slug: str = APP) -> str:
    """A key of the app, as it would hold it: one, since an app has no more than two that are live."""
    return _made(slug)


@cache
def _made(slug: str) -> str:
    return accounts.create_api_key(app=app(slug), label="benchmark")[1]


def rich(name: str) -> User:
    """Somebody with a million credits in one grant, the credits of the sign-up spent."""
    user, _ = accounts.register(user_id=name, username=name, email=f"{name}@example.com", app=app())
    services.charge(user=user, app=app(), amount=services.wallet_of(user=user).available)
    services.grant(user=user, amount=MAX_AMOUNT, reason="For the benchmark", source=Source.PURCHASED)
    return user
