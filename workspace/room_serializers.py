"""What the endpoints about room take and show: the byte statement, what would free bytes, and bulk changes."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from accounts.serializers import (
    Choice,
    DistinctList,
    PageQuery,
    QueryInteger,
    QuerySerializer,
    StrictBoolean,
    StrictDateTime,
    StrictSerializer,
    Text,
    UserIdField,
)
from credits.serializers import ProjectCodeField
from workspace.models import Cause, StorageEntry
from workspace.serializers import FullnessSerializer
from workspace.services.suggestions import MAX_CODES


class StatementQuery(PageQuery):
    user_id = UserIdField(required=False, help_text="Required of apps; a browser session means its own user.")
    app_source = Text(max_length=40, required=False)
    cause = Choice(choices=Cause.choices, required=False)
    project_code = ProjectCodeField(required=False)
    created_after = StrictDateTime(required=False)
    created_before = StrictDateTime(required=False)


class StorageEntrySerializer(serializers.ModelSerializer[StorageEntry]):
    """One change of the used bytes: `delta_bytes` is signed, and `used_after_bytes` what was used from then on."""

    cause = Choice(choices=Cause.choices)
    app_source = serializers.SerializerMethodField(help_text="The app that made the project.")
    project_code = serializers.SerializerMethodField()

    class Meta:
        model = StorageEntry
        fields: ClassVar[tuple[str, ...]] = (
            "number",
            "cause",
            "app_source",
            "project_code",
            "title",
            "delta_bytes",
            "used_after_bytes",
            "created_at",
        )
        read_only_fields: ClassVar[tuple[str, ...]] = fields

    def get_app_source(self, entry: StorageEntry) -> str | None:
        return entry.app.slug if entry.app else None

    def get_project_code(self, entry: StorageEntry) -> str | None:
        return entry.project_code or None


class StatementSummarySerializer(serializers.Serializer[Any]):
    """What the chosen entries add up to: what came, what went, and the change by cause."""

    added_bytes = serializers.IntegerField()
    freed_bytes = serializers.IntegerField()
    by_cause = serializers.DictField(child=serializers.IntegerField())


@extend_schema_serializer(many=False)
class StatementPageSerializer(serializers.Serializer[Any]):
    results = StorageEntrySerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    summary = StatementSummarySerializer()


class ProjectCodesField(DistinctList):
    """One to a hundred different project codes."""

    def __init__(self, **kwargs: Any) -> None:
        limits = {"child": ProjectCodeField(), "max_length": MAX_CODES, "allow_empty": False}
        super().__init__(**{**limits, **kwargs})


class ManyProjectsSerializer(StrictSerializer):
    user_id = UserIdField(required=False, help_text="Required of apps; a browser session means its own user.")
    project_codes = ProjectCodesField()


class DeleteManySerializer(ManyProjectsSerializer):
    permanent = StrictBoolean(default=False, help_text="Delete for good instead of moving to the trash.")


class RequestSerializer(serializers.Serializer[Any]):
    request = serializers.CharField()
    body = serializers.DictField()


class OutcomeSerializer(serializers.Serializer[Any]):
    """What became of one code: `status` 200 and the project's state, or the status and code of a problem."""

    project_code = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(required=False, help_text="Of the problem, when there is one.")
    detail = serializers.CharField(required=False)
    title = serializers.CharField(required=False)
    file_size_bytes = serializers.IntegerField(required=False)
    freed_bytes = serializers.IntegerField(required=False)
    trashed_at = serializers.DateTimeField(required=False, allow_null=True)
    version = serializers.IntegerField(required=False)
    undo = RequestSerializer(required=False, help_text="Of a compress: the way back, where what was there is kept.")


class DeletedManySerializer(serializers.Serializer[Any]):
    """An outcome for every code, in the order they were sent, and the workspace after it."""

    results = OutcomeSerializer(many=True)
    deleted = serializers.IntegerField()
    permanent = serializers.BooleanField()
    freed_bytes = serializers.IntegerField(help_text="What is in the trash counts: it frees nothing until purged.")
    storage_stats = FullnessSerializer()


class RestoredManySerializer(serializers.Serializer[Any]):
    """An outcome for every code, in the order they were sent, and the workspace after it."""

    results = OutcomeSerializer(many=True)
    restored = serializers.IntegerField()
    storage_stats = FullnessSerializer()


class CompressedManySerializer(serializers.Serializer[Any]):
    """An outcome for every code, in the order they were sent, and the workspace after it."""

    results = OutcomeSerializer(many=True)
    compressed = serializers.IntegerField()
    freed_bytes = serializers.IntegerField()
    storage_stats = FullnessSerializer()


class CleanupQuery(QuerySerializer):
    user_id = UserIdField(required=False, help_text="Required of apps; a browser session means its own user.")
    limit = QueryInteger(default=25, min_value=1, max_value=MAX_CODES, help_text="At most so many.")
    required_bytes = QueryInteger(required=False, help_text="What is to fit: the list is then what makes room for it.")


class SuggestionSerializer(serializers.Serializer[Any]):
    """One step that makes room, with the request to send: an app sends those of its own projects, the person all."""

    action = Choice(choices=("purge", "compress", "delete"))
    reason = Choice(choices=("trashed", "compressible", "largest", "oldest"))
    app_source = serializers.CharField()
    project_code = serializers.CharField()
    project_codes = serializers.ListField(child=serializers.CharField())
    title = serializers.CharField()
    frees_bytes = serializers.IntegerField()
    estimated = serializers.BooleanField(help_text="Compressing tells exactly what it freed only when it is done.")
    quality_before = serializers.IntegerField(allow_null=True, help_text="The encoder's; null: without loss.")
    quality_after = serializers.IntegerField(allow_null=True, help_text="What it costs; null: without loss.")
    request = serializers.CharField()
    body = serializers.DictField()
    undo = RequestSerializer(allow_null=True, help_text="What a compress can be undone by, its answer says.")


@extend_schema_serializer(many=False)
class CleanupSerializer(serializers.Serializer[Any]):
    """What would free the most, or make the room that is asked for. A step into the trash frees when it is purged."""

    results = SuggestionSerializer(many=True)
    missing_bytes = serializers.IntegerField(help_text="Bytes to be freed before `required_bytes` fit.")
    storage_stats = FullnessSerializer()
