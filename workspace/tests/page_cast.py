"""How these tests make people and projects: through the services, so that every row is a possible one."""

import io

from PIL import Image

from accounts.models import ClientApp, User
from workspace import services
from workspace.content import prepare
from workspace.models import Project


def make_app(slug: str) -> ClientApp:
    return ClientApp.objects.get_or_create(slug=slug, defaults={"name": slug.title(), "first_party": True})[0]


def join(name: str) -> User:
    return services.join(user_id=name, username=name.title(), email=f"{name}@example.com", app=make_app("penora"))[0]


def write(user: User, title: str, text: str = "Once upon a time", app: str = "penora", **extra) -> Project:
    prepared = prepare(project_type="text", content=text)
    saved = services.save_project(
        user=user, app=make_app(app), project_type="text", title=title, prepared=prepared, **extra
    )
    return saved.project


def paint(user: User, title: str) -> Project:
    picture = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(picture, "PNG")
    prepared = prepare(project_type="image", content=picture.getvalue())
    saved = services.save_project(
        user=user,
        app=make_app("imagegene"),
        project_type="image",
        title=title,
        prepared=prepared,
        metadata={"prompt": "a teal square", "style": "flat"},
        charge={"amount": 2},
    )
    return saved.project
