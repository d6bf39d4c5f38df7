"""Every environment variable that Aliquot reads or sets, declared once.

Code reads a variable through the object here, so that a variable that isn't declared can't be
used. docs/cli.md lists them from `VARIABLES`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple


class Variable(NamedTuple):
    """An environment variable: its name, what it does, since which version, whose it is."""

    name: str
    sentence: str
    since: str
    ours: bool = True

    def get(self, environment: Mapping[str, str] | None = None) -> str | None:
        """The value, or None where it is unset or empty."""
        return (os.environ if environment is None else environment).get(self.name) or None


RUNTIME_DIR = Variable(
    "ALIQUOT_RUNTIME_DIR",
    "Directory of the sockets, instead of /run/aliquot (root), $XDG_RUNTIME_DIR/aliquot or "
    "/tmp/aliquot-UID.",
    "0.1",
)
VGPU_SOCKET = Variable(
    "ALIQUOT_VGPU_SOCKET",
    "Set by `aliquot run` for the command: the socket of its vGPU, to which the guest driver "
    "connects. Where it is unset, it tries /run/aliquot-guest/vgpu.sock, which a guest VM has.",
    "0.1",
)
TRACE = Variable(
    "ALIQUOT_TRACE",
    "Set by `aliquot run --trace`: the file to which the guest driver writes one line a command.",
    "0.1",
)
NATIVE_DIR = Variable(
    "ALIQUOT_NATIVE_DIR",
    "Directory of the native programs of a development build, instead of those in the package.",
    "0.1",
)
ALLOCATOR = Variable(
    "ALIQUOT_ALLOCATOR",
    "The library that allocates memory in workers, instead of mimalloc where that is installed; "
    "`none`: the C library. Read where a device host starts.",
    "0.1",
)
STATE = Variable(
    "ALIQUOT_STATE",
    "Folder of the state, or URL of a PostgreSQL database, instead of /var/lib/aliquot (root), "
    "$XDG_STATE_HOME/aliquot or ~/.local/state/aliquot.",
    "0.1",
)
API = Variable(
    "ALIQUOT_API",
    "Where the daemon is: the path of its socket, or http://127.0.0.1:PORT, instead of api.sock in "
    "the runtime directory or in /run/aliquot.",
    "0.1",
)
TOKEN_FILE = Variable(
    "ALIQUOT_TOKEN_FILE",
    "File with the token that is shown to a daemon over TCP; only its owner may be able to read "
    "it.",
    "0.1",
)
ICD_VENDORS = Variable(
    "OCL_ICD_VENDORS",
    "Read by discovery as the OpenCL loaders read it: a directory of .icd files, one such file, "
    "or a driver. `aliquot run` sets it for the command.",
    "0.1",
    ours=False,
)
ICD_FILENAMES = Variable(
    "OCL_ICD_FILENAMES",
    "Read by discovery: more drivers, separated by colons. `aliquot run` sets it for the command.",
    "0.1",
    ours=False,
)
SYSFS_ROOT = Variable(
    "ALIQUOT_SYSFS_ROOT",
    "Directory that `aliquot devices` reads in place of /sys: a copied or made-up tree. The "
    "vendors' libraries are not asked then, because they tell of this machine.",
    "0.1",
)
LIBVIRT_URI = Variable(
    "ALIQUOT_LIBVIRT_URI",
    "Read by `aliquot serve`: the libvirt whose VMs get vGPUs, instead of qemu:///system.",
    "0.1",
)
PROXMOX = Variable(
    "ALIQUOT_PROXMOX",
    "Read by `aliquot serve`: HOST or HOST:PORT of the Proxmox VE whose VMs get vGPUs.",
    "0.1",
)
PROXMOX_TOKEN_FILE = Variable(
    "ALIQUOT_PROXMOX_TOKEN_FILE",
    "Read by `aliquot serve`: file with the API token for Proxmox VE, as USER@REALM!NAME=SECRET; "
    "only its owner may be able to read it.",
    "0.1",
)
PROXMOX_TOKEN = Variable(
    "ALIQUOT_PROXMOX_TOKEN",
    "Read by `aliquot serve`: that token itself, where no file is named.",
    "0.1",
)
PROXMOX_CA = Variable(
    "ALIQUOT_PROXMOX_CA",
    "Read by `aliquot serve`: file of the certificates by which Proxmox VE is known, instead of "
    "/etc/pve/pve-root-ca.pem or, where that isn't, the machine's own.",
    "0.1",
)
PROXMOX_NODE = Variable(
    "ALIQUOT_PROXMOX_NODE",
    "Read by `aliquot serve`: this machine's name in Proxmox VE, instead of its host name.",
    "0.1",
)
XDG_RUNTIME_DIR = Variable(
    "XDG_RUNTIME_DIR", "Where the runtime directory lies for a user.", "0.1", ours=False
)
XDG_CACHE_HOME = Variable(
    "XDG_CACHE_HOME",
    "Where what drivers told about themselves is kept; ~/.cache where unset.",
    "0.1",
    ours=False,
)
XDG_STATE_HOME = Variable(
    "XDG_STATE_HOME",
    "Where the state lies for a user; ~/.local/state where unset.",
    "0.1",
    ours=False,
)
XDG_CONFIG_HOME = Variable(
    "XDG_CONFIG_HOME",
    "Where `aliquot setup --user` puts units and fish's completion; ~/.config where unset.",
    "0.1",
    ours=False,
)
XDG_DATA_HOME = Variable(
    "XDG_DATA_HOME",
    "Where `aliquot setup --user` puts other completions and the man page; ~/.local/share where "
    "unset.",
    "0.1",
    ours=False,
)

_SERVICE_MANAGER = tuple(
    Variable(
        name,
        "Read by `aliquot serve` as systemd sets it for its services.",
        "0.1",
        ours=False,
    )
    for name in ("LISTEN_FDS", "LISTEN_PID", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
)

VARIABLES = (
    RUNTIME_DIR,
    VGPU_SOCKET,
    TRACE,
    NATIVE_DIR,
    ALLOCATOR,
    STATE,
    API,
    TOKEN_FILE,
    SYSFS_ROOT,
    LIBVIRT_URI,
    PROXMOX,
    PROXMOX_TOKEN_FILE,
    PROXMOX_TOKEN,
    PROXMOX_CA,
    PROXMOX_NODE,
    ICD_VENDORS,
    ICD_FILENAMES,
    XDG_RUNTIME_DIR,
    XDG_CACHE_HOME,
    XDG_STATE_HOME,
    XDG_CONFIG_HOME,
    XDG_DATA_HOME,
    *_SERVICE_MANAGER,
)

# What no program that is started may see: workers run what tenants have written.
SECRETS = frozenset({PROXMOX_TOKEN.name})


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment as device hosts, workers and other programs get it."""
    return {name: value for name, value in environment.items() if name not in SECRETS}


def cache_directory() -> str:
    """Where Aliquot keeps what it can find out again."""
    base = XDG_CACHE_HOME.get()
    if not base or not os.path.isabs(base):
        base = os.path.expanduser("~/.cache")
    return os.path.join(base, "aliquot")


def of_service_manager() -> dict[str, str]:
    """What systemd set for this process."""
    found = {variable.name: variable.get() for variable in _SERVICE_MANAGER}
    return {name: value for name, value in found.items() if value is not None}
