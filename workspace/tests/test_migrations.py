"""The newest migrations undone and done again, with projects and credits in place."""

import pytest
from django.core.management import call_command
from django.db import connection

from accounts.models import ClientApp, User
from credits import services as credits
from workspace import search_index, services
from workspace.models import Project, SearchEntry
from workspace.tests.cast import save
from workspace.tests.test_commands import run

LIKE = "credits_entry_id_4c903f81_like"


def indexes(table: str) -> set[str]:
    with connection.cursor() as cursor:
        return set(connection.introspection.get_constraints(cursor, table))


def found(user: User, words: str, tag: str = "") -> set[str]:
    projects = Project.objects.owned_by(user).live()
    projects = projects.tagged(tag, user) if tag else projects
    return {project.title for project in projects.matching(words, user)}


@pytest.fixture
def shelf(alice: User, penora: ClientApp) -> None:
    save(alice, penora, title="Storm at sea", tags=["blue"])
    save(alice, penora, title="Calm sea", tags=["blue", "quiet"])
    gone = save(alice, penora, title="Old sea").project
    services.trash(user=alice, app=None, project_code=gone.code)
    credits.charge(user=alice, app=penora, amount=3, description="A page")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("back_to", ["0016", "0015", "0014"])
def test_what_is_stored_survives_the_workspaces_newest_migrations_undone_and_done_again(shelf, alice, back_to):
    before = list(Project.objects.order_by("pk").values())
    words = list(SearchEntry.objects.order_by("pk").values())
    try:
        call_command("migrate", "workspace", back_to, verbosity=0)
        assert search_index.missing() == []
        assert "place" not in SearchEntry.objects.raw("SELECT * FROM workspace_searchentry").columns
        assert ("project_trash_by_app" in indexes("workspace_project")) is (back_to == "0016")
    finally:
        call_command("migrate", verbosity=0)
    assert list(Project.objects.order_by("pk").values()) == before
    assert list(SearchEntry.objects.order_by("pk").values()) == words
    assert search_index.missing() == []
    assert search_index.is_sound()
    assert (found(alice, '"calm sea"'), found(alice, "sea", "blue")) == ({"Calm sea"}, {"Storm at sea", "Calm sea"})
    save(alice, ClientApp.objects.get(slug="penora"), title="New sea")
    assert found(alice, "new") == {"New sea"}
    assert run("check_storage")[0] == 0


@pytest.mark.django_db(transaction=True)
def test_the_ledger_survives_its_newest_migration_undone_and_done_again(shelf):
    try:
        call_command("migrate", "credits", "0011", verbosity=0)
        assert (LIKE in indexes("credits_entry")) is (connection.vendor == "postgresql")
    finally:
        call_command("migrate", verbosity=0)
    assert LIKE not in indexes("credits_entry")
    assert run("check_ledger")[0] == 0
