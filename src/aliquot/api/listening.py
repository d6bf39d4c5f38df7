"""The sockets of the API: a Unix socket of our own, and a port of this machine where wanted.

A socket's file outlives who made it. Whoever makes one holds a lock beside it for as long as they
serve: with the lock and nobody answering, what is there is stale and is replaced.
"""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import os
import re
import socket
import stat

from aliquot import runtime_directory
from aliquot.errors import AddressInUse, BadListenAddress, BadRuntimeDirectory, DaemonRunning

BACKLOG = 512
_LONGEST_PATH = 107
_LISTEN = re.compile(r"(?:\[([0-9A-Fa-f:]+)\]|([^\[\]:]+)):(\d{1,5})", re.ASCII)


class UnixListener:
    """A Unix socket that listens, with its lock."""

    def __init__(self, path: str, *, for_all: bool) -> None:
        """Listen at `path`; `for_all`: every user may connect, and the kernel tells who it is.

        Raises DaemonRunning, AddressInUse, BadRuntimeDirectory.
        """
        self.path = path
        if len(os.fsencode(path)) > _LONGEST_PATH:
            raise AddressInUse(f"the path {path!r} is too long for a socket")
        self._lock = _locked(path + ".lock")
        try:
            _remove_stale(path)
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            # Closed to others from its first moment: the mask holds until the mode is set.
            mask = os.umask(0o177)
            try:
                self.socket.bind(path)
            except OSError as error:
                self.socket.close()
                raise AddressInUse(f"{path!r} can't be made: {error.strerror}") from error
            finally:
                os.umask(mask)
            if for_all:
                os.chmod(path, 0o666)  # noqa: S103 - peer credentials decide
            self._identity = _identity(path)
            self.socket.listen(BACKLOG)
            self.socket.setblocking(False)
        except BaseException:
            os.close(self._lock)
            raise

    def close(self) -> None:
        """Stop listening and remove the socket, if it is still ours."""
        with contextlib.suppress(OSError):
            self.socket.close()
        with contextlib.suppress(OSError):
            if _identity(self.path) == self._identity:
                os.unlink(self.path)
        with contextlib.suppress(OSError):
            os.close(self._lock)


def folder() -> str:
    """The runtime directory, made where it is missing; root's can be passed by everybody."""
    root = runtime_directory.path()
    mode = 0o711 if os.geteuid() == 0 else 0o700
    try:
        os.mkdir(root, mode)
    except FileExistsError:
        pass
    except OSError as error:
        raise BadRuntimeDirectory(
            f"the runtime directory {root!r} can't be made: {error.strerror}"
        ) from error
    problem = runtime_directory.problem_of(root)
    if problem:
        raise BadRuntimeDirectory(f"the runtime directory {root!r} {problem}")
    os.chmod(root, mode)
    return root


def parse(text: str) -> tuple[str, int]:
    """What --listen says, of this machine only; raises BadListenAddress."""
    match = _LISTEN.fullmatch(text.strip())
    if match is None:
        raise BadListenAddress(f"--listen {text[:60]!r} is not an address and a port")
    host, port = match[1] or match[2], int(match[3])
    if host == "localhost":
        host = "127.0.0.1"
    try:
        here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = False
    if not here:
        raise BadListenAddress(f"--listen {text[:60]!r} is not an address of this machine alone")
    if port >= 1 << 16:
        raise BadListenAddress(f"--listen {text[:60]!r} has no port from 0 to 65535")
    return host, port


def listen_tcp(host: str, port: int) -> socket.socket:
    """Listen on a port of this machine; raises AddressInUse."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise AddressInUse(f"{host} port {port} can't be had: {error.strerror}") from error
    listener.setblocking(False)
    return listener


def _locked(path: str) -> int:
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise AddressInUse(f"{path!r} can't be opened: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise DaemonRunning(f"another daemon listens on {path.removesuffix('.lock')!r}") from None
    return lock


def _remove_stale(path: str) -> None:
    """Remove a socket that nobody listens on; anything else stays and is an error."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise AddressInUse(f"{path!r} can't be looked at: {error.strerror}") from error
    if not stat.S_ISSOCK(status.st_mode):
        raise AddressInUse(f"{path!r} is there already and is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        trial.settimeout(1)
        try:
            trial.connect(path)
        except ConnectionRefusedError:
            pass
        except OSError as error:
            raise AddressInUse(f"another program has {path!r}: {error}") from error
        else:
            raise DaemonRunning(f"another program listens on {path!r}")
    try:
        os.unlink(path)
    except OSError as error:
        raise AddressInUse(f"{path!r} can't be replaced: {error.strerror}") from error


def _identity(path: str) -> tuple[int, int]:
    status = os.lstat(path)
    return status.st_dev, status.st_ino
