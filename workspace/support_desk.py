"""Everything staff need to help one person, read in one go: credits, holds, projects, storage, connections."""

from typing import Any

from django.utils import timezone

from accounts.models import Connection, User
from credits import services as credits
from credits.models import Hold, Purchase, Wallet
from workspace.models import Project, Workspace

ROWS = 8


def desk_of(user: User) -> dict[str, Any]:
    """What the support desk shows. Opens nothing for a person who has no wallet or workspace yet."""
    opened = Wallet.objects.filter(pk=user.pk).exists()
    wallet = credits.wallet_of(user=user) if opened else None
    projects = Project.objects.owned_by(user).select_related("app")
    return {
        "wallet": wallet,
        "workspace": Workspace.objects.filter(pk=user.pk).first(),
        "entries": wallet.entries.select_related("app").order_by("-version")[:ROWS] if wallet else [],
        "grants": wallet.grants.spendable(timezone.now()).in_burn_order()[:ROWS] if wallet else [],
        "purchases": Purchase.objects.owned_by(user).shown().order_by("-created_at")[:ROWS],
        "holds": Hold.objects.filter(wallet_id=user.pk).select_related("app").order_by("-id")[:ROWS],
        "projects": projects.defer("excerpt")[:ROWS],
        "project_count": projects.count(),
        "trash_count": projects.trashed().count(),
        "connections": Connection.objects.filter(user=user).select_related("app").order_by("app__name"),
        "rows": ROWS,
    }


def percent_used(workspace: Workspace) -> int:
    """How full a workspace is, rounded down."""
    return 100 * workspace.used_bytes // workspace.limit_bytes if workspace.limit_bytes else 100
