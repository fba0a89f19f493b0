"""Many threads at one workspace: the quota is never passed and always the sum of what is there."""

from typing import Any

import pytest

from accounts.models import ClientApp, User
from credits import services as credits
from credits.models import Entry
from credits.services import InsufficientCredits
from workspace import content, services
from workspace.auditing import Tally, audit
from workspace.models import IssuedCode, Project
from workspace.services import ProjectNotFound, VersionMismatch, WorkspaceFull
from workspace.services.bulk import Outcome
from workspace.tests.cast import LIMIT, adds_up, noise, save, text_of, used

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]


def kinds(results: list) -> dict[str, int]:
    names = [type(result).__name__ for result in results]
    return {name: names.count(name) for name in names}


def test_sixteen_saves_for_eight_places_store_exactly_eight(alice: User, penora: ClientApp, race) -> None:
    results = race(lambda _: save(alice, penora, 120_000), times=16, threads=16)
    assert kinds(results) == {"Saved": 8, "WorkspaceFull": 8}
    assert used(alice) == 8 * 120_000
    assert Project.objects.count() == IssuedCode.objects.count() == 8
    assert adds_up(alice)


def test_saves_for_two_people_do_not_hinder_each_other(alice: User, bob: User, penora: ClientApp, race) -> None:
    results = race(lambda number: save((alice, bob)[number % 2], penora, 300_000), times=8, threads=8)
    assert kinds(results) == {"Saved": 6, "WorkspaceFull": 2}
    assert (used(alice), used(bob)) == (900_000, 900_000)


def test_the_last_three_credits_pay_for_three_saves(alice: User, penora: ClientApp, race) -> None:
    credits.charge(user=alice, app=penora, amount=57)
    results = race(lambda _: save(alice, penora, charge={"amount": 1}), times=12)
    assert kinds(results) == {"Saved": 3, "InsufficientCredits": 9}
    assert credits.wallet_of(user=alice).balance == 0
    assert used(alice) == 300
    paid = Entry.objects.filter(transaction_type="used").exclude(project_code="")
    assert set(paid.values_list("project_code", flat=True)) == set(Project.objects.values_list("code", flat=True))


def test_one_hold_pays_for_one_of_many_saves(alice: User, penora: ClientApp, race) -> None:
    held = services.hold(user=alice, app=penora, amount=5, storage_bytes=LIMIT).hold
    prepared = text_of(100)
    results = race(lambda _: save(alice, penora, prepared=prepared, hold_id=held.id), times=10)
    assert kinds(results) == {"Saved": 1, "HoldSettled": 9}
    assert credits.wallet_of(user=alice).balance == 55
    assert used(alice) == 100


def test_the_cap_on_projects_holds_when_all_come_at_once(alice: User, penora: ClientApp, race, settings) -> None:
    settings.MAX_PROJECTS = 4
    results = race(lambda number: save(alice, penora, 10 + number), times=10)
    assert kinds(results) == {"Saved": 4, "TooManyProjects": 6}
    assert Project.objects.count() == 4


def test_holds_do_not_reserve_the_same_bytes_twice(alice: User, penora: ClientApp, race) -> None:
    results = race(lambda _: services.hold(user=alice, app=penora, amount=1, storage_bytes=200_000), times=10)
    assert kinds(results) == {"Reserved": 5, "WorkspaceFull": 5}
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
        ).project

    results = race(work, times=8)
    winners = [result for result in results if isinstance(result, Project)]
    assert kinds(results) == {"Project": 1, VersionMismatch.__name__: 7}
    assert Project.objects.get().title == winners[0].title
    assert Project.objects.get().version == 2


def test_a_workspace_opened_by_many_is_opened_once(alice: User, penora: ClientApp, race) -> None:
    results = race(lambda number: services.workspace_of(user=alice).limit_bytes, times=8)
    assert results == [LIMIT] * 8


def test_short_credits_are_refused_even_when_all_come_at_once(alice: User, penora: ClientApp, race) -> None:
    results = race(lambda _: save(alice, penora, charge={"amount": 61}), times=6)
    assert {type(result) for result in results} == {InsufficientCredits}
    assert Project.objects.count() == 0


