"""The shapes of the API's answers. Fields may be added by a newer server; the ones here stay."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

ProjectType = Literal["text", "image", "ai_art"]
Compression = Literal["auto", "lossless", "none"]
ContentFormat = Literal["png", "jpeg", "webp", "avif", "txt", "md"]


class Charge(TypedDict, total=False):
    """What to pay together with a save: `amount`, or `operation` and `quantity` from the price book."""

    amount: int
    operation: str
    quantity: int
    description: str


class BatchCharge(TypedDict):
    """One charge of a batch, under a `key` of its own: `amount`, or `operation` and `quantity` from the price book."""

    key: str
    user_id: str
    amount: NotRequired[int]
    operation: NotRequired[str]
    quantity: NotRequired[int]
    description: NotRequired[str]
    project_code: NotRequired[str]


class StorageStats(TypedDict):
    used_mb: float
    limit_mb: float
    available_mb: float
    usage_percentage: float


class Expiring(TypedDict):
    amount: int
    expires_at: str


class UserInfo(TypedDict):
    user_id: str
    username: str
    email: str
    credits: int
    credits_balance: int
    credits_held: int
    credits_expiring: list[Expiring]
    storage_used_bytes: int
    storage_limit_bytes: int
    storage_stats: StorageStats
    created_at: str


class Receipt(TypedDict):
    transaction_id: str
    amount: int
    credits: int
    credits_balance: int
    credits_held: int


class ChargeResult(TypedDict):
    """What became of one charge of a batch: with `status` 200 its receipt, else the `code` and facts of the refusal."""

    key: str
    status: int
    replayed: NotRequired[bool]
    transaction_id: NotRequired[str]
    amount: NotRequired[int]
    credits: NotRequired[int]
    credits_balance: NotRequired[int]
    credits_held: NotRequired[int]
    code: NotRequired[str]
    detail: NotRequired[str]
    required: NotRequired[int]
    shortfall: NotRequired[int]
    top_up_url: NotRequired[str]
    errors: NotRequired[list[dict[str, str]]]


class Project(TypedDict):
    project_code: str
    user_id: str
    app_source: str
    project_type: ProjectType
    title: str
    metadata: dict[str, Any]
    tags: list[str]
    favourite: bool
    file_size_bytes: int
    original_size_bytes: int
    content_type: str
    width: int | None
    height: int | None
    created_at: str
    updated_at: str
    version: int
    content: NotRequired[str]
    content_url: NotRequired[str]
    thumbnail_url: NotRequired[str | None]


class SavedProject(Project):
    storage_stats: StorageStats
    credits: int
    fit_applied: NotRequired[Any]


class Draw(TypedDict):
    amount: int
    source: str
    granted_at: str
    expires_at: str | None


class Transaction(TypedDict):
    transaction_id: str
    user_id: str
    app_name: str | None
    transaction_type: str
    amount: int
    balance_after: int
    description: str
    project_code: str | None
    related_transaction_id: str | None
    hold_id: str | None
    created_at: str
    grants: list[Draw]


class Estimate(TypedDict):
    operation: str
    quantity: int
    credits_required: int
    affordable: bool
    credits: int
    pages: int | None


class Hold(TypedDict):
    hold_id: str
    amount: int
    storage_bytes: int
    expires_at: str
    status: str
