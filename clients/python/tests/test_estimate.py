"""A file sent with the client is counted by a running server."""

import pytest

from unified_client import Client, UnifiedError


@pytest.fixture
def client(live_server, alice, penora_key) -> Client:
    return Client(live_server.url, penora_key)


def test_a_files_pages_are_counted_and_priced(client: Client) -> None:
    found = client.estimate("alice", file=b"x" * 3601, filename="Gute Nacht, süße Welt.txt")
    assert (found["pages"], found["quantity"], found["credits_required"]) == (3, 3, 3)
    assert (found["affordable"], found["credits"], found["operation"]) == (True, 60, "file_processing")


def test_an_operation_has_no_pages(client: Client) -> None:
    found = client.estimate("alice", "page_generation", 2)
    assert (found["pages"], found["credits_required"]) == (None, 2)


def test_a_file_that_cannot_be_counted_says_why(client: Client) -> None:
    with pytest.raises(UnifiedError) as caught:
        client.estimate("alice", file=b"<!doctype html>", filename="report.pdf")
    assert (caught.value.status, caught.value.code) == (415, "unsupported_media")
