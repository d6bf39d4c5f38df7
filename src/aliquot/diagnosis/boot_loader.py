"""Which boot loader a machine has, and the lines that change the kernel's command line with it.

GRUB as Debian and Fedora have it; systemd-boot by the Boot Loader Specification; Proxmox VE as its
Administration Guide says ("Editing the Kernel Commandline"): where it starts by systemd-boot the
line is /etc/kernel/cmdline, else GRUB's. Each line is one for a shell, by root, and takes hold at
the next start of the machine.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from enum import StrEnum

_GRUB = "etc/default/grub"
_CMDLINE = "etc/kernel/cmdline"
_ENTRIES = ("boot/loader/entries", "efi/loader/entries", "boot/efi/loader/entries")
_PROXMOX = ("etc/pve", "usr/bin/pveversion")
_GRUBBY = "usr/sbin/grubby"


class BootLoader(StrEnum):
    """What starts the kernel, as people call it."""

    GRUB = "GRUB"
    SYSTEMD_BOOT = "systemd-boot"
    PROXMOX = "Proxmox"


# {argument} is the kernel's argument, {entries} the folder of systemd-boot's entries.
_ADD: Mapping[BootLoader, str] = {
    BootLoader.GRUB: (
        "sed -i 's/^GRUB_CMDLINE_LINUX_DEFAULT=\"/&{argument} /' /etc/default/grub && update-grub"
    ),
    BootLoader.SYSTEMD_BOOT: "sed -i '/^options /s/$/ {argument}/' {entries}/*.conf",
    BootLoader.PROXMOX: (
        "sed -i '1s/$/ {argument}/' /etc/kernel/cmdline && proxmox-boot-tool refresh"
    ),
}
_REMOVE: Mapping[BootLoader, str] = {
    BootLoader.GRUB: (
        "sed -i '/^GRUB_CMDLINE_LINUX/s/ *\\b{argument}\\b//' /etc/default/grub && update-grub"
    ),
    BootLoader.SYSTEMD_BOOT: "sed -i '/^options /s/ *\\b{argument}\\b//' {entries}/*.conf",
    BootLoader.PROXMOX: (
        "sed -i 's/ *\\b{argument}\\b//' /etc/kernel/cmdline && proxmox-boot-tool refresh"
    ),
}
_ADD_BY_GRUBBY = 'grubby --update-kernel=ALL --args="{argument}"'
_REMOVE_BY_GRUBBY = 'grubby --update-kernel=ALL --remove-args="{argument}"'


def boot_loaders(root: str = "/") -> tuple[BootLoader, ...]:
    """The one that this machine has; all of them where that can't be told."""

    def there(*paths: str) -> bool:
        return any(os.path.exists(os.path.join(root, path)) for path in paths)

    if there(*_PROXMOX) and there(_CMDLINE):
        return (BootLoader.PROXMOX,)
    if there(_GRUB):
        return (BootLoader.GRUB,)
    if there(*_ENTRIES):
        return (BootLoader.SYSTEMD_BOOT,)
    return tuple(BootLoader)


def adding(argument: str, loaders: Sequence[BootLoader], root: str = "/") -> list[str]:
    """The lines that add an argument, each with whose it is."""
    return _lines(_ADD, _ADD_BY_GRUBBY, argument, loaders, root)


def removing(argument: str, loaders: Sequence[BootLoader], root: str = "/") -> list[str]:
    """The lines that take an argument out again."""
    return _lines(_REMOVE, _REMOVE_BY_GRUBBY, argument, loaders, root)


def _lines(
    templates: Mapping[BootLoader, str],
    by_grubby: str,
    argument: str,
    loaders: Sequence[BootLoader],
    root: str,
) -> list[str]:
    entries = next((e for e in _ENTRIES if os.path.isdir(os.path.join(root, e))), _ENTRIES[0])
    found: list[str] = []
    for loader in loaders:
        template = templates[loader]
        if loader is BootLoader.GRUB and os.path.exists(os.path.join(root, _GRUBBY)):
            template = by_grubby
        line = template.format(argument=argument, entries=f"/{entries}")
        found.append(f"{loader}: {line}")
    return found
