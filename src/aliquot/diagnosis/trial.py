"""Makes a small vGPU on the default device: tells whether the whole chain works, and which
protections its worker really has."""

from __future__ import annotations

import os

from aliquot.client.device_host import DeviceHost
from aliquot.client.records import Protection
from aliquot.devices.opencl import find_device
from aliquot.diagnosis.finding import Finding, Level
from aliquot.errors import AliquotError, MemoryUnavailable

_TRIAL_MEMORY = 16 << 20
_AREA = "worker"

# What each protection is, and why it may be off.
_PROTECTIONS: dict[Protection, tuple[str, str]] = {
    Protection.OWN_USER: (
        "a user of its own",
        "only root can give a worker another user",
    ),
    Protection.USER_NAMESPACE: (
        "a user namespace",
        "not needed with a user of its own; else the kernel or a container forbids it",
    ),
    Protection.NO_NETWORK: (
        "no network",
        "needs a user namespace or root; a container may forbid it",
    ),
    Protection.NO_NEW_PRIVILEGES: ("no new privileges", "the kernel refused"),
    Protection.NO_CAPABILITIES: ("no capabilities", "the kernel refused"),
    Protection.SECCOMP: ("a filter of system calls (seccomp)", "the kernel has none"),
    Protection.LANDLOCK: (
        "a fence around files (Landlock)",
        "the kernel has none or it is not switched on",
    ),
    Protection.MOUNT_NAMESPACE: (
        "a mount namespace",
        "needs a user namespace or root; a container may forbid it",
    ),
    Protection.MEMORY_CGROUP: (
        "a memory cgroup",
        "no cgroup is delegated here; the ledger compares with /proc instead",
    ),
    Protection.RESOURCE_LIMITS: ("resource limits", "the kernel refused"),
    Protection.PROCESS_NAMESPACE: (
        "a process namespace",
        "needs a user namespace or root; a container may forbid it",
    ),
    Protection.MEMORY_WITNESS: (
        "a witness of its memory (/proc or the cgroup)",
        "neither /proc nor a cgroup shows the worker's memory",
    ),
}

# Without one of these a tenant's native code is held by nothing that counts.
_ESSENTIAL = Protection.NO_NEW_PRIVILEGES | Protection.SECCOMP | Protection.MEMORY_WITNESS
_REMEDIES = {
    Protection.MEMORY_CGROUP: "systemd-run --user --scope -p Delegate=yes aliquot run …",
    Protection.MEMORY_WITNESS: "mount -t proc proc /proc",
}
# Either of a pair does: the other one is no loss.
_INSTEAD = {
    Protection.OWN_USER: Protection.USER_NAMESPACE,
    Protection.USER_NAMESPACE: Protection.OWN_USER,
    Protection.LANDLOCK: Protection.MOUNT_NAMESPACE,
    Protection.MOUNT_NAMESPACE: Protection.LANDLOCK,
}


def check_worker() -> list[Finding]:
    """Create a vGPU, look, and destroy it again."""
    try:
        _, device = find_device(None)
        with DeviceHost.start_or_join(device) as host:
            vgpu = host.create_vgpu(f"doctor-{os.getpid()}", _TRIAL_MEMORY)
            late = host.late_error()
            if late is None:
                host.destroy_vgpu(vgpu.id)
    except MemoryUnavailable as error:
        # It works, only not for one more; so what its workers' protections are isn't known.
        text = f"not possible now: {error.what}"
        return [Finding(_AREA, "a vGPU on trial", Level.WEAK, text, error.remedy)]
    except AliquotError as error:
        text = f"{error.code}: {error.what}"
        return [Finding(_AREA, "a vGPU on trial", Level.BROKEN, text, error.remedy)]
    if late is not None:
        text = f"{late.code}: {late.what}"
        return [Finding(_AREA, "a vGPU on trial", Level.BROKEN, text, late.remedy)]
    found = [Finding(_AREA, "a vGPU on trial", Level.OK, f"created on {device.name}")]
    return found + protection_findings(vgpu.protections)


def protection_names(protections: int) -> tuple[list[str], list[str]]:
    """What a worker's protections are called: those that are on, and those that are off."""
    names: tuple[list[str], list[str]] = ([], [])
    for protection, (name, _) in _PROTECTIONS.items():
        names[0 if protections & protection else 1].append(name)
    return names


def protection_findings(protections: int) -> list[Finding]:
    """One finding for each protection that a worker may have."""
    found: list[Finding] = []
    for protection, (name, why_off) in _PROTECTIONS.items():
        if protections & protection:
            found.append(Finding(_AREA, name, Level.OK, "on"))
        elif protections & _INSTEAD.get(protection, 0):
            instead = _PROTECTIONS[_INSTEAD[protection]][0]
            found.append(Finding(_AREA, name, Level.OK, f"off, with {instead} in its place"))
        else:
            level = Level.BROKEN if protection & _ESSENTIAL else Level.WEAK
            remedy = _REMEDIES.get(protection, "")
            found.append(Finding(_AREA, name, level, f"off: {why_off}", remedy))
    return found
