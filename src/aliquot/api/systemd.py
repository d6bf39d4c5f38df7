"""What systemd and a service agree on: sd_listen_fds(3) and sd_notify(3)."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping

from aliquot.errors import BadServerSetting

_FIRST = 3
_MOST = 16


def handed_over(process_id: int, environment: Mapping[str, str]) -> list[socket.socket]:
    """The sockets that systemd handed over, empty where it didn't; raises BadServerSetting."""
    if environment.get("LISTEN_PID") != str(process_id):
        return []
    count = environment.get("LISTEN_FDS", "")
    if not count.isdigit() or not 1 <= int(count) <= _MOST:
        raise BadServerSetting(f"LISTEN_FDS is {count[:20]!r}")
    found: list[socket.socket] = []
    for descriptor in range(_FIRST, _FIRST + int(count)):
        os.set_inheritable(descriptor, False)
        try:
            listener = socket.socket(fileno=descriptor)
            listens = listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        except OSError as error:
            raise BadServerSetting(f"descriptor {descriptor} is no socket") from error
        if listener.type != socket.SOCK_STREAM or not listens:
            raise BadServerSetting(f"the socket {descriptor} from systemd doesn't listen")
        listener.setblocking(False)
        found.append(listener)
    return found


class Notifier:
    """Tells systemd how it goes; nobody, where the daemon wasn't started by it."""

    def __init__(self, process_id: int, environment: Mapping[str, str]) -> None:
        """As the environment says."""
        path = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        period = environment.get("WATCHDOG_USEC", "")
        whose = environment.get("WATCHDOG_PID") or str(process_id)
        self.watched = period.isdigit() and whose == str(process_id)

    def tell(self, *lines: str) -> None:
        """Send `READY=1` and the like; that nobody listens is no reason to fail."""
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
            way.sendto("\n".join(lines).encode(), self._address)

    def alive(self) -> None:
        """The watchdog's second has passed and we are here."""
        if self.watched:
            self.tell("WATCHDOG=1")
