"""What the workspace's endpoints take and show."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts.serializers import (
    Choice,
    EmailAddress,
    JsonObject,
    OrderedPageQuery,
    QueryBoolean,
    StrictBoolean,
    StrictDateTime,
    StrictSerializer,
    TagList,
    Text,
    UserIdField,
)
from credits.serializers import AppNameField, PriceTerms, ProjectCodeField, UserQuery
from workspace.models import Project, ProjectType

LONGEST_TITLE = 200
# The largest picture as base64 (four characters for three bytes) with the head of a data URL.
LONGEST_CONTENT = 22_500_000


class CreateUserSerializer(StrictSerializer):
    user_id = UserIdField()
    username = Text(max_length=150, trim=True)
    email = EmailAddress()


class FullnessSerializer(serializers.Serializer[Any]):
    """How full a workspace is; MB are 1,048,576 bytes, to two places."""

    used_mb = serializers.FloatField()
    limit_mb = serializers.FloatField()
    available_mb = serializers.FloatField()
    usage_percentage = serializers.FloatField()
    used_bytes = serializers.IntegerField()
    limit_bytes = serializers.IntegerField()
    available_bytes = serializers.IntegerField()


class UserInfoSerializer(serializers.Serializer[Any]):
    """A person as their apps see them: `credits` can be spent now (balance less holds)."""

    user_id = serializers.CharField()
    username = serializers.CharField()
    email = serializers.EmailField()
    credits = serializers.IntegerField()
    credits_balance = serializers.IntegerField()
    credits_held = serializers.IntegerField()
    storage_used_bytes = serializers.IntegerField()
    storage_limit_bytes = serializers.IntegerField()
    storage_stats = FullnessSerializer()
    created_at = serializers.DateTimeField()


class ChargeTerms(PriceTerms):
    """What a save costs: an amount or a priced operation; with `hold_id` it may carry a description alone."""

    description = Text(max_length=500, required=False)
    amount_required = False


class SaveProjectSerializer(StrictSerializer):
    user_id = UserIdField()
    app_source = AppNameField()
    project_type = Choice(choices=ProjectType.choices)
    title = Text(max_length=LONGEST_TITLE, trim=True)
    content = Text(max_length=LONGEST_CONTENT, min_length=0, multiline=True, required=False)
    file = serializers.FileField(required=False, allow_empty_file=True)
    metadata = JsonObject(required=False)
    tags = TagList(required=False)
    favourite = StrictBoolean(required=False)
    project_code = ProjectCodeField(required=False)
    compression = Choice(choices=("auto", "lossless", "none"), default="auto")
    fit = StrictBoolean(default=False)
    charge = ChargeTerms(required=False)
    hold_id = Text(max_length=40, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("content" in attrs) == ("file" in attrs):
            raise ValidationError({"content": "Give either content or a file."}, code="required")
        charge = attrs.get("charge")
        if charge is not None and "hold_id" not in attrs and not charge.keys() & {"amount", "operation"}:
            raise ValidationError({"charge": "Give an amount, or an operation with its quantity."}, code="required")
        return attrs


class PatchProjectSerializer(StrictSerializer):
    user_id = UserIdField(required=False)
    title = Text(max_length=LONGEST_TITLE, trim=True, required=False)
    metadata = JsonObject(required=False)
    tags = TagList(required=False)
    favourite = StrictBoolean(required=False)
    content = Text(max_length=LONGEST_CONTENT, min_length=0, multiline=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.keys() - {"user_id"}:
            raise ValidationError({"title": "Nothing to change was given."}, code="required")
        return attrs


class DeleteQuery(UserQuery):
    permanent = QueryBoolean(required=False, help_text="Delete for good instead of moving to the trash.")


class ProjectQuery(OrderedPageQuery):
    user_id = UserIdField(required=False, help_text="Required of apps; a browser session means its own user.")
    app_source = Text(max_length=40, required=False)
    project_type = Choice(choices=ProjectType.choices, required=False)
    created_after = StrictDateTime(required=False)
    created_before = StrictDateTime(required=False)
    tag = Text(max_length=50, required=False)
    favourite = QueryBoolean(required=False)
    trashed = QueryBoolean(required=False, help_text="true: what is in the trash instead of what is not.")
    q = Text(max_length=200, required=False, help_text="Words to find in title, text and metadata.")


class ProjectSerializer(serializers.ModelSerializer[Project]):
    """A project without its content."""

    project_code = serializers.CharField(source="code")
    user_id = serializers.CharField(source="user.user_id")
    app_source = serializers.CharField(source="app.slug")
    metadata = JsonObject()
    tags = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Project
        fields: ClassVar[tuple[str, ...]] = (
            "project_code",
            "user_id",
            "app_source",
            "project_type",
            "title",
            "metadata",
            "tags",
            "favourite",
            "file_size_bytes",
            "original_size_bytes",
            "content_type",
            "width",
            "height",
            "created_at",
            "updated_at",
            "trashed_at",
            "version",
        )
        read_only_fields: ClassVar[tuple[str, ...]] = fields


class ProjectDetailSerializer(ProjectSerializer):
    """A project with its content: text as text, a picture as a data URL."""

    content = serializers.CharField()
    content_url = serializers.URLField()
    thumbnail_url = serializers.URLField(allow_null=True)

    class Meta(ProjectSerializer.Meta):
        fields: ClassVar[tuple[str, ...]] = (*ProjectSerializer.Meta.fields, "content", "content_url", "thumbnail_url")
        read_only_fields: ClassVar[tuple[str, ...]] = fields


class TrashedProjectSerializer(ProjectSerializer):
    """A project moved to the trash, and the workspace after it: what is in the trash still counts."""

    permanent = serializers.BooleanField()
    storage_stats = FullnessSerializer()

    class Meta(ProjectSerializer.Meta):
        fields: ClassVar[tuple[str, ...]] = (*ProjectSerializer.Meta.fields, "permanent", "storage_stats")
        read_only_fields: ClassVar[tuple[str, ...]] = fields


class PurgedProjectSerializer(serializers.Serializer[Any]):
    """What is left of a project deleted for good."""

    project_code = serializers.CharField()
    permanent = serializers.BooleanField()
    freed_bytes = serializers.IntegerField()
    storage_stats = FullnessSerializer()


class SavedProjectSerializer(ProjectSerializer):
    """A saved project with the workspace and the wallet after it, and what was done to make it fit."""

    storage_stats = FullnessSerializer()
    credits = serializers.IntegerField(help_text="Credits that can be spent now.")
    charged = serializers.IntegerField(required=False)
    transaction_id = serializers.CharField(required=False)
    fit_applied = serializers.DictField(required=False, allow_null=True)

    class Meta(ProjectSerializer.Meta):
        fields: ClassVar[tuple[str, ...]] = (
            *ProjectSerializer.Meta.fields,
            "storage_stats",
            "credits",
            "charged",
            "transaction_id",
            "fit_applied",
        )
        read_only_fields: ClassVar[tuple[str, ...]] = fields


@extend_schema_serializer(many=False)
class ProjectPageSerializer(serializers.Serializer[Any]):
    """One page of projects, once together and once by app (`<app>_projects` for every client app)."""

    all_projects = ProjectSerializer(many=True)
    penora_projects = ProjectSerializer(many=True)
    imagegene_projects = ProjectSerializer(many=True)
    total_projects = serializers.IntegerField()
    counts = serializers.DictField(child=serializers.IntegerField())
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class BreakdownSerializer(serializers.Serializer[Any]):
    """What fills the workspace: `<app>_mb`, `<app>_bytes` and `<app>_projects` for every client app, and the trash."""

    total_projects = serializers.IntegerField(help_text="The trash is not among them.")
    penora_mb = serializers.FloatField()
    penora_bytes = serializers.IntegerField()
    penora_projects = serializers.IntegerField()
    imagegene_mb = serializers.FloatField()
    imagegene_bytes = serializers.IntegerField()
    imagegene_projects = serializers.IntegerField()
    trash_mb = serializers.FloatField()
    trash_bytes = serializers.IntegerField()
    trash_projects = serializers.IntegerField()


class TypeShareSerializer(serializers.Serializer[Any]):
    bytes = serializers.IntegerField()
    projects = serializers.IntegerField()


class StorageStatsSerializer(serializers.Serializer[Any]):
    """MB are 1,048,576 bytes; every figure is there in exact bytes as well."""

    storage_stats = FullnessSerializer()
    breakdown = BreakdownSerializer()
    by_type = serializers.DictField(child=TypeShareSerializer())
    original_bytes = serializers.IntegerField()
    saved_by_compression_bytes = serializers.IntegerField()
    reserved_bytes = serializers.IntegerField()
    largest = ProjectSerializer(many=True)
