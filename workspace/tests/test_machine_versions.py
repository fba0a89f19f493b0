"""Shared bytes and earlier versions against a model in plain Python: what counts, what lies in free room, what goes."""

import random
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from accounts import services as accounts
from accounts.models import ClientApp
from credits import services as credits
from workspace import content, services
from workspace.auditing import Tally, audit
from workspace.models import Project, ProjectVersion
from workspace.services import WorkspaceFull
from workspace.services.versions import bytes_of
from workspace.tests.cast import LIMIT, adds_up, save, used

PEOPLE = count()
PICK = st.integers(0, 1_000)
# Few texts, so that projects meet in them.
LENGTHS = (0, 40, 500, 60_000, 200_000, 400_000, 500_000)
TEXTS = [content.prepare_text(random.Random(length).randbytes(length // 2).hex(), "auto") for length in LENGTHS]
TEXT = st.integers(0, len(TEXTS) - 1)


def size_of(text: int) -> int:
    return TEXTS[text].counted_bytes


@dataclass
class Model:
    """Which text each project shows, and which each showed before, the oldest first."""

    shows: dict[str, int] = field(default_factory=dict)
    trash: set[str] = field(default_factory=set)
    earlier: list[tuple[str, int, int]] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)
    limit: int = LIMIT

    @property
    def used(self) -> int:
        return sum(map(size_of, set(self.shows.values())))

    @property
    def room(self) -> int:
        return self.limit - self.used - sum(self.held.values())

    @property
    def lent(self) -> set[int]:
        return {text for _, _, text in self.earlier} - set(self.shows.values())

    def takes(self, code: str, text: int) -> bool:
        """Whether `code` may show `text`: what that adds fits, or it adds nothing."""
        added = sum(map(size_of, {*({**self.shows, code: text}).values()})) - self.used
        return added <= max(0, self.room)

    def trim(self) -> None:
        """From the newest on, versions stay as long as the bytes that they alone show have room; the older all go."""
        room, seen, alone = self.room, set[int](), self.lent
        for version in reversed(self.earlier.copy()):
            if version[2] in alone:
                room -= 0 if version[2] in seen else size_of(version[2])
                seen.add(version[2])
                if room < 0:
                    self.earlier.remove(version)


class VersionsMachine(RuleBasedStateMachine):
    """One person's workspace, and the model that must agree with it after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.app = ClientApp.objects.get(slug="penora")
        name = f"writer{next(PEOPLE)}"
        self.user, _ = accounts.register(user_id=name, username=name, email=f"{name}@example.com", app=self.app)
        self.model = Model()

    def pick(self, number: int, *, trashed: bool = False) -> str:
        among = [code for code in self.model.shows if (code in self.model.trash) is trashed]
        return among[number % len(among)] if among else ""

    def put(self, code: str, text: int, work: Any, **terms: Any) -> None:
        """Let `code` show `text`, or be refused where the model says so."""
        if not self.model.takes(code, text):
            with pytest.raises(WorkspaceFull):
                work(**terms)
            return
        version = Project.objects.get(code=code).version if code in self.model.shows else 0
        made = work(**terms)
        shown, code = self.model.shows.get(code), code or made.project.code
        self.model.shows[code] = text
        if shown is not None and shown != text:
            self.model.earlier.append((code, version, shown))
        self.model.trim()

    @rule(text=TEXT)
    def saves(self, text: int) -> None:
        self.put("", text, save, user=self.user, app=self.app, prepared=TEXTS[text])

    @rule(number=PICK, text=TEXT)
    def updates(self, number: int, text: int) -> None:
        if code := self.pick(number):
            named = {"user": self.user, "app": self.app, "project_code": code}
            self.put(code, text, services.update_project, **named, prepared=TEXTS[text], changes={})

    @rule(number=PICK, text=TEXT)
    def saves_over(self, number: int, text: int) -> None:
        if code := self.pick(number):
            self.put(code, text, save, user=self.user, app=self.app, project_code=code, prepared=TEXTS[text])

    @precondition(lambda self: self.model.earlier)
    @rule(number=PICK)
    def goes_back(self, number: int) -> None:
        code, version, text = self.model.earlier[number % len(self.model.earlier)]
        named = {"user": self.user, "app": None, "project_code": code, "number": version}
        if code in self.model.trash:
            with pytest.raises(services.ProjectNotFound):
                services.restore_version(**named)
            return
        # There is always room for it.
        assert self.model.takes(code, text)
        self.put(code, text, services.restore_version, **named)

    @rule(number=PICK)
    def trashes(self, number: int) -> None:
        if code := self.pick(number):
            services.trash(user=self.user, app=None, project_code=code)
            self.model.trash.add(code)

    @rule(number=PICK)
    def restores(self, number: int) -> None:
        if code := self.pick(number, trashed=True):
            services.restore(user=self.user, app=None, project_code=code)
            self.model.trash.discard(code)

    @rule(number=PICK, trashed=st.booleans())
    def purges(self, number: int, trashed: bool) -> None:
        if code := self.pick(number, trashed=trashed):
            before = self.model.used
            del self.model.shows[code]
            self.model.trash.discard(code)
            self.model.earlier = [version for version in self.model.earlier if version[0] != code]
            assert services.purge(user=self.user, app=None, project_code=code) == before - self.model.used
            self.model.trim()

    @rule(size=st.integers(0, LIMIT))
    def holds(self, size: int) -> None:
        terms = {"user": self.user, "app": self.app, "amount": 1, "storage_bytes": size}
        if size > max(0, self.model.room):
            with pytest.raises(WorkspaceFull):
                services.hold(**terms)
        elif credits.wallet_of(user=self.user).available:
            self.model.held[services.hold(**terms).hold.id] = size
            self.model.trim()

    @precondition(lambda self: self.model.held)
    @rule(number=PICK)
    def releases(self, number: int) -> None:
        hold_id = list(self.model.held)[number % len(self.model.held)]
        credits.release(user=self.user, app=self.app, hold_id=hold_id)
        del self.model.held[hold_id]

    @rule(limit=st.one_of(st.integers(1, 2 * LIMIT), st.just(LIMIT)))
    def staff_move_the_limit(self, limit: int) -> None:
        services.set_limit(user=self.user, limit_bytes=limit)
        self.model.limit = limit
        self.model.trim()

    @invariant()
    def agrees_with_the_model(self) -> None:
        texts = {prepared.identity: number for number, prepared in enumerate(TEXTS)}
        shown = Project.objects.owned_by(self.user).values_list("code", "content__identity")
        assert {code: texts[identity] for code, identity in shown} == self.model.shows
        kept = ProjectVersion.objects.filter(user=self.user).order_by("replaced_at", "pk")
        rows = kept.values_list("project__code", "number", "content__identity")
        assert [(code, number, texts[identity]) for code, number, identity in rows] == self.model.earlier
        services.workspace_of(user=self.user)
        assert used(self.user) == self.model.used
        assert bytes_of(self.user) == sum(map(size_of, self.model.lent)) <= max(0, self.model.room)
        assert adds_up(self.user)

    def teardown(self) -> None:
        assert list(audit(Tally())) == []


@pytest.mark.django_db
def test_shared_bytes_and_versions_agree_with_their_model() -> None:
    run_state_machine_as_test(
        VersionsMachine,
        settings=settings(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
