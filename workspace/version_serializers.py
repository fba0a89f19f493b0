"""What the endpoints of earlier versions take and show."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from accounts.serializers import PageQuery, StrictSerializer, UserIdField
from workspace.models import ProjectVersion
from workspace.serializers import FullnessSerializer, ProjectSerializer


class VersionQuery(PageQuery):
    user_id = UserIdField(required=False, help_text="Required of apps; a browser session means its own user.")


class RestoreVersionSerializer(StrictSerializer):
    user_id = UserIdField(required=False)


class VersionSerializer(serializers.ModelSerializer[ProjectVersion]):
    """What a project showed before. Its `size_bytes` lie in free room: no used bytes, and first to make way."""

    version = serializers.IntegerField(source="number")
    size_bytes = serializers.IntegerField(source="content.size_bytes")

    class Meta:
        model = ProjectVersion
        fields: ClassVar[tuple[str, ...]] = (
            "version",
            "project_type",
            "content_type",
            "size_bytes",
            "original_size_bytes",
            "width",
            "height",
            "saved_at",
            "replaced_at",
        )
        read_only_fields: ClassVar[tuple[str, ...]] = fields


@extend_schema_serializer(many=False)
class VersionPageSerializer(serializers.Serializer[Any]):
    """Earlier versions, newest first."""

    results = VersionSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class VersionDetailSerializer(VersionSerializer):
    """An earlier version with its content: text as text, a picture as a data URL."""

    content = serializers.CharField()

    class Meta(VersionSerializer.Meta):
        fields: ClassVar[tuple[str, ...]] = (*VersionSerializer.Meta.fields, "content")
        read_only_fields: ClassVar[tuple[str, ...]] = fields


class RestoredVersionSerializer(ProjectSerializer):
    """The project as it is now, and the workspace after it."""

    storage_stats = FullnessSerializer()

    class Meta(ProjectSerializer.Meta):
        fields: ClassVar[tuple[str, ...]] = (*ProjectSerializer.Meta.fields, "storage_stats")
        read_only_fields: ClassVar[tuple[str, ...]] = fields
