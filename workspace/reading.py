"""A text as it is read: Markdown made into paragraphs, headings and lists, and nothing in it that could act."""

from collections.abc import Sequence

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

# A longer text is shown as it was written: parsing it would take longer than a page may.
MAX_BYTES = 32_768
WORDS_A_MINUTE = 220

# HTML in a text is shown as its letters; pictures would load from elsewhere; indented verse is no code.
_READER = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable(["image", "html_block", "code"])
_SCHEMES = ("http://", "https://", "mailto:")
_READER.validateLink = lambda url: url.lower().startswith(_SCHEMES)  # type: ignore[method-assign]


def as_html(text: str, title: str = "") -> SafeString | None:
    """The text's Markdown as HTML of a few harmless tags, without a first heading that only repeats `title`.

    None for a text too long to be parsed in passing."""
    if len(text.encode()) > MAX_BYTES:
        return None
    tokens = _READER.parse(text)
    if len(tokens) > 2 and tokens[0].type == "heading_open" and tokens[1].content.strip() == title.strip():
        tokens = tokens[3:]
    _fit_headings(tokens)
    for link in (child for token in tokens for child in token.children or [] if child.type == "link_open"):
        link.attrSet("rel", "nofollow noopener noreferrer")
    # The renderer escapes every letter of the text; the tags and attributes are its own.
    html: str = _READER.renderer.render(tokens, _READER.options, {})
    return mark_safe(html)  # noqa: S308


def _fit_headings(tokens: Sequence[Token]) -> None:
    """Below the page's own title, and never a level deeper at once than the one before allows."""
    level = 1
    for token in tokens:
        if token.type == "heading_open":
            level = min(int(token.tag[1]) + 1, level + 1, 6)
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{level}"


def minutes(words: int) -> int:
    """How long so many words take to read, rounded up."""
    return -(-words // WORDS_A_MINUTE)
