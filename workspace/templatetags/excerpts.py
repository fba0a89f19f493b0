"""What a search found in a project, as the lists show it: the words that were looked for are marked."""

from dataclasses import dataclass

from django import template
from django.template import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from accounts.templatetags.page import words
from workspace.highlights import Highlight, Segment
from workspace.models import Project

register = template.Library()

# Characters before the first match that a narrow column has room for, so that the match itself is seen.
LEAD = 22


@dataclass(frozen=True)
class Found:
    """Where the words stand, marked: in the title, in the text, in the first other field with its name, and `line`:
    that field or the text, from shortly before the first match on."""

    title: SafeString | None = None
    text: SafeString | None = None
    field: str = ""
    line: SafeString | None = None


@register.simple_tag(takes_context=True)
def found_here(context: Context, project: Project) -> Found:
    """What the page's `highlights` say of this project; on a page without a search, nothing."""
    highlights: dict[int, list[Highlight]] = context.get("highlights") or {}
    found = {one["field"]: one["segments"] for one in reversed(highlights.get(project.pk, []))}
    title, text = found.pop("title", None), found.pop("text", None)
    field = next(reversed(found), "")
    about = found.get(field)
    line = about or text
    return Found(
        title=_marked(title) if title else None,
        text=_marked(text) if text else None,
        field=_name(field) if field else "",
        line=_marked(_near(line)) if line else None,
    )


def _near(segments: list[Segment]) -> list[Segment]:
    """The same with little before the first match, cut between two words where there are words."""
    first = segments[0]
    if first["match"] or len(first["text"]) <= LEAD:
        return segments
    _, _, tail = first["text"][-LEAD:].partition(" ")
    return [{"text": f"…{tail}", "match": False}, *segments[1:]]


def _marked(segments: list[Segment]) -> SafeString:
    """Segments with their matches in <mark>. All of it was written by apps and people, so all of it is escaped."""
    return format_html_join("", "{}", ((_piece(segment),) for segment in segments))


def _piece(segment: Segment) -> str:
    return format_html("<mark>{}</mark>", segment["text"]) if segment["match"] else segment["text"]


def _name(field: str) -> str:
    """A field in words: `metadata.negative_prompt` is "Negative prompt"."""
    return gettext("Tag") if field == "tags" else words(field.removeprefix("metadata."))
