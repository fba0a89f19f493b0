"""An app's logo: drawn anew from what staff upload, shown wherever the app is named."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.template import Context, Template
from django.test import Client
from PIL import Image

from accounts import logos
from accounts.errors import InvalidField
from accounts.models import AppLogo, ClientApp, User

pytestmark = pytest.mark.django_db


def picture(width: int = 300, height: int = 200, kind: str = "PNG", **terms) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(out, kind, **terms)
    return out.getvalue()


def shown(app: ClientApp) -> str:
    return Template("{% load page %}{% mark app %}").render(Context({"app": app}))


def form_of(app: ClientApp, **fields) -> dict:
    keys = {f"{of}-{name}_FORMS": 0 for of in ("keys", "webhooks") for name in ("TOTAL", "INITIAL")}
    return {"name": app.name, "hue": app.hue, "first_party": "on", "is_active": "on", **keys, **fields}


@pytest.fixture
def desk(staff: User) -> Client:
    client = Client()
    client.force_login(staff)
    return client


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_becomes_a_square_webp_with_nothing_of_the_file_left(kind: str) -> None:
    drawn = logos.draw(picture(kind=kind) + b"<script>alert(1)</script>")
    made = Image.open(io.BytesIO(drawn))
    assert (made.format, made.size) == ("WEBP", (128, 128))
    assert b"script" not in drawn


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        picture(kind="GIF"),
        picture()[:200],
        picture(2049, 2049),
        b"x" * (logos.MAX_BYTES + 1),
        picture(kind="WEBP", save_all=True, append_images=[Image.new("RGB", (300, 200))]),
    ],
    ids=["nothing", "svg", "gif", "cut off", "too many pixels", "too many bytes", "moving"],
)
def test_refuses_what_is_no_small_still_picture(data: bytes) -> None:
    with pytest.raises(InvalidField):
        logos.draw(data)


def test_is_shown_once_set_and_the_initial_again_once_removed(penora: ClientApp) -> None:
    assert ">P</span>" in shown(penora)
    logos.set_logo(app=penora, drawn=logos.draw(picture()))
    assert f'src="/apps/penora/logo?v={penora.logo_version}"' in shown(penora)
    logos.remove_logo(app=penora)
    assert ">P</span>" in shown(penora)
    assert not AppLogo.objects.exists()


def test_a_logo_is_served_for_good_under_its_version_only(penora: ClientApp, client: Client) -> None:
    assert client.get("/apps/penora/logo").status_code == 404
    logos.set_logo(app=penora, drawn=logos.draw(picture()))
    current = client.get(f"/apps/penora/logo?v={penora.logo_version}")
    assert (current["Content-Type"], current["X-Content-Type-Options"]) == ("image/webp", "nosniff")
    assert "immutable" in current["Cache-Control"]
    assert "no-cache" in client.get("/apps/penora/logo?v=other")["Cache-Control"]


def test_staff_upload_and_remove_it(desk: Client, penora: ClientApp) -> None:
    url = f"/admin/accounts/clientapp/{penora.pk}/change/"
    logo = SimpleUploadedFile("logo.png", picture(), "image/png")
    assert desk.post(url, form_of(penora, logo=logo)).status_code == 302
    penora.refresh_from_db()
    assert penora.logo_version
    assert desk.post(url, form_of(penora, remove_logo="on")).status_code == 302
    penora.refresh_from_db()
    assert penora.logo_version == ""


def test_staff_are_told_what_is_wrong_with_an_upload(desk: Client, penora: ClientApp) -> None:
    logo = SimpleUploadedFile("logo.svg", b"<svg/>", "image/svg+xml")
    answer = desk.post(f"/admin/accounts/clientapp/{penora.pk}/change/", form_of(penora, logo=logo))
    assert "no PNG, JPEG or WebP" in answer.content.decode()
    penora.refresh_from_db()
    assert penora.logo_version == ""
