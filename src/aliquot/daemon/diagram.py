"""The architecture picture of this node, for whoever asks: of vGPUs and leases they may see.

A vGPU keeps its place from one picture to the next (aliquot.diagram.slots), so pictures of one kind
have their slots in common, and are drawn once for all who ask within the same second.
"""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

from aliquot.daemon.caller import Caller
from aliquot.daemon.choosing import line_of, lines
from aliquot.daemon.core import Core
from aliquot.daemon.resources import device_resource, lease_resource, vgpu_resources
from aliquot.daemon.vgpu_processes import VgpuProcessList
from aliquot.diagram.arrange import arrange
from aliquot.diagram.scene import Choice, Grouping, Scene
from aliquot.diagram.slots import Slots
from aliquot.errors import NoSuchVgpu
from aliquot.model.api.leases import LeaseResource
from aliquot.model.api.picture import Picture
from aliquot.model.api.processes import VgpuProcesses
from aliquot.store import View, leases, vgpus
from aliquot.store.lists import vgpus_by_device

_KEPT = 64  # kinds of pictures that are remembered
_STALE_SECONDS = 5.0  # after which what was observed of a device isn't of now


class _Kind(NamedTuple):
    """Who sees what: such pictures have their slots in common."""

    tenant: str | None  # None: of all
    owner: str | None
    grouping: Grouping
    vgpu: str | None


class _Drawn(NamedTuple):
    moment: tuple[int, int, bool, int]
    picture: Picture


class Diagram:
    """Draws the node."""

    def __init__(self, core: Core, processes: VgpuProcessList) -> None:
        """Nothing has a place yet; `processes` tells who uses a vGPU."""
        self._core = core
        self._processes = processes
        self._lock = threading.Lock()
        self._slots: dict[_Kind, Slots] = {}
        self._drawn: dict[tuple[_Kind, Choice, bool], _Drawn] = {}

    def show(self, caller: Caller, choice: Choice, *, with_leases: bool = True) -> Picture:
        """The picture of this moment; raises UnknownDevice, AmbiguousDevice, NoSuchVgpu.

        Without leases it isn't told who uses what.
        """
        core = self._core
        tenant = None if caller.is_admin else caller.tenant
        users: VgpuProcesses | None = None
        if choice.vgpu is not None:
            users = self._processes.of(caller, choice.vgpu)
            choice = Choice(vgpu=users.vgpu)
            users = users if with_leases else None
        kind = _Kind(tenant, choice.owner, choice.grouping, choice.vgpu)
        with core.store.look() as view:
            if choice.device is not None:
                choice = choice._replace(device=line_of(view, core.node, choice.device).uuid)
            told_ms = users.at_ms if users is not None else 0
            moment = (view.event_sequence(), core.live.beats, self._late(), told_ms)
            with self._lock:
                known = self._drawn.get((kind, choice, with_leases))
                if known is not None and known.moment == moment:
                    return known.picture
            scene = self._scene(view, tenant, with_leases=with_leases)._replace(processes=users)
            if choice.vgpu not in (None, *(vgpu.id for vgpu in scene.vgpus)):
                raise NoSuchVgpu("the vGPU is deleted")
        with self._lock:
            picture = arrange(scene, choice, _remembered(self._slots, kind))
            self._drawn.pop((kind, choice, with_leases), None)
            self._drawn[kind, choice, with_leases] = _Drawn(moment, picture)
            while len(self._drawn) > _KEPT:
                del self._drawn[next(iter(self._drawn))]
        return picture

    def _late(self) -> bool:
        """Whether the figures that there are have become old."""
        return time.monotonic() - self._core.live.beaten_at > _STALE_SECONDS

    def _scene(self, view: View, tenant: str | None, *, with_leases: bool) -> Scene:
        core = self._core
        counts = vgpus_by_device(view)
        kept = vgpus.listed(view, vgpus.Filter(node=core.node, tenant=tenant))
        names = {vgpu.id: vgpu.name for vgpu in kept}
        held: dict[str, list[LeaseResource]] = {}
        if with_leases:
            for lease in leases.listed(view):
                if lease.vgpu in names:
                    resource = lease_resource(lease, names[lease.vgpu])
                    held.setdefault(lease.vgpu, []).append(resource)
        listed = lines(view, core.node)
        late = self._late()
        silent = {line.uuid for line in listed if f"device host {line.uuid}" in core.problems}
        return Scene(
            node=core.node,
            at_ms=core.store.now_ms(),
            sequence=view.event_sequence(),
            devices=[
                device_resource(
                    line.record,
                    line.number,
                    counts.get(line.uuid, 0),
                    core.telemetry.get(line.uuid),
                    core.live.devices.get(line.uuid),
                )
                for line in listed
            ],
            vgpus=vgpu_resources(view, kept, core.usages, core.live.vgpus),
            leases=held,
            stale=frozenset(line.uuid for line in listed if late or line.uuid in silent),
        )


def _remembered(slots: dict[_Kind, Slots], kind: _Kind) -> Slots:
    """The slots of a kind, which is the newest by that; the oldest are forgotten."""
    slots[kind] = found = slots.pop(kind, None) or Slots()
    while len(slots) > _KEPT:
        del slots[next(iter(slots))]
    return found
