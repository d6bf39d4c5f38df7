"""Starts a device host where none runs, or joins the one that does."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import time
from collections.abc import Generator
from contextlib import contextmanager

from aliquot import environment, native_programs, runtime_directory
from aliquot.client.connection import Connection
from aliquot.errors import BadRuntimeDirectory, DeviceHostUnreachable, MissingNativeProgram
from aliquot.model.device import SOFTWARE, Device

START_SECONDS = 10.0
_POLL_SECONDS = 0.001
_LONGEST_MESSAGE = 64 << 10


def connect(device: Device) -> tuple[Connection, bool]:
    """A control connection to the device's host, and whether that had to be started."""
    root = runtime_directory.prepare(device.uuid)
    path = runtime_directory.control_socket(root, device.uuid)
    connection = _try_to_connect(path)
    if connection is not None:
        return connection, False
    deadline = time.monotonic() + START_SECONDS
    with _start_lock(os.path.join(root, device.uuid, "start.lock"), deadline):
        # Somebody else may have started it while we waited for the lock.
        connection = _try_to_connect(path)
        if connection is not None:
            return connection, False
        return _start(device, root, path, deadline), True


def _start(device: Device, root: str, path: str, deadline: float) -> Connection:
    process, messages = _spawn(device, root)
    try:
        told = _read_to_end(messages, deadline)
    finally:
        os.close(messages)
    # It goes to the background once it listens, or ends with a status that says it can't.
    while True:
        ended, code = os.waitpid(process, os.WNOHANG)
        if ended:
            break
        if time.monotonic() > deadline:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            raise DeviceHostUnreachable(
                f"the device host of {device.name!r} did not start within {START_SECONDS:g} s"
            )
        time.sleep(_POLL_SECONDS)
    connection = _try_to_connect(path)
    if connection is not None:
        return connection
    status = os.waitstatus_to_exitcode(code)
    ending = f"exit status {status}" if status >= 0 else f"killed by signal {-status}"
    said = f": {told}" if told else ""
    raise DeviceHostUnreachable(
        f"the device host of {device.name!r} could not start ({ending}{said})"
    )


def _read_to_end(messages: int, deadline: float) -> str:
    """The last line that the starting device host wrote; waits until it closes its stderr."""
    text = b""
    poll = select.poll()
    poll.register(messages, select.POLLIN)
    while len(text) < _LONGEST_MESSAGE:
        if not poll.poll(max(0, int((deadline - time.monotonic()) * 1000))):
            break
        part = os.read(messages, 4096)
        if not part:
            break
        text += part
    last = text.decode("utf-8", "replace").strip().rpartition("\n")[2]
    return last.removeprefix(f"{native_programs.DEVICE_HOST}: ").rstrip(".")


def _try_to_connect(path: str) -> Connection | None:
    try:
        return Connection.open(path)
    except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError):
        return None
    except OSError as error:
        raise DeviceHostUnreachable(
            f"the device host's socket {path!r} can't be reached ({error.strerror})"
        ) from error


def _spawn(device: Device, root: str) -> tuple[int, int]:
    """Start the program; its process id and the reading end of its stderr."""
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
    allocator = native_programs.find_allocator()
    if allocator:
        arguments += ["--allocator", allocator]
    for name, value in device.variables:
        arguments += ["--variable", f"{name}={value}"]
    if device.kind == SOFTWARE:
        arguments += ["--processors", str(device.compute_units)]
    inherited = _inherited_descriptors()
    reading, writing = os.pipe()
    # The device host outlives us: it must not hold our caller's pipes open.
    actions: list[tuple[int, int, str, int, int] | tuple[int, int] | tuple[int, int, int]] = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_DUP2, writing, 2),
    ]
    actions += [(os.POSIX_SPAWN_CLOSE, descriptor) for descriptor in inherited]
    try:
        variables = environment.without_secrets(os.environ)
        return os.posix_spawn(program, arguments, variables, file_actions=actions), reading
    except OSError as error:
        os.close(reading)
        raise MissingNativeProgram(f"{program} can't be executed ({error.strerror})") from error
    finally:
        os.close(writing)


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
