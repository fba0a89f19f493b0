"""The pages of the workspace. A code is six characters of its own alphabet, so no route shadows another."""

from django.urls import path

from workspace import bulk_views, closing_views, downloads, storage_views, version_views, views

urlpatterns = [
    path("projects/", views.projects, name="projects"),
    path("projects/download", downloads.projects, name="projects_download"),
    path("projects/delete", bulk_views.projects_delete, name="projects_delete"),
    path("projects/compress", bulk_views.projects_compress, name="projects_compress"),
    path("projects/revert", version_views.projects_revert, name="projects_revert"),
    path("projects/restore", bulk_views.projects_restore, name="projects_restore"),
    path("projects/<slug:code>/", views.project, name="project"),
    path("projects/<slug:code>/content", views.project_content, name="project_content"),
    path("projects/<slug:code>/thumbnail", views.project_thumbnail, name="project_thumbnail"),
    path("projects/<slug:code>/rename", views.project_rename, name="project_rename"),
    path("projects/<slug:code>/favourite", views.project_favourite, name="project_favourite"),
    path("projects/<slug:code>/tags", views.project_tags, name="project_tags"),
    path("projects/<slug:code>/delete", views.project_delete, name="project_delete"),
    path("projects/<slug:code>/restore", views.project_restore, name="project_restore"),
    path("projects/<slug:code>/purge", views.project_purge, name="project_purge"),
    path("projects/<slug:code>/versions/<int:number>", version_views.project_version, name="project_version"),
    path("projects/<slug:code>/versions/<int:number>/restore", version_views.version_restore, name="version_restore"),
    path("storage/", storage_views.storage, name="storage"),
    path("storage/preferences", storage_views.preferences, name="storage_preferences"),
    path("storage/low-storage/", storage_views.low_storage, name="low_storage"),
    path("storage/statement.csv", storage_views.statement_csv, name="storage_statement_csv"),
    path("account/close", closing_views.close, name="account_close"),
    path("account/closed", closing_views.closed, name="account_closed"),
    path("account/export", downloads.export, name="account_export"),
    path("storage/trash/empty", storage_views.trash_empty, name="trash_empty"),
]