def test_whatever_makes_room_at_once_keeps_the_sum(alice: User, penora: ClientApp, race) -> None:
    services.set_preferences(user=alice, make_room_from_trash=True, fit=False, max_edge=None)
    codes = [save(alice, penora, 60_000 + number).project.code for number in range(12)]

    def work(number: int) -> object:
        some, named = codes[number % 12 :: 3], {"user": alice, "app": None}
        match number % 6:
            case 0:
                return services.trash_many(**named, project_codes=some)
            case 1:
                return services.restore_many(**named, project_codes=some)
            case 2:
                attempts = services.encode_smaller(**named, project_codes=some)
                return services.compress_many(**named, project_codes=some, attempts=attempts)
            case 3:
                return save(alice, penora, 300_000)
            case 4:
                return services.purge_many(**named, project_codes=some[:1])
            case _:
                return services.update_project(**named, project_code=some[0], prepared=text_of(90_000), changes={})

    results = race(work, times=36)
    refusals = {type(result) for result in results if isinstance(result, Exception)}
    assert refusals <= {ProjectNotFound, WorkspaceFull}
    assert any(not isinstance(result, Exception) for result in results)
    assert adds_up(alice)


def test_versions_stay_in_the_room_that_is_free_whatever_happens_at_once(alice: User, penora: ClientApp, race) -> None:
    codes = [save(alice, penora, 80_000 + number).project.code for number in range(4)]

    def work(number: int) -> object:
        named: dict[str, Any] = {"user": alice, "app": None, "project_code": codes[number % 4]}
        match number % 5:
            case 0:
                return services.restore_version(**named, number=1 + number % 3)
            case 1:
                return save(alice, penora, 150_000 + number)
            case 2:
                return services.hold(user=alice, app=penora, amount=1, storage_bytes=90_000)
            case _:
                return services.update_project(**named, prepared=text_of(70_000 + number), changes={})

    results = race(work, times=40)
    refusals = {type(result) for result in results if isinstance(result, Exception)}
    assert refusals <= {services.VersionNotFound, WorkspaceFull}
    assert adds_up(alice)
    assert list(audit(Tally())) == []
    assert 0 <= used(alice) <= LIMIT
    assert list(audit(Tally())) == []


def test_bulk_calls_that_name_the_same_projects_the_other_way_round_do_not_deadlock(alice, penora, race) -> None:
    codes = [save(alice, penora, 1_000).project.code for _ in range(20)]

    def work(number: int) -> list[Outcome]:
        order = codes if number % 2 else codes[::-1]
        act = (services.trash_many, services.restore_many)[number // 2 % 2]
        return act(user=alice, app=None, project_codes=order)

    assert kinds(race(work, times=12)) == {"list": 12}
    assert adds_up(alice)


def test_a_picture_is_compressed_once_however_many_try(alice: User, imagegene: ClientApp, race) -> None:
    prepared = content.prepare(project_type="image", content=noise(64, 64))
    code = save(alice, imagegene, prepared=prepared, project_type="image").project.code
    named = {"user": alice, "app": None, "project_codes": [code]}
    attempts = services.encode_smaller(**named)
    results = race(lambda _: services.compress_many(**named, attempts=attempts)[0], times=8)
    assert [result.refusal is None for result in results].count(True) == 1
    refused = {result.refusal.code for result in results if result.refusal}
    assert refused == {"already_compressed"}
    assert Project.objects.get().version == 2
    assert adds_up(alice)


def test_racing_saves_purge_no_more_of_the_trash_than_they_need(alice: User, penora: ClientApp, race) -> None:
    services.set_preferences(user=alice, make_room_from_trash=True, fit=False, max_edge=None)
    codes = [save(alice, penora, 100_000).project.code for _ in range(8)]
    services.trash_many(user=alice, app=None, project_codes=codes)
    results = race(lambda _: save(alice, penora, 200_000), times=6)
    assert kinds(results) == {"Saved": 5, "WorkspaceFull": 1}
    assert Project.objects.owned_by(alice).trashed().count() == 0
    assert used(alice) == 1_000_000
    assert adds_up(alice)


def test_a_limit_lowered_under_way_is_never_grown_past(alice: User, penora: ClientApp, race) -> None:
    def work(number: int) -> object:
        if number == 6:
            return services.set_limit(user=alice, limit_bytes=200_000)
        return save(alice, penora, 50_000)

    race(work, times=14)
    workspace = services.workspace_of(user=alice)
    assert workspace.excess_bytes == max(0, workspace.used_bytes - 200_000)
    with pytest.raises(WorkspaceFull):
        save(alice, penora, 200_001)
    assert adds_up(alice)
