"""Puts the tags of every project into its search entry, where the list that filters by one looks for them."""

from typing import Any

from django.db import migrations

from workspace.search_index import tag_term


def add(apps: Any, _editor: Any) -> None:
    Project, SearchEntry = (apps.get_model("workspace", name) for name in ("Project", "SearchEntry"))
    tagged = Project.objects.exclude(tag_index="").values_list("pk", "user_id", "tags")
    for pk, owner, tags in tagged.iterator(500):
        terms = " ".join(f"{owner}.{tag_term(tag)}" for tag in tags)
        for entry in SearchEntry.objects.filter(pk=pk):
            entry.terms = f"{terms} {entry.terms}".strip()
            entry.save(update_fields=["terms"])


def remove(apps: Any, _editor: Any) -> None:
    for entry in apps.get_model("workspace", "SearchEntry").objects.filter(terms__contains=".tag.").iterator(500):
        entry.terms = " ".join(term for term in entry.terms.split() if ".tag." not in term)
        entry.save(update_fields=["terms"])


class Migration(migrations.Migration):
    dependencies = [("workspace", "0014_lists_by_index")]

    operations = [migrations.RunPython(add, remove)]
