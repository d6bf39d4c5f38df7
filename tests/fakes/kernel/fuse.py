"""Mounts a tree by FUSE, spoken with the kernel itself: no library, no program, no root needed.

The protocol is that of Linux's include/uapi/linux/fuse.h, version 7.31. A process of its own holds
the mount, in a mount namespace and, for an ordinary user, a user namespace of its own: so nobody
else sees it, and with that process it is gone. We serve it in a thread and reach it by
/proc/PID/root.
"""

from __future__ import annotations

import array
import ctypes
import errno
import os
import signal
import socket
import stat
import struct
import threading
from collections.abc import Callable

from tests.fakes.kernel.tree import Dir, File, Link, Node, Refused, resolve

_CLONE_NEWNS, _CLONE_NEWUSER = 0x0002_0000, 0x1000_0000
_MS_NOSUID, _MS_NODEV, _MS_REC, _MS_PRIVATE = 2, 4, 0x4000, 1 << 18
_HEADER = struct.Struct("<IIQQIIIHH")
_REPLY = struct.Struct("<IiQ")
_ATTRIBUTES = struct.Struct("<6Q10I")
_DIRECT_IO = 1  # each read asks us: a file's text changes
_LARGEST = 1 << 17
_ROOT = 1
_SILENT = {2, 36, 42}  # FORGET, INTERRUPT, BATCH_FORGET: nobody waits for an answer

Watch = Callable[[str, str, int], None]


class NoFuse(Exception):
    """FUSE can't be mounted here, and why."""


class Mount:
    """A mounted tree. A context manager."""

    def __init__(self, root: Dir, folder: str) -> None:
        """Mount on an empty folder; raises NoFuse."""
        self.root = root
        self.before: Watch = lambda path, text, process: None
        self.after: Watch = lambda path, text, process: None
        self._paths = {_ROOT: "/"}
        self._numbers = {"/": _ROOT}
        self._holder, self._device = _mount(folder)
        self.path = f"/proc/{self._holder}/root{folder}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> Mount:
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self._holder, signal.SIGKILL)
        os.waitpid(self._holder, 0)
        self._thread.join(10)
        os.close(self._device)

    def _serve(self) -> None:
        while True:
            try:
                request = os.read(self._device, _LARGEST + 4096)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.ENOENT, errno.EAGAIN):
                    continue  # one that was taken back
                return  # unmounted
            _, opcode, unique, node, _, _, process, _, _ = _HEADER.unpack_from(request)
            try:
                number, answer = 0, self._answer(opcode, node, process, request[_HEADER.size :])
            except OSError as error:
                number, answer = error.errno or errno.EIO, b""
            if opcode in _SILENT:
                continue
            reply = _REPLY.pack(_REPLY.size + len(answer), -number, unique) + answer
            try:
                os.write(self._device, reply)
            except OSError:
                continue  # who asked has been killed meanwhile

    def _answer(self, opcode: int, number: int, process: int, body: bytes) -> bytes:
        match opcode:
            case 26:  # INIT
                return struct.pack(
                    "<4I2H2I2H2I6I", 7, 31, 0, 0, 0, 0, _LARGEST, 1, 0, 0, 0, 0, *[0] * 6
                )
            case 1:  # LOOKUP
                return self._entry(self._paths[number], body.rstrip(b"\0").decode())
            case 3 | 4:  # GETATTR, and SETATTR, of which truncation is all that is asked
                return struct.pack("<QII", 0, 0, 0) + self._attributes(self._paths[number])
            case 5:  # READLINK
                node = self._node(number)
                return node.target.encode() if isinstance(node, Link) else b""
            case 14 | 27:  # OPEN, OPENDIR
                return struct.pack("<QIi", 0, _DIRECT_IO, 0)
            case 15:  # READ
                _, offset, size = struct.unpack_from("<QQI", body)
                node = self._node(number)
                assert isinstance(node, File)
                return node.text().encode()[offset : offset + size]
            case 16:  # WRITE
                return self._write(number, process, body)
            case 28:  # READDIR
                return self._listing(number, *struct.unpack_from("<QQI", body)[1:])
            case 17:  # STATFS
                return b"\0" * 80
            case 18 | 25 | 29 | 34 | 38 | 2 | 36 | 42:
                return b""  # RELEASE, FLUSH, RELEASEDIR, ACCESS, DESTROY
            case _:
                raise Refused(errno.ENOSYS)

    def _write(self, number: int, process: int, body: bytes) -> bytes:
        size = struct.unpack_from("<I", body, 16)[0]
        text, path = body[40 : 40 + size].decode(), self._paths[number]
        self.before(path, text, process)
        node = self._node(number)
        assert isinstance(node, File)
        node.write(text)
        self.after(path, text, process)
        return struct.pack("<II", size, 0)

    def _node(self, number: int) -> Node:
        node = resolve(self.root, self._paths[number])
        if node is None:
            raise Refused(errno.ENODEV)  # as sysfs has it for an open file whose device is gone
        return node

    def _entry(self, folder: str, name: str) -> bytes:
        path = f"{folder.rstrip('/')}/{name}"
        attributes = self._attributes(path)
        number = self._numbers.setdefault(path, len(self._numbers) + 1)
        self._paths[number] = path
        return struct.pack("<4Q2I", number, 0, 0, 0, 0, 0) + attributes

    def _attributes(self, path: str) -> bytes:
        node = resolve(self.root, path)
        if node is None:
            raise Refused(errno.ENOENT)
        if isinstance(node, Dir):
            mode, size = stat.S_IFDIR | 0o755, 0
        elif isinstance(node, Link):
            mode, size = stat.S_IFLNK | 0o777, len(node.target)
        else:
            mode, size = stat.S_IFREG | node.mode, 4096
        number = self._numbers.get(path, 0)
        owner = os.getuid(), os.getgid()
        return _ATTRIBUTES.pack(number, size, 0, 0, 0, 0, 0, 0, 0, mode, 1, *owner, 0, 4096, 0)

    def _listing(self, number: int, offset: int, size: int) -> bytes:
        node = self._node(number)
        assert isinstance(node, Dir)
        listed = b""
        for index, name in enumerate([".", "..", *sorted(node.entries())]):
            raw = name.encode()
            entry = struct.pack("<QQII", 1, index + 1, len(raw), 0) + raw
            entry += b"\0" * (-len(entry) % 8)
            if index >= offset and len(listed) + len(entry) <= size:
                listed += entry
        return listed


