"""What the list of projects takes and shows."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts.serializers import Choice, OrderedPageQuery, QueryBoolean, StrictDateTime, Text, UserIdField
from workspace.models import ProjectType
from workspace.serializers import ProjectSerializer


class ProjectQuery(OrderedPageQuery):
    user_id = UserIdField(required=False, help_text="Required of apps; a browser session means its own user.")
    app_source = Text(max_length=40, required=False)
    project_type = Choice(choices=ProjectType.choices, required=False)
    created_after = StrictDateTime(required=False)
    created_before = StrictDateTime(required=False)
    tag = Text(max_length=50, required=False)
    favourite = QueryBoolean(required=False)
    trashed = QueryBoolean(required=False, help_text="true: what is in the trash instead of what is not.")
    q = Text(
        max_length=200,
        required=False,
        help_text="Words to find in title, text, tags and metadata: all of them, quoted ones side by side. "
        "What has a phrase is counted up to 100 (`total_is_exact`). "
        "`ordering=relevance` puts the best first, of the newest 200 that were found.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("ordering", "").endswith("relevance") and "q" not in attrs:
            raise ValidationError({"ordering": "Only what was found by q has a relevance."}, code="required")
        return attrs


class SegmentSerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    match = serializers.BooleanField()


class HighlightSerializer(serializers.Serializer[Any]):
    """An excerpt of `title`, `tags`, `text` or `metadata.…`, in pieces: those that match were looked for."""

    field = serializers.CharField()
    segments = SegmentSerializer(many=True)


class ListedProjectSerializer(ProjectSerializer):
    """A project in a list; where it was found by `q`, with excerpts that show where."""

    highlight = HighlightSerializer(many=True, required=False)

    class Meta(ProjectSerializer.Meta):
        fields: ClassVar[tuple[str, ...]] = (*ProjectSerializer.Meta.fields, "highlight")
        read_only_fields: ClassVar[tuple[str, ...]] = fields


@extend_schema_serializer(many=False)
class ProjectPageSerializer(serializers.Serializer[Any]):
    """One page of projects, once together and once by app (`<app>_projects` for every client app)."""

    all_projects = ListedProjectSerializer(many=True)
    penora_projects = ListedProjectSerializer(many=True)
    imagegene_projects = ListedProjectSerializer(many=True)
    total_projects = serializers.IntegerField()
    total_is_exact = serializers.BooleanField(
        help_text="false where a phrase was looked for and more than 100 have it: then the newest 100 are counted."
    )
    counts = serializers.DictField(child=serializers.IntegerField())
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
