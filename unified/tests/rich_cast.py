"""A person with a thousand projects and ten thousand entries, written in bulk: the services would take hours."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import ClientApp, User
from credits.models import Entry, Wallet
from workspace.models import CODE_ALPHABET, Project
from workspace.tests.page_cast import paint, write

PROSE = "The keeper counted the steps again, as he did on every night when the fog came in from the east. " * 8


def enrich(user: User, projects: int, entries: int) -> list[Project]:
    """Give the person so many projects, one in ten of them in the trash, and entries; returns a text and a picture."""
    known = Project.objects.count()
    samples = [write(user, "A text", PROSE, tags=["tag"]), paint(user, "A picture")]
    made = [_copy(samples[number % 2], number, known + number) for number in range(projects - 2)]
    Project.objects.bulk_create(made)
    wallet, apps = Wallet.objects.get(pk=user.pk), list(ClientApp.objects.all())
    last = Entry.objects.filter(wallet=wallet).count()
    Entry.objects.bulk_create(_entry(wallet, apps[number % 2], last + number, made) for number in range(1, entries))
    return samples


def _copy(sample: Project, number: int, place: int) -> Project:
    fields = {field.attname: getattr(sample, field.attname) for field in Project._meta.concrete_fields}
    moment = timezone.now() - timedelta(hours=3 * number + 1)
    changed = {
        "id": None,
        "code": _code(place),
        "title": f"{sample.title} {number}",
        "tags": [f"tag {number % 7}"],
        "tag_index": f"\ntag {number % 7}\n",
        "created_at": moment,
        "updated_at": moment,
        "trashed_at": timezone.now() if number % 10 == 0 else None,
    }
    return Project(**{**fields, **changed})


def _code(number: int) -> str:
    """A code like any other, starting with three letters that chance hardly ever gives."""
    tail = "".join(CODE_ALPHABET[number // 31**place % 31] for place in range(3))
    return f"ZZZ{tail}"


def _entry(wallet: Wallet, app: ClientApp, version: int, made: list[Project]) -> Entry:
    return Entry(
        wallet=wallet,
        version=version,
        app=app,
        transaction_type="used",
        amount=-1,
        balance_after=50,
        description=f"Work {version}",
        project_code=made[version % len(made)].code,
        created_at=timezone.now() - timedelta(minutes=7 * version),
        hash="0" * 64,
    )
