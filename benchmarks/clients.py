"""Apps and people at work: connections to the server that are kept, and threads that call it through them."""

import http.client
import json
import threading
from collections.abc import Callable, Sequence
from typing import Any


class Caller:
    """One kept connection, with the headers of whoever calls."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = headers

    def get(self, path: str) -> bytes:
        """The body of what a path of the server answers; anything but success is an error."""
        return self._answer("GET", path, None, {})

    def post(self, path: str, body: dict[str, Any], key: str = "") -> dict[str, Any]:
        """Send a body to a path of the API, with an Idempotency-Key if given; the answer."""
        named = {"Idempotency-Key": key} if key else {}
        return dict(json.loads(self._answer("POST", f"/api/unified/{path}", json.dumps(body), named)))

    def _answer(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> bytes:
        self._connection.request(method, path, body, self._headers | headers)
        response = self._connection.getresponse()
        answer = response.read()
        if not 200 <= response.status < 300:
            raise RuntimeError(f"{path} answered {response.status}: {answer[:500]!r}")
        return answer

    def close(self) -> None:
        """Let the connection go; the next call makes a new one. The server ends one that rests for two seconds."""
        self._connection.close()


Task = Callable[[Caller, str], None]


def app_caller(port: int, key: str) -> Caller:
    """An app, by its key."""
    return Caller(port, {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})


class Clients:
    """As many clients as there are `user_ids`, all with the same app key, each calling for a person of its own."""

    def __init__(self, port: int, key: str, user_ids: Sequence[str]) -> None:
        self._port = port
        self._key = key
        self._user_ids = user_ids

    def __len__(self) -> int:
        return len(self._user_ids)

    def work(self, task: Task, times: int) -> None:
        """Have `task` done `times` times, shared out evenly; the first that fails ends it all."""
        failures: list[Exception] = []
        each = times // len(self)
        threads = [threading.Thread(target=self._one, args=(user, task, each, failures)) for user in self._user_ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def _one(self, user_id: str, task: Task, times: int, failures: list[Exception]) -> None:
        caller = app_caller(self._port, self._key)
        try:
            for _ in range(times):
                task(caller, user_id)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for the threads
            failures.append(error)
        finally:
            caller.close()