def _mount(folder: str) -> tuple[int, int]:
    """A process that holds the mount, and the device by which it is served."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        try:
            ours.close()
            _hold(folder, theirs)
        except BaseException as error:
            theirs.send(str(error).encode() or b"?")
        os._exit(1)
    theirs.close()
    size = array.array("i").itemsize
    message, more, _, _ = ours.recvmsg(4096, socket.CMSG_SPACE(size))
    ours.close()
    if not more:
        os.waitpid(child, 0)
        raise NoFuse(f"FUSE can't be mounted here: {message.decode() or 'it ended'}")
    return child, array.array("i", more[0][2][:size])[0]


def _hold(folder: str, parent: socket.socket) -> None:
    libc = ctypes.CDLL(None, use_errno=True)

    def called(result: int, what: str) -> None:
        if result:
            raise OSError(f"{what}: {os.strerror(ctypes.get_errno())}")

    user, group = os.getuid(), os.getgid()
    called(libc.prctl(1, signal.SIGKILL, 0, 0, 0), "prctl")  # PR_SET_PDEATHSIG
    if os.geteuid() == 0:
        called(libc.unshare(_CLONE_NEWNS), "a mount namespace")
    else:
        called(libc.unshare(_CLONE_NEWNS | _CLONE_NEWUSER), "a user namespace")
        for file, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{file}", "w") as kernel:
                kernel.write(text)
    called(libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None), "private mounts")
    # Opened by now: the kernel wants device and mount to be of one user namespace.
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={device},rootmode=40000,user_id={user},group_id={group}".encode()
    flags = _MS_NOSUID | _MS_NODEV
    called(libc.mount(b"sysfs", folder.encode(), b"fuse", flags, options), "mount")
    socket.send_fds(parent, [b"mounted"], [device])
    os.close(device)
    while True:
        signal.pause()
