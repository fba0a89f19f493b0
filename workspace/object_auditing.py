"""Proves that every object a content names is in the storage, whole. Asks the storage, so no snapshot is held."""

from collections.abc import Iterator

from accounts.exporting import pages
from workspace import blobs
from workspace.models import Content


def audit_objects(*, deep: bool) -> Iterator[str]:
    """Every fault, as a sentence that names the content: missing or of another size; `deep`, of other bytes.

    A content that was let go while the storage was asked has no fault."""
    contents = Content.objects.exclude(name="").defer("data", "thumbnail")
    if blobs.storage() is None:
        count = contents.count()
        if count:
            yield f"{count} contents are in a storage, and STORAGE_URL does not say where that is"
        return
    for page in pages(contents, by="pk"):
        for content in page:
            what = _fault(content, deep)
            if what and Content.objects.filter(pk=content.pk, name=content.name).exists():
                yield f"content {content.pk}: its object {content.name} {what}"


def _fault(content: Content, deep: bool) -> str:
    source = blobs.storage()
    try:
        size = source.size(content.name) if source else 0
    except FileNotFoundError:
        return "is missing"
    if size != content.size_bytes:
        return f"has {size} bytes instead of {content.size_bytes}"
    if deep:
        try:
            blobs.read(content.name)
        except blobs.StorageUnavailable:
            return "is not what was stored"
    return ""
