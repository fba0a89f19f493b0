"""The workspace's endpoints: people, projects, their bytes, storage, and holds on credits and bytes."""

from workspace.api.files import AsStoredRenderer, FileViewSet
from workspace.api.making_room import CleanupViewSet, ManyProjectsViewSet
from workspace.api.people import UserViewSet
from workspace.api.projects import ProjectViewSet
from workspace.api.storage import ReservationViewSet, StatementViewSet, StorageViewSet
from workspace.api.versions import VersionViewSet

__all__ = [
    "AsStoredRenderer",
    "CleanupViewSet",
    "FileViewSet",
    "ManyProjectsViewSet",
    "ProjectViewSet",
    "ReservationViewSet",
    "StatementViewSet",
    "StorageViewSet",
    "UserViewSet",
    "VersionViewSet",
]
