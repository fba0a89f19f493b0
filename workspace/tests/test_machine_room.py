"""The quota machine with all that makes room: bulk calls, compressing, a limit that staff move, room from the trash."""

from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test
from hypothesis.strategies import DataObject

from workspace import services
from workspace.auditing import Tally, audit
from workspace.models import Project, Workspace
from workspace.tests.cast import LIMIT, adds_up
from workspace.tests.test_machine import Model, QuotaMachine


@dataclass
class RoomModel(Model):
    """The same, with a limit that moves, and a trash that may give way, what was trashed first before the rest."""

    from_trash: bool = False
    trashed: list[str] = field(default_factory=list)

    @property
    def savable(self) -> int:
        return max(0, self.room + (sum(self.trash.values()) if self.from_trash else 0))

    def takes(self, required: int) -> bool:
        return required <= max(0, self.room) or (required > 0 and required <= self.savable)

    def make_way(self, required: int) -> None:
        missing = required - max(self.room, 0) if self.room >= 0 else required - self.room
        for code in [code for code in self.trashed if self.trash.get(code)] if required > max(0, self.room) else ():
            if missing > 0:
                missing -= self.trash.pop(code)
                self.trashed.remove(code)


class RoomMachine(QuotaMachine):
    """One person's workspace under everything that makes room in it."""

    model: RoomModel

    def __init__(self) -> None:
        super().__init__()
        self.model = RoomModel()
        self.compressed: set[int] = set()

    @invariant()
    def follows_the_order_of_the_trash(self) -> None:
        # What other rules took out of the trash, or put there last.
        self.model.trashed = [code for code in self.model.trashed if code in self.model.trash]
        self.model.trashed += [code for code in self.model.trash if code not in self.model.trashed]

    @rule(choice=st.booleans())
    def chooses(self, choice: bool) -> None:
        services.set_preferences(user=self.user, make_room_from_trash=choice, fit=False, max_edge=None)
        self.model.from_trash = choice

    @rule(limit=st.one_of(st.integers(1, 2 * LIMIT), st.just(LIMIT)))
    def staff_move_the_limit(self, limit: int) -> None:
        services.set_limit(user=self.user, limit_bytes=limit)
        self.model.limit = limit

    def some(self, data: DataObject, place: dict[str, int]) -> list[str]:
        """Some of them as they were made: in that order they lie in the trash when they come there together."""
        chosen = data.draw(st.sets(st.sampled_from(sorted(place)), min_size=1))
        return list(Project.objects.filter(code__in=chosen).order_by("pk").values_list("code", flat=True))

    @precondition(lambda self: self.model.live)
    @rule(data=st.data())
    def trashes_many(self, data: DataObject) -> None:
        codes = self.some(data, self.model.live)
        outcomes = services.trash_many(user=self.user, app=self.app, project_codes=[*codes, "ZZZZZ9"])
        assert [outcome.refusal is None for outcome in outcomes] == [True] * len(codes) + [False]
        for code in codes:
            self.model.trash[code] = self.model.live.pop(code)

    @precondition(lambda self: self.model.trash)
    @rule(data=st.data())
    def restores_many(self, data: DataObject) -> None:
        codes = self.some(data, self.model.trash)
        services.restore_many(user=self.user, app=None, project_codes=codes)
        for code in codes:
            self.model.live[code] = self.model.trash.pop(code)

    @precondition(lambda self: self.model.live or self.model.trash)
    @rule(data=st.data())
    def purges_many(self, data: DataObject) -> None:
        codes = self.some(data, self.model.live | self.model.trash)
        outcomes = services.purge_many(user=self.user, app=self.app, project_codes=codes)
        sizes = {**self.model.live, **self.model.trash}
        assert {outcome.code: outcome.freed_bytes for outcome in outcomes} == {code: sizes[code] for code in codes}
        for code in codes:
            self.model.live.pop(code, None)
            self.model.trash.pop(code, None)

    @precondition(lambda self: self.model.live)
    @rule(data=st.data())
    def compresses_many(self, data: DataObject) -> None:
        # Texts of one length are the same text: compressed, they would be kept once, which other tests look at.
        lengths = {self.model.live[code]: code for code in self.some(data, self.model.live)}
        codes = [code for length, code in lengths.items() if length not in self.compressed]
        self.compressed |= set(lengths)
        named = {"user": self.user, "app": self.app, "project_codes": codes}
        for outcome in services.compress_many(**named, attempts=services.encode_smaller(**named)):
            size = self.model.live[outcome.code]
            # An eighth is the least that counts, and below 512 bytes nothing is compressed.
            assert outcome.freed_bytes == (size - -(-size // 8) if outcome.refusal is None else 0)
            assert outcome.freed_bytes > 0 or outcome.refusal is not None
            self.model.live[outcome.code] = size - outcome.freed_bytes

    @invariant()
    def its_books_are_right(self) -> None:
        assert adds_up(self.user)
        workspace = Workspace.objects.get(pk=self.user.pk)
        assert workspace.excess_bytes == max(0, self.model.used - self.model.limit)

    def teardown(self) -> None:
        assert list(audit(Tally())) == []


@pytest.mark.django_db
def test_making_room_agrees_with_its_model() -> None:
    run_state_machine_as_test(
        RoomMachine,
        settings=settings(
            max_examples=15,
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
