"""What the workspace's endpoints take and show."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts.serializers import (
    Choice,
    EmailAddress,
    JsonObject,
    QueryBoolean,
    StrictBoolean,
    StrictSerializer,
    TagList,
    Text,
    UserIdField,
)
from credits.serializers import (
    AppNameField,
    ExpiringSerializer,
    PriceTerms,
    ProjectCodeField,
    SettledHoldSerializer,
    UserQuery,
)
from workspace.fields import Compression, Fit, MaxEdge
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
    over_bytes = serializers.IntegerField(help_text="How far the limit was lowered below what is used.")


class StoragePreferencesSerializer(serializers.Serializer[Any]):
    """What the person chose to happen when something does not fit."""

    make_room_from_trash = serializers.BooleanField(help_text="Purge what has lain in the trash longest.")
    fit = serializers.BooleanField(help_text="Lower a picture's quality, as `fit: true` of a save does.")
    max_edge = serializers.IntegerField(allow_null=True, help_text="Reduce pictures to this long edge, in pixels.")


class UserInfoSerializer(serializers.Serializer[Any]):
    """A person as their apps see them: `credits` can be spent now (balance less holds)."""

    user_id = serializers.CharField()
    username = serializers.CharField()
    email = serializers.EmailField()
    credits = serializers.IntegerField()
    credits_balance = serializers.IntegerField()
    credits_held = serializers.IntegerField()
    credits_expiring = ExpiringSerializer(many=True, help_text="How many of `credits` expire when, soonest first.")
    storage_used_bytes = serializers.IntegerField()
    storage_limit_bytes = serializers.IntegerField()
    storage_stats = FullnessSerializer()
    storage_preferences = StoragePreferencesSerializer()
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
    compression = Compression()
    fit = Fit()
    max_edge = MaxEdge()
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
    compression = Compression()
    fit = Fit()
    max_edge = MaxEdge()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs.keys() - {"user_id"}:
            raise ValidationError({"title": "Nothing to change was given."}, code="required")
        unheard = attrs.keys() & {"compression", "fit", "max_edge"}
        if unheard and "content" not in attrs:
            raise ValidationError(dict.fromkeys(sorted(unheard), "Says nothing without content."), code="invalid")
        return attrs


class DeleteQuery(UserQuery):
    permanent = QueryBoolean(required=False, help_text="Delete for good instead of moving to the trash.")


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


class MadeRoomSerializer(serializers.Serializer[Any]):
    """What was purged from the trash so that it fits, since the person chose that."""

    project_codes = serializers.ListField(child=serializers.CharField())
    freed_bytes = serializers.IntegerField()


class FittedProjectSerializer(ProjectSerializer):
    """A project, and what was done to its picture where `fit` or `max_edge` allowed it."""

    fit_applied = serializers.DictField(
        required=False,
        allow_null=True,
        help_text="`applied`, `fits`, `max_bytes`, `from`, `to`, and `tried` when `fit` was; `resized` when `max_edge` "
        "reduced it; null when nothing was done.",
    )

    class Meta(ProjectSerializer.Meta):
        fields: ClassVar[tuple[str, ...]] = (*ProjectSerializer.Meta.fields, "fit_applied")
        read_only_fields: ClassVar[tuple[str, ...]] = fields


class UpdatedProjectSerializer(FittedProjectSerializer):
    """A changed project, and what was done to make its new content fit."""

    made_room = MadeRoomSerializer(required=False)

    class Meta(FittedProjectSerializer.Meta):
        fields: ClassVar[tuple[str, ...]] = (*FittedProjectSerializer.Meta.fields, "made_room")
        read_only_fields: ClassVar[tuple[str, ...]] = fields


class ReservedSerializer(SettledHoldSerializer):
    """A hold, the wallet after it, and what was purged from the trash to make room for its bytes."""

    made_room = MadeRoomSerializer(required=False)

    class Meta(SettledHoldSerializer.Meta):
        fields: ClassVar[tuple[str, ...]] = (*SettledHoldSerializer.Meta.fields, "made_room")
        read_only_fields: ClassVar[tuple[str, ...]] = fields


class SavedProjectSerializer(FittedProjectSerializer):
    """A saved project with the workspace and the wallet after it, and what was done to make it fit.

    Bytes that the person has already are kept and counted once: then `duplicate_of` names the other project, and
    `deduplicated_bytes` is what this one did not take."""

    storage_stats = FullnessSerializer()
    credits = serializers.IntegerField(help_text="Credits that can be spent now.")
    charged = serializers.IntegerField(required=False)
    transaction_id = serializers.CharField(required=False)
    duplicate_of = serializers.CharField(allow_null=True)
    deduplicated_bytes = serializers.IntegerField()
    made_room = MadeRoomSerializer(required=False)

    class Meta(FittedProjectSerializer.Meta):
        fields: ClassVar[tuple[str, ...]] = (
            *FittedProjectSerializer.Meta.fields,
            "storage_stats",
            "credits",
            "charged",
            "transaction_id",
            "duplicate_of",
            "deduplicated_bytes",
            "made_room",
        )
        read_only_fields: ClassVar[tuple[str, ...]] = fields


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
    versions_bytes = serializers.IntegerField(
        help_text="What earlier versions take of the free room: not used, and given up when it is needed."
    )
    typical_picture_bytes = serializers.IntegerField(help_text="The median of the person's latest hundred pictures.")
    pictures_that_fit = serializers.IntegerField(help_text="About how many more pictures there is room for.")
    storage_preferences = StoragePreferencesSerializer()
    largest = ProjectSerializer(many=True)
