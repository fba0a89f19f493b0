"""Many threads at one workspace: the quota is never passed and always the sum of what is there."""

import pytest

from accounts.models import ClientApp, User
from credits import services as credits
from credits.models import Entry
from credits.services import InsufficientCredits
from workspace import services
from workspace.models import IssuedCode, Project
from workspace.services import ProjectNotFound, VersionMismatch, WorkspaceFull
from workspace.tests.cast import LIMIT, adds_up, save, text_of, used

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]


def kinds(results: list) -> dict[str, int]:
    names = [type(result).__name__ for result in results]
    return {name: names.count(name) for name in names}


def test_sixteen_saves_for_eight_places_store_exactly_eight(alice: User, penora: ClientApp, race) -> None:
    prepared = text_of(120_000)
    results = race(lambda _: save(alice, penora, prepared=prepared), times=16, threads=16)
    assert kinds(results) == {"Saved": 8, "WorkspaceFull": 8}
    assert used(alice) == 8 * 120_000
    assert Project.objects.count() == IssuedCode.objects.count() == 8
    assert adds_up(alice)


def test_saves_for_two_people_do_not_hinder_each_other(alice: User, bob: User, penora: ClientApp, race) -> None:
    prepared = text_of(300_000)
    results = race(lambda number: save((alice, bob)[number % 2], penora, prepared=prepared), times=8, threads=8)
    assert kinds(results) == {"Saved": 6, "WorkspaceFull": 2}
    assert (used(alice), used(bob)) == (900_000, 900_000)


def test_the_last_three_credits_pay_for_three_saves(alice: User, penora: ClientApp, race) -> None:
    credits.charge(user=alice, app=penora, amount=57)
    prepared = text_of(100)
    results = race(lambda _: save(alice, penora, prepared=prepared, charge={"amount": 1}), times=12)
    assert kinds(results) == {"Saved": 3, "InsufficientCredits": 9}
    assert credits.wallet_of(user=alice).balance == 0
    assert used(alice) == 300
    paid = Entry.objects.filter(transaction_type="used").exclude(project_code="")
    assert set(paid.values_list("project_code", flat=True)) == set(Project.objects.values_list("code", flat=True))


def test_one_hold_pays_for_one_of_many_saves(alice: User, penora: ClientApp, race) -> None:
    held = services.hold(user=alice, app=penora, amount=5, storage_bytes=LIMIT)
    prepared = text_of(100)
    results = race(lambda _: save(alice, penora, prepared=prepared, hold_id=held.id), times=10)
    assert kinds(results) == {"Saved": 1, "HoldSettled": 9}
    assert credits.wallet_of(user=alice).balance == 55
    assert used(alice) == 100


def test_holds_do_not_reserve_the_same_bytes_twice(alice: User, penora: ClientApp, race) -> None:
    results = race(lambda _: services.hold(user=alice, app=penora, amount=1, storage_bytes=200_000), times=10)
    assert kinds(results) == {"Hold": 5, "WorkspaceFull": 5}
    assert credits.wallet_of(user=alice).held == 5


def test_updates_trash_and_purges_keep_the_sum(alice: User, penora: ClientApp, race) -> None:
    codes = [save(alice, penora, 40_000).project.code for _ in range(6)]
    sizes = [text_of(size) for size in (10, 70_000, 150_000, 400_000)]

    def work(number: int) -> object:
        code, turn = codes[number % 6], number // 6
        if turn == 2:
            return services.trash(user=alice, app=None, project_code=code)
        if turn == 4:
            return services.purge(user=alice, app=None, project_code=code)
        if turn == 5:
            return services.empty_trash(user=alice)
        prepared = sizes[(number + turn) % 4]
        return services.update_project(user=alice, app=None, project_code=code, prepared=prepared, changes={})

    results = race(work, times=36)
    refusals = {type(result) for result in results if isinstance(result, Exception)}
    assert refusals <= {ProjectNotFound, WorkspaceFull}
    assert adds_up(alice)
    assert 0 <= used(alice) <= LIMIT


def test_a_project_is_purged_once_however_many_try(alice: User, penora: ClientApp, race) -> None:
    save(alice, penora, 300)
    code = save(alice, penora, 500).project.code
    results = race(lambda _: services.purge(user=alice, app=None, project_code=code), times=8)
    assert kinds(results) == {"int": 1, "ProjectNotFound": 7}
    assert used(alice) == 300


def test_of_many_changes_to_one_version_one_wins(alice: User, penora: ClientApp, race) -> None:
    made = save(alice, penora).project

    def work(number: int) -> Project:
        changes = {"title": f"Title {number}"}
        return services.update_project(
            user=alice, app=None, project_code=made.code, if_match=made.etag, changes=changes
        )

    results = race(work, times=8)
    winners = [result for result in results if isinstance(result, Project)]
    assert kinds(results) == {"Project": 1, VersionMismatch.__name__: 7}
    assert Project.objects.get().title == winners[0].title
    assert Project.objects.get().version == 2


def test_a_workspace_opened_by_many_is_opened_once(alice: User, penora: ClientApp, race) -> None:
    results = race(lambda number: services.workspace_of(user=alice).limit_bytes, times=8)
    assert results == [LIMIT] * 8


def test_short_credits_are_refused_even_when_all_come_at_once(alice: User, penora: ClientApp, race) -> None:
    prepared = text_of(100)
    results = race(lambda _: save(alice, penora, prepared=prepared, charge={"amount": 61}), times=6)
    assert {type(result) for result in results} == {InsufficientCredits}
    assert Project.objects.count() == 0
