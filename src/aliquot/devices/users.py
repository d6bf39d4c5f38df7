"""Who uses a PCI function: the processes that have one of its device files open.

Files: Linux's DRM (`drm/cardN`, `renderDN` below the function), VFIO (/dev/vfio/GROUP, and since
Linux 6.6 /dev/vfio/devices/vfioN), ALSA for a card's audio function, and NVIDIA's driver, which
tells a GPU's number in /proc/driver/nvidia/gpus/ADDRESS/information. Root sees all processes,
anybody else only their own. /dev/kfd is open for all of AMD's GPUs at once and tells of none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from enum import StrEnum

import msgspec

from aliquot.devices.sysfs import PCI_DEVICES, Sysfs

PROC = "/proc"
# The kernel keeps 15 bytes of a name.
_DISPLAY_SERVERS = re.compile(
    r"Xorg|X|Xwayland|gnome-shell|kwin_(?:wayland|x11)|mutter|sway|weston|Hyprland|labwc|wayfire|"
    r"cosmic-comp|river|niri|cage|gamescope(?:-wl)?|plymouthd|sddm.*|gdm.*|lightdm.*|Xvnc",
    re.ASCII,
)
_MINOR = re.compile(r"^Device Minor:\D{0,8}([0-9]{1,4})\b", re.MULTILINE)
_SOUND = "/dev/snd/"


class Use(StrEnum):
    """What a process uses a function for."""

    DISPLAY = "display"
    COMPUTE = "compute"
    MACHINE = "machine"  # a virtual machine holds it by VFIO
    SOUND = "sound"


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A process that has a function's device file open."""

    process_id: int
    name: str
    use: Use
    file: str


def users(sysfs: Sysfs, address: str, proc: str = PROC) -> tuple[User, ...]:
    """The processes that use a function; each once, by what weighs most."""
    files = device_files(sysfs, address, proc)
    return users_of_files(files, proc) if files else ()


def users_of_files(files: dict[str, Use], proc: str = PROC) -> tuple[User, ...]:
    """The processes that have one of these files open."""
    found: dict[int, User] = {}
    for process_id, path in _open_files(proc):
        use = files.get(path)
        if use is None:
            continue
        name = Sysfs(proc).text(str(process_id), "comm") or "?"
        if use is Use.COMPUTE and _DISPLAY_SERVERS.fullmatch(name):
            use = Use.DISPLAY
        known = found.get(process_id)
        if known is None or _WEIGHT[use] < _WEIGHT[known.use]:
            found[process_id] = User(process_id=process_id, name=name, use=use, file=path)
    return tuple(found[process_id] for process_id in sorted(found))


_WEIGHT = {use: weight for weight, use in enumerate(Use)}


def device_files(sysfs: Sysfs, address: str, proc: str = PROC) -> dict[str, Use]:
    """The device files that lead to a function, and what for."""
    here = (PCI_DEVICES, address)
    files: dict[str, Use] = {}
    for name in sysfs.names(*here, "drm"):
        if re.fullmatch(r"(?:card|renderD)[0-9]+", name):
            files[f"/dev/dri/{name}"] = Use.COMPUTE
    for name in sysfs.names(*here, "accel"):
        files[f"/dev/accel/{name}"] = Use.COMPUTE
    information = Sysfs(proc).text("driver/nvidia/gpus", address, "information") or ""
    if minor := _MINOR.search(information):
        files[f"/dev/nvidia{minor[1]}"] = Use.COMPUTE
    for name in sysfs.names(*here, "sound"):
        if card := re.fullmatch(r"card([0-9]+)", name):
            files |= _sound_files(sysfs, here, name, card[1])
    return files | vfio_files(sysfs, *here)


def vfio_files(sysfs: Sysfs, *device: str) -> dict[str, Use]:
    """The files by which virtual machines hold a device: a PCI function or an mdev."""
    files: dict[str, Use] = {}
    group = sysfs.link(*device, "iommu_group")
    if group is not None and sysfs.link(*device, "driver") is not None:
        files[f"/dev/vfio/{group}"] = Use.MACHINE
    for name in sysfs.names(*device, "vfio-dev"):
        if not sysfs.exists(*device, "vfio-dev", name, "dev"):
            continue  # a kernel without device files of VFIO's own shows the folder all the same
        files[f"/dev/vfio/devices/{name}"] = Use.MACHINE
    return files


def _sound_files(sysfs: Sysfs, here: tuple[str, ...], card: str, number: str) -> dict[str, Use]:
    names = [f"controlC{number}", *sysfs.names(*here, "sound", card)]
    pattern = re.compile(rf"(?:controlC{number}|(?:pcm|hw|midi)C{number}D.*)", re.ASCII)
    return {_SOUND + name: Use.SOUND for name in names if pattern.fullmatch(name)}


def _open_files(proc: str) -> Iterator[tuple[int, str]]:
    """Process and path of every open file that is a device's; processes come and go meanwhile."""
    try:
        names = os.listdir(proc)
    except OSError:
        return
    for name in names:
        if not name.isdecimal():
            continue
        folder = os.path.join(proc, name, "fd")
        try:
            descriptors = os.listdir(folder)
        except OSError:
            continue
        for descriptor in descriptors:
            try:
                path = os.readlink(os.path.join(folder, descriptor))
            except OSError:
                continue
            if path.startswith("/dev/"):
                yield int(name), path
