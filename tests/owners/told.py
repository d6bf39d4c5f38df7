"""What three owners are told of their machines: `python -m tests.owners.told` writes it anew.

The machines are inventories beside this file: a desktop with one card, a Proxmox VE box with two, a
server with eight GPUs. A change of the words is a change of the .txt files, to be read.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from aliquot.cli import create, device_details, devices, doctor, plan_words
from aliquot.cli.mode_options import with_mode
from aliquot.cli.vgpu_options import wanted_of
from aliquot.cli.vgpu_tree import lines as tree
from aliquot.daemon.caller import Caller
from aliquot.daemon.core import Core
from aliquot.daemon.discovery import Finder
from aliquot.daemon.hardware import uuid_of
from aliquot.daemon.hosts import Hosts
from aliquot.daemon.service import Service
from aliquot.devices.discovery import Discoverer
from aliquot.devices.inventory import InventorySource
from aliquot.devices.known_devices import KnownDevices
from aliquot.devices.listing import entries
from aliquot.diagnosis import modes
from aliquot.errors import AliquotError
from aliquot.model.access_token import Role
from aliquot.store import Location, Store
from tests.fakes.device_hosts import FakeOpencl

FOLDER = Path(__file__).parent
OWNERS = ("desktop", "proxmox", "server")
_ADMIN = Caller(tenant="root", role=Role.ADMIN, user_id=0)
_WIDTH = "180"
# What each asks of `aliquot create`; what doesn't end in --dry-run is made.
_ASKED = {
    "desktop": (
        "games --mode passthrough --device 0 --dry-run",
        "games --mode passthrough --device 0 --force --dry-run",
        "train --memory 4GiB --dry-run",
        "win --for windows-vm --device 1 --dry-run",
        "both --for program --isolation hardware --device 0 --dry-run",
    ),
    "proxmox": (
        "build --mode mdev --type 'NVIDIA A40-8Q' --dry-run",
        "build --mode mdev --type 'NVIDIA A40-8Q'",
        "whole --mode passthrough --device 0 --dry-run",
        "whole --mode passthrough --device 1 --dry-run",
        "vm --for vm --memory 6GiB --dry-run",
        "large --mode mdev --type 'NVIDIA A40-48Q' --dry-run",
    ),
    "server": (
        "half --mode mig --type 3g.40gb --dry-run",
        "half --mode mig --type 3g.40gb",
        "small --mode mig --memory 12GiB --dry-run",
        "small --mode mig --memory 12GiB",
        "soft --on half --memory 10GiB --dry-run",
        "soft --on half --memory 10GiB",
        "off --mode mig --type 1g.10gb --device 5 --dry-run",
        "whole --for vm --isolation whole --dry-run",
        "apart --isolation hardware --memory 9GiB --dry-run",
    ),
}


def told(owner: str) -> str:
    """All that one owner is told."""
    inventory = str(FOLDER / f"{owner}.yaml")
    with tempfile.TemporaryDirectory() as folder:
        discoverer = Discoverer(
            sysfs_root=folder,
            opencl=FakeOpencl([]),
            inventory=InventorySource(inventory),
            known=KnownDevices(f"{folder}/known"),
        )
        listed = entries(discoverer.discover())
        parts = [
            ("devices", _printed(lambda: devices.print_table(listed, {}, {}))),
            ("devices 0", "\n".join(device_details.lines(0, listed[0], None, None, {}))),
            ("doctor", _printed(lambda: doctor.print_table(modes.check_inventory(inventory)))),
            *_created(owner, folder, discoverer),
        ]
    return "\n".join(f"$ aliquot {command}\n{_trimmed(text)}\n" for command, text in parts)


def _created(owner: str, folder: str, discoverer: Discoverer) -> Iterator[tuple[str, str]]:
    store = Store.open(Location(f"{folder}/state"), owner)
    hosts = Hosts(running=list)
    core = Core(store, owner, hosts)
    service = Service(core, Finder(core, discoverer))
    try:
        service.finder.look()
        for words in _ASKED[owner]:
            yield f"create {words}", _timeless(service, _answer(service, words))
        vgpus = service.vgpus.list(_ADMIN).items
        yield "vgpus --tree", "\n".join(tree(vgpus, service.devices.list(_ADMIN).items))
    finally:
        core.stop.set()
        service.observer.close()
        service.reconciler.stop()
        hosts.close()
        store.close()


def _timeless(service: Service, text: str) -> str:
    """Without what the moment of a vGPU's making is in: its UUID."""
    for vgpu in service.vgpus.list(_ADMIN).items:
        text = text.replace(uuid_of(vgpu.id), f"the UUID of {vgpu.name}")
        text = text.replace(uuid_of(vgpu.id)[:8], f"that of {vgpu.name}")
    return text


def _answer(service: Service, words: str) -> str:
    given = create.build_parser().parse_args(shlex.split(words))
    wanted = with_mode(wanted_of(given, given.name), given)
    try:
        if given.dry_run:
            return "\n".join(plan_words.lines(service.vgpus.plan(_ADMIN, wanted)))
        made = service.vgpus.create(_ADMIN, wanted)
        return f"vGPU {made.name}: {made.state}"
    except AliquotError as error:
        return f"{error.code}: {error.what}; {error.remedy}"


def _printed(work: Callable[[], None]) -> str:
    text = io.StringIO()
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = _WIDTH
    try:
        with contextlib.redirect_stdout(text):
            work()
    finally:
        os.environ.pop("COLUMNS")
        if before is not None:
            os.environ["COLUMNS"] = before
    return text.getvalue()


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.rstrip().splitlines())


if __name__ == "__main__":
    for name in OWNERS:
        (FOLDER / f"{name}.txt").write_text(told(name))
