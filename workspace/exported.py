"""What the documents of an export may say, checked field by field: they come from outside, whoever made them."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts.fields import in_order
from accounts.serializers import (
    Choice,
    EmailAddress,
    JsonObject,
    StrictBoolean,
    StrictDateTime,
    TagList,
    Text,
    UserIdField,
    WholeNumber,
)
from credits.serializers import AppNameField
from workspace.exporting import FORMAT, FORMAT_VERSION
from workspace.models import CODE_ALPHABET, DEFAULT_FULL_MARK, ProjectType
from workspace.serializers import LONGEST_TITLE
from workspace.services.preferences import EDGES, PERCENT

LARGEST_BALANCE = 2_000_000_000  # what one grant can hold
LARGEST_CAP = 1_000_000
LONGEST_FILE_NAME = 400

# Fields that a later version adds are passed over, so these are not strict about what they do not know.


class CodeField(Text):
    """A project code as one is issued."""

    def __init__(self) -> None:
        super().__init__(max_length=6, min_length=6)

    def to_internal_value(self, data: Any) -> str:
        code: str = super().to_internal_value(data)
        if set(code) <= set(CODE_ALPHABET):
            return code
        raise ValidationError("Is no project code.")


class StoredLine(Text):
    """A line as it was stored elsewhere, where marks that change its order may not have been refused: without them."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation(in_order(data) if isinstance(data, str) else data)


class ManifestSerializer(serializers.Serializer[Any]):
    format = Choice(choices=(FORMAT,))
    format_version = WholeNumber(min_value=FORMAT_VERSION, max_value=FORMAT_VERSION)
    made_by = Text(max_length=200)


class ConnectionSerializer(serializers.Serializer[Any]):
    app_name = AppNameField()
    created_at = StrictDateTime()
    daily_cap = WholeNumber(min_value=0, max_value=LARGEST_CAP, allow_null=True)
    disconnected_at = StrictDateTime(allow_null=True)


class SettingsSerializer(serializers.Serializer[Any]):
    low_mark = WholeNumber(min_value=0, max_value=LARGEST_BALANCE)
    make_room_from_trash = StrictBoolean()
    fit = StrictBoolean()
    max_edge = WholeNumber(min_value=EDGES[0], max_value=EDGES[-1], allow_null=True)
    # Exports of before there was such a notice do not have it.
    full_mark = WholeNumber(min_value=PERCENT[0], max_value=PERCENT[-1], default=DEFAULT_FULL_MARK)


class AccountSerializer(serializers.Serializer[Any]):
    user_id = UserIdField()
    username = StoredLine(max_length=150)
    email = EmailAddress()
    created_at = StrictDateTime()
    credits_balance = WholeNumber(min_value=0, max_value=LARGEST_BALANCE)
    connections = ConnectionSerializer(many=True)
    settings = SettingsSerializer()


class VersionSerializer(serializers.Serializer[Any]):
    project_code = CodeField()
    version = WholeNumber(min_value=1, max_value=2_000_000_000)
    project_type = Choice(choices=ProjectType.choices)
    original_size_bytes = WholeNumber(min_value=0)
    content_sha256 = Text(max_length=64, min_length=64)
    encoding = Choice(choices=("", "br"))
    encoder = JsonObject()
    saved_at = StrictDateTime()
    replaced_at = StrictDateTime()
    file = Text(max_length=LONGEST_FILE_NAME, allow_null=True)
    stored_file = Text(max_length=LONGEST_FILE_NAME, allow_null=True)


class ProjectSerializer(serializers.Serializer[Any]):
    project_code = CodeField()
    app_source = AppNameField()
    project_type = Choice(choices=ProjectType.choices)
    title = StoredLine(max_length=LONGEST_TITLE)
    tags = TagList(child=StoredLine(max_length=50, trim=True))
    favourite = StrictBoolean()
    metadata = JsonObject()
    original_size_bytes = WholeNumber(min_value=0)
    content_sha256 = Text(max_length=64, min_length=64)
    encoding = Choice(choices=("", "br"))
    encoder = JsonObject()
    version = WholeNumber(min_value=1, max_value=2_000_000_000)
    created_at = StrictDateTime()
    updated_at = StrictDateTime()
    trashed_at = StrictDateTime(allow_null=True)
    file = Text(max_length=LONGEST_FILE_NAME, allow_null=True)
    stored_file = Text(max_length=LONGEST_FILE_NAME, allow_null=True)
