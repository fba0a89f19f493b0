"""Takes over one person's export from another installation: everything in it is a claim until it has been checked.

Texts go through the same door as an app's. A picture is decoded, and kept byte for byte when it is nothing but a
picture; any other is encoded anew. Credits are staff's decision. Old entries stay in the zip: a ledger only tells what
happened in it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts.errors import DomainError, InvalidField
from accounts.importing import take_over_person
from accounts.models import ClientApp, User
from credits import services as credits
from credits.models import Wallet
from workspace import content, images, services
from workspace.content import Prepared
from workspace.exported import AccountSerializer, ManifestSerializer, ProjectSerializer, VersionSerializer
from workspace.models import ImportedRow, Project, ProjectType
from workspace.services.preferences import set_full_mark, set_preferences
from workspace.services.versions import MOST_VERSIONS, Earlier
from workspace.zip_reading import ExportUnreadable, ReceivedZip

Facts = dict[str, Any]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Terms:
    """What staff decided. `into` is the person here who gets it, when not the one it is of."""

    into: User | None = None
    raise_limit: bool = False
    credits_reason: str = ""


@dataclass(slots=True)
class Tally:
    """What an import did, in people, projects and credits."""

    user_id: str = ""
    people: int = 0
    projects: int = 0
    new_codes: int = 0
    encoded_anew: int = 0
    already: int = 0
    skipped: int = 0
    credits: int = 0


def import_zip(path: Path, terms: Terms, say: Say) -> Tally:
    """Take over what is in the export at `path` and was not before; `say` hears of each project that is skipped.

    The whole file is read and checked first. Raises ExportUnreadable, and what `take_over_person` raises; then nothing
    was taken over."""
    with ReceivedZip(path) as received:
        received.verify()
        return _Import(received, terms, say).run()


class _Import:
    def __init__(self, received: ReceivedZip, terms: Terms, say: Say) -> None:
        self._zip, self._terms, self._say = received, terms, say
        self._tally = Tally()
        manifest = _document(received, "manifest.json", ManifestSerializer)
        self._account = _document(received, "account.json", AccountSerializer)
        self._origin = f"{self._account['user_id']} at {manifest['made_by']}"

    def run(self) -> Tally:
        if self._terms.into is None:
            self._find_person()
        else:
            self._user = self._terms.into
        self._tally.user_id = self._user.user_id
        if self._terms.credits_reason:
            self._take_credits()
        self._find_versions()
        for row in self._zip.rows("projects.json"):
            self._project(row)
        # Last: one of them lets what does not fit take the place of what is in the trash.
        if self._noted("person") and not self._noted("settings"):
            self._take_settings()
        return self._tally

    def _name(self, what: str) -> str:
        """Under which it is noted that something was taken over by somebody; a sum, which tells nobody by whom."""
        said = f"{what} of {self._origin} for {self._user.pk}"
        return f"export {hashlib.sha256(said.encode()).hexdigest()}"

    def _noted(self, what: str) -> bool:
        return ImportedRow.objects.filter(name=self._name(what)).exists()

    def _note(self, what: str) -> None:
        ImportedRow.objects.create(name=self._name(what))

    def _find_person(self) -> None:
        known = User.objects.filter(user_id=self._account["user_id"]).first()
        if known is not None:
            self._user = known
            # Made by an earlier run of this import, and so known to be the same.
            if self._noted("person"):
                return
        names = ("user_id", "username", "email", "created_at", "connections")
        with transaction.atomic():
            self._user = take_over_person(**{name: self._account[name] for name in names})
            self._note("person")
        self._tally.people += 1

    def _take_credits(self) -> None:
        """The balance as one entry: a new wallet opens with it, without sign-up credits; another gets it added."""
        balance = self._account["credits_balance"]
        if not balance or self._noted("credits"):
            return
        with transaction.atomic():
            if Wallet.objects.filter(pk=self._user.pk).exists():
                credits.adjust(user=self._user, amount=balance, reason=self._terms.credits_reason)
            else:
                credits.open_imported(user=self._user, balance=balance, reason=self._terms.credits_reason)
            self._note("credits")
        self._tally.credits += balance

    def _take_settings(self) -> None:
        chosen = dict(self._account["settings"])
        with transaction.atomic():
            credits.set_low_mark(user=self._user, credits=chosen.pop("low_mark"))
            set_full_mark(user=self._user, percent=chosen.pop("full_mark"))
            set_preferences(user=self._user, **chosen)
            self._note("settings")

    def _find_versions(self) -> None:
        """What is said of earlier versions, by the code of their project; an older export says nothing of them."""
        self._versions: dict[str, list[Facts]] = {}
        rows = self._zip.rows("versions.json") if self._zip.has("versions.json") else iter(())
        for row in islice(rows, MOST_VERSIONS):
            self._versions.setdefault(str(row.get("project_code")), []).append(row)

    def _project(self, row: Facts) -> None:
        shown = f"project {str(row.get('project_code'))[:20]}"
        try:
            self._take_project(_known(ProjectSerializer, row))
        except ValidationError as error:
            self._skip(shown, str(error.detail))
        except DomainError as refusal:
            self._skip(shown, refusal.detail)

    def _skip(self, shown: str, why: str) -> None:
        self._tally.skipped += 1
        self._say(f"{shown} was skipped: {why}")

    def _take_project(self, known: Facts) -> None:
        code = known["project_code"]
        name = self._name(f"project {code}")
        here = Project.objects.owned_by(self._user).filter(code=code, content_hash=known["content_sha256"])
        if ImportedRow.objects.filter(name=name).exists() or here.exists():
            self._tally.already += 1
            return
        app = ClientApp.objects.filter(slug=known["app_source"]).first()
        if app is None:
            raise InvalidField("app_source", f"There is no app {known['app_source']} here.")
        prepared = self._prepared(known)
        adopted = self._adopt(app, name, prepared, self._earlier(known), known)
        self._tally.projects += 1
        self._tally.new_codes += adopted.code != code
        self._tally.encoded_anew += not adopted.is_text and adopted.content_hash != known["content_sha256"]

    def _earlier(self, project: Facts) -> dict[int, Earlier]:
        """The project's earlier versions by number, newest first, as many as can have room here."""
        found: dict[int, Earlier] = {}
        room = self._user_limit()
        for row in reversed(self._versions.pop(project["project_code"], [])):
            shown = f"version {str(row.get('version'))[:20]} of project {project['project_code']}"
            try:
                known = _known(VersionSerializer, row)
                prepared = self._prepared(known)
            except (ValidationError, DomainError) as refusal:
                self._skip(shown, str(refusal.detail))
                continue
            room -= prepared.counted_bytes
            if room >= 0 and known["version"] < project["version"]:
                times = {"saved_at": known["saved_at"], "replaced_at": known["replaced_at"]}
                found[known["version"]] = Earlier(prepared, known["project_type"], **times)
        return found

    def _user_limit(self) -> int:
        return services.workspace_of(user=self._user).limit_bytes

    def _prepared(self, known: Facts) -> Prepared:
        if known["file"] is None:
            raise InvalidField("file", "The export was made without its content.")
        if known["project_type"] == ProjectType.TEXT:
            raw = self._zip.bytes_of(known["file"], settings.MAX_TEXT_BYTES)
            return _text(content.decoded_text(raw), known)
        raw = self._zip.bytes_of(known["stored_file"] or known["file"], settings.MAX_UPLOAD_BYTES)
        kept = images.keep(raw)
        if kept is None:
            return content.prepare(project_type=known["project_type"], content=raw, user=self._user)
        # What is said of its making is kept, but for the mark, which is in the file or is not.
        encoder = {name: value for name, value in known["encoder"].items() if name != "marked"} | kept.encoder
        prepared = content.of_picture(kept, content.identity_of(raw, kept=True))
        prepared = replace(prepared, original_bytes=known["original_size_bytes"], encoder=encoder)
        return content.placed(self._user, prepared)

    def _adopt(
        self, app: ClientApp, name: str, prepared: Prepared, earlier: dict[int, Earlier], known: Facts
    ) -> Project:
        facts = {fact: known[fact] for fact in ("project_type", "title", "tags", "favourite", "metadata")}
        facts["wanted_code"] = known["project_code"]
        as_it_was = {fact: known[fact] for fact in ("version", "created_at", "updated_at", "trashed_at")}
        adopt = partial(
            services.adopt_project,
            user=self._user,
            app=app,
            name=name,
            prepared=prepared,
            earlier=earlier,
            facts=facts,
            **as_it_was,
        )
        try:
            return adopt()
        except services.WorkspaceFull as full:
            if not self._terms.raise_limit:
                raise
            services.raise_limit(user=self._user, required_bytes=full.facts["required_bytes"])
            return adopt()


def _text(text: str, known: Facts) -> Prepared:
    """Text as it was stored: compressed, unless that would not give what was there, being sent to stay as it was."""
    prepared = content.prepare_text(text, "auto")
    as_sent = prepared.hash != known["content_sha256"] and not known["encoding"]
    return content.prepare_text(text, "none") if as_sent else prepared


def _known(serializer: type[serializers.Serializer[Any]], row: Facts) -> Facts:
    checked = serializer(data=row)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


def _document(received: ReceivedZip, name: str, serializer: type[serializers.Serializer[Any]]) -> Facts:
    try:
        return _known(serializer, received.document(name))
    except ValidationError as error:
        raise ExportUnreadable(f"{name} is not what an export says: {error.detail}") from None
