"""The server's worker: a request is gathered whole before a thread takes it, and what a reader does not take of its
answer is sent after the thread has gone, so that nobody slow holds a thread.

Gunicorn's own thread worker lets a thread wait for the rest of a head or body, and for whoever reads the answer, for
ever, and its only loop for two seconds with every connection it ends. Here that loop reads what has come from whoever
sends, writes what there is room for, and waits for nobody."""

import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from unified.gathering import CHUNK_BYTES, HEAD_SECONDS, READS, STALLED_SECONDS, Gathered, Refused
from unified.gunicorn_hooks import write_problem

# An answer must be taken by this many bytes in STALLED_SECONDS.
TAKEN_BYTES = 65_536
# So much may all large bodies hold together, and what answers still wait; past it the one that began first goes.
HELD_BYTES = 536_870_912
LINGER_SECONDS = 2.0
SWEEP_SECONDS = 0.5


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """Gunicorn's thread worker, whose threads are for work alone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # In the order they began.
        self.gathering: dict[Gathered, None] = {}
        self.leaving: dict[Gathered, None] = {}
        # Who is owed the rest of an answer, and what comes when it is out.
        self.owed: dict[Gathered, Callable[[Gathered], None]] = {}
        self._swept = 0.0

    def accept(self, listener: socket.socket) -> None:
        """Take in a connection; the one that has said least for longest makes room when there is none."""
        try:
            sock, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self.nr_conns += 1
        for others in (self.leaving, self.gathering, self.owed):
            if others and self.nr_conns >= self.worker_connections:
                self._drop(next(iter(others)))
        self._gather(Gathered(self.cfg, sock, client, listener.getsockname()))

    def _keepalive_after(self, conn: Gathered, keepalive: bool) -> bool:
        # What nobody read of a body is all here: passing over it costs nothing.
        return keepalive and bool(conn.parser.finish_body())

    def finish_request(self, conn: Gathered, done: Any) -> None:
        """Await the connection's next request, or end it."""
        read = conn.size == 0 and not conn.parser.unreader.buf.getvalue()
        if not done.cancelled() and done.exception() is None and done.result() and read:
            self._when_paid(conn, self._go_on)
        else:
            self._leave(conn)

    def _go_on(self, conn: Gathered) -> None:
        conn.sock.setblocking(False)
        conn.start(self.cfg.keepalive)
        self._gather(conn)

    def murder_pending(self) -> None:
        """Let go of whoever took too long, and of the oldest large bodies when all of them are too much."""
        now = time.monotonic()
        if now < self._swept + SWEEP_SECONDS:
            return
        self._swept = now
        # A worker that is told to leave waits for what has begun, not for what might.
        patience = 0 if self.alive else HEAD_SECONDS - LINGER_SECONDS
        for conn in [conn for conn in self.leaving if conn.due < now]:
            self._drop(conn)
        for conn in [conn for conn in self.gathering if conn.due < now + patience]:
            self._refuse(conn, Refused(408, "Request Timeout")) if conn.here else self._drop(conn)
        for conn in list(self.owed):
            # The poller tells of room only when there is much.
            self._pay(conn)
        for conn in [conn for conn in self.owed if conn.due < now]:
            self._drop(conn)
        owed = sum(conn.sock.owed for conn in self.owed)
        while owed > HELD_BYTES:
            oldest = next(iter(self.owed))
            owed -= oldest.sock.owed
            self._drop(oldest)
        large = [conn for conn in self.gathering if conn.body]
        held = sum(conn.here for conn in large)
        while held > HELD_BYTES:
            oldest = large.pop(0)
            held -= oldest.here
            self._refuse(oldest, Refused(503, "Service Unavailable"))

    def _gather(self, conn: Gathered) -> None:
        from django.conf import settings  # ready only in the worker

        try:
            whole = conn.gather(settings.MAX_BODY_BYTES)
        except Refused as refused:
            self._refuse(conn, refused)
        except OSError:
            self._drop(conn)
        else:
            if whole:
                self._forget(conn)
                self.enqueue_req(conn)
            elif conn not in self.gathering:
                self.gathering[conn] = None
                self._watch(conn, self._gather)

    def _refuse(self, conn: Gathered, refused: Refused) -> None:
        if not conn.sock.request_id:
            conn.name()
        with suppress(OSError):
            write_problem(conn.sock, refused.status, refused.reason)
        self._leave(conn)

    def _when_paid(self, conn: Gathered, then: Callable[[Gathered], None]) -> None:
        """Go on with a connection once its reader has the whole answer."""
        if not conn.sock.owed:
            then(conn)
            return
        self.owed[conn] = then
        self._await_taking(conn)
        self.poller.register(conn.sock, selectors.EVENT_WRITE, lambda _: self._pay(conn))

    def _await_taking(self, conn: Gathered) -> None:
        conn.due = time.monotonic() + STALLED_SECONDS
        conn.goal = conn.sock.owed - TAKEN_BYTES

    def _pay(self, conn: Gathered) -> None:
        try:
            paid = conn.sock.pay()
        except OSError:
            self._drop(conn)
            return
        if paid:
            then = self.owed[conn]
            self._forget(conn)
            then(conn)
        elif conn.sock.owed <= conn.goal:
            self._await_taking(conn)

    def _leave(self, conn: Gathered) -> None:
        self._forget(conn)
        self._when_paid(conn, self._say_goodbye)

    def _say_goodbye(self, conn: Gathered) -> None:
        """Say that nothing follows, and read on for a moment: else what was not read would take the answer with it."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
            return
        conn.received.clear()
        conn.forget_body()
        conn.due = time.monotonic() + LINGER_SECONDS
        self.leaving[conn] = None
        self._watch(conn, self._drain)

    def _drain(self, conn: Gathered) -> None:
        with suppress(BlockingIOError):
            for _ in range(READS):
                try:
                    chunk = conn.sock.recv(CHUNK_BYTES)
                except ConnectionError:
                    chunk = b""
                if not chunk:
                    self._drop(conn)
                    return

    def _watch(self, conn: Gathered, then: Callable[[Gathered], None]) -> None:
        self.poller.register(conn.sock, selectors.EVENT_READ, lambda _: then(conn))

    def _forget(self, conn: Gathered) -> None:
        if conn in self.gathering or conn in self.leaving or conn in self.owed:
            self.poller.unregister(conn.sock)
        for kept in (self.gathering, self.leaving, self.owed):
            kept.pop(conn, None)

    def _drop(self, conn: Gathered) -> None:
        self._forget(conn)
        self.nr_conns -= 1
        conn.forget_body()
        # The two know each other: so both are gone now, and not with some later collection.
        conn.parser = None
        util.close(conn.sock)
