"""The pages of the workspace. A code is six characters of its own alphabet, so no route shadows another."""

from django.urls import path

from workspace import views

urlpatterns = [
    path("projects/", views.projects, name="projects"),
    path("projects/delete", views.projects_delete, name="projects_delete"),
    path("projects/restore", views.projects_restore, name="projects_restore"),
    path("projects/<slug:code>/", views.project, name="project"),
    path("projects/<slug:code>/content", views.project_content, name="project_content"),
    path("projects/<slug:code>/thumbnail", views.project_thumbnail, name="project_thumbnail"),
    path("projects/<slug:code>/rename", views.project_rename, name="project_rename"),
    path("projects/<slug:code>/delete", views.project_delete, name="project_delete"),
    path("projects/<slug:code>/restore", views.project_restore, name="project_restore"),
    path("projects/<slug:code>/purge", views.project_purge, name="project_purge"),
    path("storage/", views.storage, name="storage"),
    path("storage/trash/empty", views.trash_empty, name="trash_empty"),
]
