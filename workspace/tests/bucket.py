"""A storage that speaks S3, for tests: moto's server in this process, and ways to have it fail."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files.storage import storages

from workspace import blobs
from workspace.storage_url import storage_of

KEY, SECRET = "testing", "testing-secret"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Host and port of the server."""
    # Here, so that only these tests wait for it.
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


class Bucket:
    """What is in the storage, seen from outside of the product."""

    def __init__(self, server: str, settings: LazySettings) -> None:
        self.name = f"bucket-{secrets.token_hex(6)}"
        self._server, self._settings = server, settings
        self._before = dict(settings.STORAGES)
        self.connect()
        self._objects().create()

    def connect(self) -> None:
        self._use(f"s3://{KEY}:{SECRET}@{self._server}/{self.name}?tls=0")

    def cut(self) -> None:
        """From now on nobody answers."""
        self._use(f"s3://{KEY}:{SECRET}@127.0.0.1:9/{self.name}?tls=0")

    def take_away(self) -> None:
        """As if STORAGE_URL had been unset."""
        self._settings.STORAGES = self._before

    def _use(self, url: str) -> None:
        self._settings.STORAGES = {**self._before, blobs.ALIAS: storage_of(url)}

    def _objects(self) -> Any:
        return storages[blobs.ALIAS].bucket

    def names(self) -> set[str]:
        return {item.key for item in self._objects().objects.all()}

    def put(self, name: str, data: bytes) -> None:
        self._objects().Object(name).put(Body=data)

    def get(self, name: str) -> bytes:
        return self._objects().Object(name).get()["Body"].read()

    def delete(self, name: str) -> None:
        self._objects().Object(name).delete()


@pytest.fixture
def bucket(s3_server: str, settings: LazySettings, db: None) -> Bucket:
    """The product keeps its pictures in a bucket of this test's own."""
    return Bucket(s3_server, settings)
