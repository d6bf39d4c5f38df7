"""Checks of the machine: runtime directory, limits, and what can fence workers in."""

from __future__ import annotations

import contextlib
import os
import resource

from aliquot import runtime_directory
from aliquot.diagnosis.finding import Finding, Level
from aliquot.errors import BadRuntimeDirectory
from aliquot.sizes import format_size

_FEWEST_FILES = 1024
_LEAST_ADDRESS_SPACE = 64 << 30
_PROBE_UUID = "00000000-0000-0000-0000-000000000000"


def check_runtime_directory() -> list[Finding]:
    """Whether sockets can be made where device hosts and programs meet, and for whom."""
    subject = "runtime directory"
    try:
        root = runtime_directory.prepare(_PROBE_UUID)
    except BadRuntimeDirectory as error:
        return [Finding("permissions", subject, Level.BROKEN, error.what, error.remedy)]
    with contextlib.suppress(OSError):
        os.rmdir(os.path.join(root, _PROBE_UUID))
    found = [Finding("permissions", subject, Level.OK, root)]
    if os.geteuid() == 0:
        text = "root's device hosts: shares and quotas hold among root's vGPUs"
        found.append(Finding("sharing", "scope", Level.OK, text))
    else:
        text = (
            "your own device hosts: shares and quotas hold among this user's vGPUs only, and "
            "another user's are not seen"
        )
        found.append(Finding("sharing", "scope", Level.WEAK, text))
    return found


def check_limits() -> list[Finding]:
    """Whether resource limits leave room for workers and arenas."""
    found: list[Finding] = []
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files != resource.RLIM_INFINITY and files < _FEWEST_FILES:
        text = f"only {files} may be open: few vGPUs and guest processes will fit"
        found.append(
            Finding("limits", "open files", Level.WEAK, text, f"ulimit -n {_FEWEST_FILES}")
        )
    else:
        shown = "any number" if files == resource.RLIM_INFINITY else str(files)
        found.append(Finding("limits", "open files", Level.OK, f"{shown} may be open"))
    space, _ = resource.getrlimit(resource.RLIMIT_AS)
    if space != resource.RLIM_INFINITY and space < _LEAST_ADDRESS_SPACE:
        text = f"limited to {format_size(space)}: drivers and arenas may not fit"
        found.append(Finding("limits", "address space", Level.WEAK, text, "ulimit -v unlimited"))
    else:
        found.append(Finding("limits", "address space", Level.OK, "no tight limit"))
    return found


def check_kernel() -> list[Finding]:
    """What of the kernel can fence workers in here; the trial tells what really does."""
    found = [_seccomp(), _landlock(), _user_namespaces()]
    return [finding for finding in found if finding is not None]


def _seccomp() -> Finding:
    if os.path.exists("/proc/sys/kernel/seccomp/actions_avail"):
        return Finding("kernel", "seccomp", Level.OK, "there")
    text = "this kernel has none: workers can make any system call"
    return Finding(
        "kernel", "seccomp", Level.WEAK, text, "boot a kernel with CONFIG_SECCOMP_FILTER"
    )


def _landlock() -> Finding | None:
    modules = _read("/sys/kernel/security/lsm")
    if modules is None:  # not mounted, as in most containers
        return None
    if "landlock" in modules.split(","):
        return Finding("kernel", "Landlock", Level.OK, "there")
    text = "not among the kernel's security modules"
    return Finding("kernel", "Landlock", Level.WEAK, text, f"boot with lsm={modules},landlock")


def _user_namespaces() -> Finding:
    subject = "user namespaces"
    if os.geteuid() == 0:
        return Finding("kernel", subject, Level.OK, "not needed: root gives workers a user")
    if _read("/proc/sys/user/max_user_namespaces") == "0":
        remedy = "sysctl -w user.max_user_namespaces=15000"
        return Finding("kernel", subject, Level.WEAK, "switched off by their limit", remedy)
    if _read("/proc/sys/kernel/unprivileged_userns_clone") == "0":
        remedy = "sysctl -w kernel.unprivileged_userns_clone=1"
        return Finding("kernel", subject, Level.WEAK, "switched off for users", remedy)
    if _read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1":
        remedy = "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
        return Finding("kernel", subject, Level.WEAK, "restricted by AppArmor", remedy)
    return Finding("kernel", subject, Level.OK, "there")


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(4096).strip()
    except OSError:
        return None
