"""The sending half of a connection: what its reader does not take at once is kept, and no thread waits with it."""

import errno
import select
import socket
from tempfile import SpooledTemporaryFile
from typing import Any

# In memory until it is larger than this, then in a file.
SMALL_BYTES = 262_144
# Who is owed more than this is waited for after all: an answer without end must not fill the disk.
MOST_OWED_BYTES = 67_108_864
_CHUNK, _SENDS = 65_536, 16


class Outlet(socket.socket):
    """A socket whose `sendall` keeps what it cannot send; `pay` sends more of it whenever the reader has room.

    `owed` is how many bytes are kept, `request_id` what the request that is answered calls itself. When the reader is
    waited for and takes nothing for `patience` seconds, ConnectionResetError is raised."""

    def __init__(self, sock: socket.socket, patience: float) -> None:
        super().__init__(sock.family, sock.type, sock.proto, fileno=sock.detach())
        self.patience = patience
        self.owed = 0
        self.request_id = ""
        self._kept: SpooledTemporaryFile[bytes] | None = None

    def dup(self) -> socket.socket:  # type: ignore[override]
        """A plain socket on the same connection."""
        return socket.fromfd(self.fileno(), self.family, self.type, self.proto)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send what can be sent at once, behind what is owed, and keep the rest."""
        rest = memoryview(data)
        if self.pay():
            rest = rest[self._sent(rest) :]
        if len(rest):
            self._keep(rest)
        if self.owed > MOST_OWED_BYTES:
            self._wait()

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """All of a file that is small enough to be read at once, as ours are."""
        file.seek(offset)
        content = file.read() if count is None else file.read(count)
        self.sendall(content)
        return len(content)

    def pay(self) -> bool:
        """Send more of what is owed, without waiting; whether nothing is owed any more."""
        for _ in range(_SENDS):
            if self._kept is None:
                return True
            self._kept.seek(-self.owed, 2)
            sent = self._sent(self._kept.read(_CHUNK))
            if not sent:
                return False
            self.owed -= sent
            if not self.owed:
                self.forget()
        return self._kept is None

    def forget(self) -> None:
        """Owe nothing any more."""
        self.owed = 0
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def close(self) -> None:
        self.forget()
        super().close()

    def _keep(self, data: Any) -> None:
        if self._kept is None:
            self._kept = SpooledTemporaryFile(SMALL_BYTES)  # noqa: SIM115 (closed when it is sent, or with the socket)
        self._kept.seek(0, 2)
        self._kept.write(data)
        self.owed += len(data)

    def _sent(self, data: Any) -> int:
        try:
            return self.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0

    def _wait(self) -> None:
        room = select.poll()
        room.register(self, select.POLLOUT)
        while not self.pay():
            if not room.poll(self.patience * 1_000):
                self.forget()
                raise ConnectionResetError(errno.ECONNRESET, "The other side reads nothing.")
