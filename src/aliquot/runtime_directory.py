"""The directory where device hosts and their peers meet.

<runtime directory>/api.sock                     the API of the daemon, where one runs
                   /<device uuid>/control.sock   commands to the device host
                                 /start.lock     held while one process starts the device host
                                 /policy         as the user last set it, for the next device host
                                 /v<id>.sock     one a vGPU, for its guest processes
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from aliquot import environment
from aliquot.errors import BadRuntimeDirectory

_SOCKET_PATH_BYTES = 107
_API_SOCKET = "api.sock"
_SYSTEM_API_SOCKET = "/run/aliquot/api.sock"
# /<36 of the device's UUID>/v<20 digits>.sock and a zero byte, as the device host reckons.
_LONGEST_BELOW = 37 + 28


def path() -> str:
    """Where the runtime directory is, whether or not it exists."""
    chosen = environment.RUNTIME_DIR.get()
    if chosen:
        return os.path.abspath(chosen)
    if os.geteuid() == 0:
        return "/run/aliquot"
    of_user = environment.XDG_RUNTIME_DIR.get()
    if of_user and os.path.isabs(of_user) and os.path.isdir(of_user):
        return os.path.join(of_user, "aliquot")
    return f"/tmp/aliquot-{os.geteuid()}"  # noqa: S108 - prepare() checks who owns it


def prepare(device_uuid: str) -> str:
    """Make and check the runtime directory and the device's directory in it; returns the former.

    Raises BadRuntimeDirectory where another user could put something in our way.
    """
    root = path()
    if len(os.fsencode(root)) + _LONGEST_BELOW > _SOCKET_PATH_BYTES:
        raise BadRuntimeDirectory(f"the runtime directory's path {root!r} is too long for sockets")
    mode = _mode()
    for directory in (root, os.path.join(root, device_uuid)):
        try:
            os.mkdir(directory, mode)
        except FileExistsError:
            pass
        except OSError as error:
            raise BadRuntimeDirectory(
                f"the runtime directory {directory!r} can't be made: {error.strerror}"
            ) from error
        problem = problem_of(directory)
        if problem:
            raise BadRuntimeDirectory(f"the runtime directory {directory!r} {problem}")
        _open_as_far_as(directory, mode)
    return root


def _mode() -> int:
    """Through root's folders other users reach the sockets of their own vGPUs, and see no more."""
    return 0o711 if os.geteuid() == 0 else 0o700


def _open_as_far_as(directory: str, mode: int) -> None:
    """Mend what was made under another umask, or before other users had vGPUs on root's devices."""
    try:
        if mode & ~os.lstat(directory).st_mode:
            os.chmod(directory, mode)
    except OSError as error:
        raise BadRuntimeDirectory(
            f"the permissions of the runtime directory {directory!r} can't be changed: "
            f"{error.strerror}"
        ) from error


def problem_of(directory: str) -> str | None:
    """Why an existing directory is not safe to use, or None."""
    try:
        status = os.lstat(directory)
    except OSError as error:
        return f"can't be read: {error.strerror}"
    if not stat.S_ISDIR(status.st_mode):
        return "is not a directory"
    if status.st_uid != os.geteuid():
        return f"belongs to user {status.st_uid}"
    if status.st_mode & 0o022:
        return "can be written by others"
    return None


def device_hosts() -> Iterator[tuple[str, str]]:
    """(device UUID, path of the control socket) of each device host that may be running."""
    root = path()
    try:
        names = sorted(os.listdir(root))
    except OSError:
        return
    for name in names:
        socket_path = control_socket(root, name)
        try:
            if stat.S_ISSOCK(os.lstat(socket_path).st_mode):
                yield name, socket_path
        except OSError:
            continue


def control_socket(root: str, device_uuid: str) -> str:
    """The path of a device host's control socket."""
    return os.path.join(root, device_uuid, "control.sock")


def api_sockets() -> list[str]:
    """Where a daemon's API is looked for: the user's own, and unless they chose, the machine's."""
    own = os.path.join(path(), _API_SOCKET)
    if environment.RUNTIME_DIR.get() or own == _SYSTEM_API_SOCKET:
        return [own]
    return [own, _SYSTEM_API_SOCKET]


def policy_file(root: str, device_uuid: str) -> str:
    """The path of the file that keeps a device's policy."""
    return os.path.join(root, device_uuid, "policy")
