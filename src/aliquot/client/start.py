"""Starts a device host where none runs, or joins the one that does."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager

from aliquot import native_programs, runtime_directory
from aliquot.client.connection import Connection
from aliquot.errors import BadRuntimeDirectory, DeviceHostUnreachable
from aliquot.model.device import Device

START_SECONDS = 10.0
_POLL_SECONDS = 0.002


def connect(device: Device) -> Connection:
    """A control connection to the device's host, which is started if need be."""
    root = runtime_directory.prepare(device.uuid)
    path = runtime_directory.control_socket(root, device.uuid)
    connection = _try_to_connect(path)
    if connection is not None:
        return connection
    deadline = time.monotonic() + START_SECONDS
    with _start_lock(os.path.join(root, device.uuid, "start.lock"), deadline):
        # Somebody else may have started it while we waited for the lock.
        connection = _try_to_connect(path)
        if connection is not None:
            return connection
        return _start(device, root, path, deadline)


def _start(device: Device, root: str, path: str, deadline: float) -> Connection:
    process = _spawn(device, root)
    status: int | None = None
    while time.monotonic() < deadline:
        connection = _try_to_connect(path)
        if connection is not None:
            if status is None:
                _reap(process, min(deadline, time.monotonic() + 1.0))
            return connection
        if status is None:
            ended, code = os.waitpid(process, os.WNOHANG)
            if ended:
                status = os.waitstatus_to_exitcode(code)
        if status:
            raise DeviceHostUnreachable(
                f"the device host of {device.name!r} could not start ({_ending(status)}, "
                f"log: {os.path.join(root, device.uuid, 'log')})"
            )
        time.sleep(_POLL_SECONDS)
    raise DeviceHostUnreachable(
        f"the device host of {device.name!r} did not start within {START_SECONDS:g} s"
    )


def _try_to_connect(path: str) -> Connection | None:
    try:
        return Connection.open(path)
    except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError):
        return None
    except OSError as error:
        raise DeviceHostUnreachable(
            f"the device host's socket {path!r} can't be reached ({error.strerror})"
        ) from error


def _spawn(device: Device, root: str) -> int:
    program = native_programs.find(native_programs.DEVICE_HOST)
    arguments = [
        program,
        "--uuid",
        device.uuid,
        "--runtime-dir",
        root,
        "--driver",
        device.library,
        "--platform-index",
        str(device.platform_index),
        "--device-index",
        str(device.device_index),
        "--memory",
        str(device.global_memory),
        "--worker",
        native_programs.find(native_programs.WORKER),
    ]
    # The device host outlives us: it must not hold our caller's pipes open.
    actions: list[tuple[int, int, str, int, int] | tuple[int, int]] = [
        (os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_RDWR, 0) for descriptor in (0, 1, 2)
    ]
    actions += [(os.POSIX_SPAWN_CLOSE, descriptor) for descriptor in _inherited_descriptors()]
    return os.posix_spawn(program, arguments, os.environ, file_actions=actions)


def _inherited_descriptors() -> list[int]:
    found: list[int] = []
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        try:
            if descriptor > 2 and os.get_inheritable(descriptor):
                found.append(descriptor)
        except OSError:
            continue
    return found


def _reap(process: int, deadline: float) -> None:
    """Collect the process that we started: it daemonizes, so it ends at once."""
    while time.monotonic() < deadline:
        ended, _ = os.waitpid(process, os.WNOHANG)
        if ended:
            return
        time.sleep(_POLL_SECONDS)


@contextmanager
def _start_lock(path: str, deadline: float) -> Generator[None]:
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise BadRuntimeDirectory(f"{path!r} can't be opened: {error.strerror}") from error
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise DeviceHostUnreachable(
                        f"another process has been starting the device host for {START_SECONDS:g} s"
                    ) from None
                time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(lock)


def _ending(status: int) -> str:
    return f"exit status {status}" if status >= 0 else f"killed by signal {-status}"
