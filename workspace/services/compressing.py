"""Compressing projects more: encoded outside of any transaction, stored in one, at most once for each."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import events
from accounts.errors import DomainError
from accounts.models import ClientApp, User
from credits import services as credits
from workspace.compression import AlreadyCompressed, compress_more, is_compressed
from workspace.content import Prepared
from workspace.image_gate import PicturesBusy
from workspace.images import NothingToGain
from workspace.models import Cause, Content, Project, ProjectVersion
from workspace.services import sharing, versions
from workspace.services.bulk import Outcome, found, sorted_out
from workspace.services.projects import ProjectNotFound, VersionMismatch
from workspace.services.statement import Change, post, workspace_of
from workspace.services.suggestions import API

# A caller waits no longer; what there was no time for is named, and sent again.
SECONDS = 20
SHOWN = (
    "content",
    "content_type",
    "content_hash",
    "encoding",
    "encoder",
    "width",
    "height",
    "file_size_bytes",
    "version",
    "updated_at",
)
UNREAD = ("metadata",)
# Prepared bytes, or why there are none, by the key of the content they are made from.
Attempts = Mapping[int, Prepared | DomainError]
# By identity: a content, and what shows it already.
Shown = dict[str, tuple[Content, Project | ProjectVersion | None]]


def encode_smaller(*, user: User, app: ClientApp | None, project_codes: Sequence[str]) -> Attempts:
    """The slow half: what each named project's content is in fewer bytes, or why it is not. Stores nothing.

    Call it outside transactions. Each content is encoded once, whoever shows it."""
    until = time.monotonic() + SECONDS
    attempts: dict[int, Prepared | DomainError] = {}
    for project in found(_named(user, app, project_codes)):
        if project.content_id not in attempts:
            attempts[project.content_id] = _attempt(project, until)
    return attempts


def _attempt(project: Project, until: float) -> Prepared | DomainError:
    if time.monotonic() > until:
        return PicturesBusy("There was no time left for this one; send it again.")
    try:
        return compress_more(project)
    except DomainError as refusal:
        return refusal


@transaction.atomic
def compress_many(
    *, user: User, app: ClientApp | None, project_codes: Sequence[str], attempts: Attempts
) -> list[Outcome]:
    """The quick half: store what `encode_smaller` made, where the project still shows what that was made from.

    Free of charge, and once for each. An outcome's refusal is ProjectNotFound (the trash too), AppMismatch,
    AlreadyCompressed, NothingToGain (also where a project that is not named shows the same bytes: then nothing would
    be freed), VersionMismatch or PicturesBusy; the others are stored all the same. What was there is kept as an earlier
    version where there is room for it, and then the outcome has its `undo`. A constant number of statements."""
    credits.lock_owner(user=user)
    outcomes = _named(user, app, project_codes)
    held_by_others = sharing.staying(Project.objects.filter(pk__in=[project.pk for project in found(outcomes)]))
    judged = [_judged(outcome, attempts, held_by_others) for outcome in outcomes]
    freed = _store(user, found(judged), attempts)
    kept = versions.kept_before(found(judged))
    undo = {code: undo_of(user, code, number) for code, number in kept.items()}
    return [Outcome(it.code, it.project, freed.get(it.code, 0), it.refusal, undo.get(it.code)) for it in judged]


def undo_of(user: User, code: str, number: int) -> dict[str, Any]:
    """The request that lets a project show its version `number` again."""
    return {"request": f"POST {API}/project/{code}/versions/{number}/restore", "body": {"user_id": user.user_id}}


def _named(user: User, app: ClientApp | None, codes: Sequence[str]) -> list[Outcome]:
    gone = ProjectNotFound("There is no such project outside of the trash.")
    outcomes = sorted_out(user, app, codes, unread=UNREAD)
    trashed = {it.code for it in outcomes if it.project is not None and it.project.trashed_at is not None}
    return [Outcome(it.code, refusal=gone) if it.code in trashed else it for it in outcomes]


def _judged(outcome: Outcome, attempts: Attempts, held_by_others: set[int]) -> Outcome:
    project = outcome.project
    if project is None:
        return outcome
    attempt = attempts.get(project.content_id)
    refusal: DomainError | None = None
    if is_compressed(project):
        refusal = AlreadyCompressed("This was compressed more before; that is done once only.")
    elif attempt is None:
        refusal = VersionMismatch("The project has changed since it was read.", etag=project.etag)
    elif isinstance(attempt, DomainError):
        refusal = attempt
    elif project.content_id in held_by_others:
        refusal = NothingToGain("Another project shows the same bytes: only together with it would any be freed.")
    return Outcome(outcome.code, None if refusal else project, refusal=refusal)


def _store(user: User, projects: Sequence[Project], attempts: Attempts) -> dict[str, int]:
    """Give the projects their smaller bytes and say so; returns the bytes each freed, by code."""
    if not projects:
        return {}
    old = {project.content_id for project in projects}
    showing: dict[str, list[Project]] = {}
    made: dict[str, Prepared] = {}
    for project in projects:
        prepared = attempts[project.content_id]
        assert isinstance(prepared, Prepared)
        made[prepared.identity] = prepared
        showing.setdefault(prepared.identity, []).append(project)
    was = {project.code: project.file_size_bytes for project in projects}
    versions.keep(projects)
    contents = _contents(user, made)
    for identity, sharers in showing.items():
        content, known = contents[identity]
        _show(sharers, content, known or made[identity])
    freed = {project.code: was[project.code] - project.file_size_bytes for project in projects}
    Project.objects.bulk_update(projects, SHOWN)
    sharing.settle(old | {content.pk for content, _known in contents.values()}, *projects)
    workspace = workspace_of(user=user)
    post(workspace, [Change(Cause.COMPRESSED, -freed[each.code], each) for each in projects])
    versions.trim(workspace)
    events.record_many(user=user, facts=[("project.saved", project.facts()) for project in projects])
    return freed


def _show(projects: Sequence[Project], content: Content, made: Prepared | Project | ProjectVersion) -> None:
    facts = {"content": content, "file_size_bytes": 0, "updated_at": timezone.now(), **sharing.facts_of(made)}
    for project in projects:
        for name, value in facts.items():
            setattr(project, name, value)
        project.version += 1
    if not isinstance(made, Project):
        # The oldest of them counts the bytes, as `sharing` has it; bytes that another shows are counted there.
        min(projects, key=lambda project: project.pk).file_size_bytes = content.size_bytes


def _contents(user: User, made: Mapping[str, Prepared]) -> Shown:
    """A content for each of the prepared, by identity, and what shows it already, when it is not new: a project that
    counts it, or else an earlier version, which does not."""
    known = Content.objects.filter(user=user, identity__in=made).defer("data", "thumbnail")
    by_key = {content.pk: content for content in known}
    contents: Shown = {}
    for model in (ProjectVersion, Project):
        for each in model.objects.filter(content__in=by_key).only("content", *sharing.STORED_FACTS):
            contents[by_key[each.content_id].identity] = by_key[each.content_id], each
    new = sharing.keep(user, [prepared for identity, prepared in made.items() if identity not in contents])
    return contents | {content.identity: (content, None) for content in new}
