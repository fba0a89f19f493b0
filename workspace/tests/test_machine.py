"""The quota against a model in plain Python: whatever happens in whatever order, refusals included."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from accounts import services as accounts
from accounts.errors import DomainError
from accounts.models import ClientApp
from credits import services as credits
from workspace import services
from workspace.models import Project
from workspace.services.storage import room_for
from workspace.tests.cast import LIMIT, save, text_of, used

PEOPLE = count()
PICK = st.integers(0, 1_000)
SIZE = st.one_of(st.integers(0, 400_000), st.sampled_from([0, 1, 131_072, 262_144, 500_000]))
# Differences to the room there is: an exact fit and its neighbours are what go wrong.
EDGE = st.integers(-2, 2)


@dataclass
class Model:
    """What should be true: sizes of live and trashed projects, bytes of open holds, credits that can be spent."""

    live: dict[str, int] = field(default_factory=dict)
    trash: dict[str, int] = field(default_factory=dict)
    holds: dict[str, int] = field(default_factory=dict)
    credits: int = 60
    limit: int = LIMIT

    @property
    def used(self) -> int:
        return sum(self.live.values()) + sum(self.trash.values())

    @property
    def room(self) -> int:
        return self.limit - self.used - sum(self.holds.values())

    @property
    def savable(self) -> int:
        """What a new project may take."""
        return max(0, self.room)

    def takes(self, required: int) -> bool:
        """Whether `required` more bytes fit."""
        return required <= self.savable

    def make_way(self, required: int) -> None:
        """What happens on its own before `required` more bytes are taken."""


class QuotaMachine(RuleBasedStateMachine):
    """One person's workspace, and the model that must agree with it after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.app = ClientApp.objects.get(slug="penora")
        name = f"person{next(PEOPLE)}"
        self.user, _ = accounts.register(user_id=name, username=name, email=f"{name}@example.com", app=self.app)
        self.model = Model()

    def attempt(self, expected: str, work: Any, **terms: Any) -> Any:
        """Do it, and be refused with exactly the expected code ("" for none)."""
        if not expected:
            return work(user=self.user, app=self.app, **terms)
        with pytest.raises(DomainError) as refusal:
            work(user=self.user, app=self.app, **terms)
        assert refusal.value.code == expected
        return None

    def pick(self, place: dict[str, int], number: int) -> str:
        return list(place)[number % len(place)]

    def store(self, size: int, price: int) -> None:
        expected = "insufficient_credits" if price > self.model.credits else ""
        expected = expected or ("" if self.model.takes(size) else "workspace_full")
        terms = {"charge": {"amount": price}} if price else {}
        saved = self.attempt(expected, save, size=size, **terms)
        if saved is not None:
            self.model.make_way(size)
            self.model.live[saved.project.code] = size
            self.model.credits -= price

    @rule(size=SIZE, price=st.sampled_from([0, 0, 1, 7, 61]))
    def saves(self, size: int, price: int) -> None:
        self.store(size, price)

    @precondition(lambda self: 2 <= self.model.room <= 520_000)
    @rule(edge=EDGE)
    def saves_to_the_edge(self, edge: int) -> None:
        self.store(self.model.room + edge, 0)

    @precondition(lambda self: self.model.live)
    @rule(number=PICK, size=SIZE)
    def updates(self, number: int, size: int) -> None:
        code = self.pick(self.model.live, number)
        delta = size - self.model.live[code]
        expected = "" if delta <= 0 or self.model.takes(delta) else "workspace_full"
        prepared = text_of(size)
        terms = {"project_code": code, "prepared": prepared, "changes": {}}
        if self.attempt(expected, services.update_project, **terms) is not None:
            self.model.make_way(delta)
            self.model.live[code] = size

    @precondition(lambda self: self.model.live)
    @rule(number=PICK)
    def trashes(self, number: int) -> None:
        code = self.pick(self.model.live, number)
        self.attempt("", services.trash, project_code=code)
        self.model.trash[code] = self.model.live.pop(code)

    @precondition(lambda self: self.model.trash)
    @rule(number=PICK)
    def restores(self, number: int) -> None:
        code = self.pick(self.model.trash, number)
        self.attempt("", services.restore, project_code=code)
        self.model.live[code] = self.model.trash.pop(code)

    @precondition(lambda self: self.model.trash)
    @rule(number=PICK)
    def cannot_update_what_is_in_the_trash(self, number: int) -> None:
        code = self.pick(self.model.trash, number)
        self.attempt("project_not_found", services.update_project, project_code=code, changes={"title": "New"})

    @precondition(lambda self: self.model.live or self.model.trash)
    @rule(number=PICK)
    def purges(self, number: int) -> None:
        code = self.pick(self.model.live | self.model.trash, number)
        place = self.model.live if code in self.model.live else self.model.trash
        assert self.attempt("", services.purge, project_code=code) == place.pop(code)
        self.attempt("project_not_found", services.purge, project_code=code)

    @rule()
    def empties_the_trash(self) -> None:
        freed = services.empty_trash(user=self.user)
        assert freed == (len(self.model.trash), sum(self.model.trash.values()))
        self.model.trash.clear()

    @rule(size=SIZE, amount=st.sampled_from([1, 5, 61]))
    def holds(self, size: int, amount: int) -> None:
        expected = "" if self.model.takes(size) else "workspace_full"
        expected = expected or ("insufficient_credits" if amount > self.model.credits else "")
        reserved = self.attempt(expected, services.hold, amount=amount, storage_bytes=size)
        if reserved is not None:
            self.model.make_way(size)
            self.model.holds[reserved.hold.id] = size
            self.model.credits -= amount

    @precondition(lambda self: self.model.holds)
    @rule(number=PICK)
    def releases(self, number: int) -> None:
        hold_id = self.pick(self.model.holds, number)
        held = self.attempt("", credits.release, hold_id=hold_id)
        self.model.credits += held.amount
        del self.model.holds[hold_id]

    @precondition(lambda self: self.model.holds)
    @rule(number=PICK, size=SIZE)
    def saves_with_a_hold(self, number: int, size: int) -> None:
        hold_id = self.pick(self.model.holds, number)
        kept_free = self.model.holds.pop(hold_id)
        expected = "" if self.model.takes(size) else "workspace_full"
        saved = self.attempt(expected, save, size=size, hold_id=hold_id)
        if saved is None:
            self.model.holds[hold_id] = kept_free
            return
        self.model.make_way(size)
        self.model.live[saved.project.code] = size

    @invariant()
    def agrees_with_the_model(self) -> None:
        rows = Project.objects.owned_by(self.user).values_list("code", "file_size_bytes", "trashed_at")
        live = {code: size for code, size, at in rows if at is None}
        trash = {code: size for code, size, at in rows if at is not None}
        assert (live, trash) == (self.model.live, self.model.trash)
        services.workspace_of(user=self.user)
        assert used(self.user) == self.model.used
        assert room_for(user=self.user) == self.model.savable
        assert credits.wallet_of(user=self.user).available == self.model.credits


@pytest.mark.django_db
def test_the_quota_agrees_with_its_model() -> None:
    run_state_machine_as_test(
        QuotaMachine,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
