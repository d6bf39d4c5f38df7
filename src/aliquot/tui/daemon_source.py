"""What a daemon tells, with the seconds' values that pages of device hosts tell besides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aliquot.client.rest import Client
from aliquot.errors import AliquotError
from aliquot.model.api.devices import DeviceResource
from aliquot.model.api.leases import LeaseResource
from aliquot.model.api.vgpus import VgpuChange, VgpuResource
from aliquot.model.device import SOFTWARE
from aliquot.model.shares import PriorityClass, Shares
from aliquot.tui.host_source import HostSource
from aliquot.tui.source import Act, NewSize
from aliquot.tui.view import DeviceView, Screenful, VgpuView

_PAGE = 1000
_MOST = 5000
_HISTORY_MS = 300_000


class DaemonSource:
    """A daemon's vGPUs, idle ones included; what device hosts here tell fills in the rest.

    Who can't reach the device hosts sees memory and states, and the rest of one vGPU at a time.
    """

    def __init__(self, client: Client) -> None:
        """Ask this daemon, and close the client at the end."""
        self._client = client
        self._hosts = HostSource()
        self._leases: dict[str, list[LeaseResource]] = {}

    def look(self) -> Screenful:
        """The daemon's word; where it doesn't answer, that of the device hosts and why."""
        seen = self._hosts.look()
        try:
            devices = self._client.devices.list().items
            vgpus = self._vgpus()
            leases = self._client.leases.list(limit=_PAGE).items
        except AliquotError as error:
            return seen._replace(trouble=f"{error.code}: {error}")
        self._leases = {}
        for lease in leases:
            self._leases.setdefault(lease.vgpu, []).append(lease)
        by_key = {vgpu.key: vgpu for vgpu in seen.vgpus}
        by_place = {(vgpu.device, vgpu.name): vgpu for vgpu in seen.vgpus}
        shown: list[VgpuView] = []
        renamed: dict[str, VgpuView] = {}
        for resource in vgpus:
            live = by_key.get(resource.id) or by_place.get((resource.device or "", resource.name))
            view = self._vgpu(resource, live)
            shown.append(view)
            if live:
                renamed[live.key] = view
        # What the daemon hasn't taken notice of yet is there none the less.
        shown += [vgpu for vgpu in seen.vgpus if vgpu.key not in renamed]
        uses = {device.uuid: device.use for device in seen.devices}
        return Screenful(
            tuple(_device(resource, uses.get(resource.uuid), shown) for resource in devices),
            tuple(shown),
            tuple(
                process._replace(vgpu=renamed[process.vgpu].key, user=renamed[process.vgpu].owner)
                if process.vgpu in renamed
                else process
                for process in seen.processes
            ),
            f"daemon at {self._client.address.shown}",
        )

    def why_not(self, act: Act, vgpu: VgpuView) -> str:
        """What its state forbids."""
        if act is Act.SUSPEND and vgpu.state not in ("ready", "leased"):
            return f"it is {vgpu.state}"
        if act is Act.KILL and not vgpu.leases:
            return "nobody holds a lease of it"
        if "/" in vgpu.key:
            return "the daemon doesn't know it yet"
        return ""

    def history(self, vgpu: VgpuView) -> Sequence[tuple[float, float]]:
        """The last five minutes."""
        if "/" in vgpu.key:
            return ()
        points = self._client.vgpus.series(vgpu.key, step_seconds=1).points[-_HISTORY_MS // 1000 :]
        return [
            (point.values["consumed"][0], point.values.get("waiting", (0.0,))[0])
            for point in points
            if "consumed" in point.values
        ]

    def resize(self, vgpu: VgpuView, size: NewSize) -> str:
        """Change what is wanted of it."""
        changes: dict[str, Any] = {
            "compute": size.shares.guarantee / 100,
            "compute_limit": size.shares.limit / 100,
            "weight": size.shares.weight,
            "priority": size.shares.priority.word,
        }
        if size.memory:
            changes["memory"] = size.memory
        self._client.vgpus.change(vgpu.key, VgpuChange(**changes))
        return f"vGPU {vgpu.name} has its new size"

    def suspend(self, vgpu: VgpuView) -> str:
        """Suspend it; its place is kept."""
        self._client.vgpus.suspend(vgpu.key)
        return f"vGPU {vgpu.name} is suspended"

    def resume(self, vgpu: VgpuView) -> str:
        """Let it go on."""
        self._client.vgpus.resume(vgpu.key)
        return f"vGPU {vgpu.name} goes on"

    def kill(self, vgpu: VgpuView) -> str:
        """End each of its leases."""
        for lease in self._leases.get(vgpu.key, ()):
            self._client.leases.end(lease.id)
        return f"the leases of vGPU {vgpu.name} are ended"

    def close(self) -> None:
        """Hang up."""
        self._hosts.close()
        self._client.close()

    def _vgpus(self) -> list[VgpuResource]:
        found: list[VgpuResource] = []
        cursor: str | None = None
        while True:
            page = self._client.vgpus.list(limit=_PAGE, cursor=cursor)
            found += page.items
            cursor = page.next
            if cursor is None or len(found) >= _MOST:
                return found

    def _vgpu(self, told: VgpuResource, live: VgpuView | None) -> VgpuView:
        shares = Shares(
            round(told.compute * 100),
            round(told.compute_limit * 100),
            told.weight,
            PriorityClass[told.priority.upper()],
        )
        base = live or VgpuView(told.id, told.name, "", "", 0, "", shares, 0)
        return base._replace(
            key=told.id,
            name=told.name,
            owner=told.tenant,
            device=told.device or "",
            state=told.state.value,
            shares=shares,
            memory_limit=told.memory,
            memory_used=live.memory_used if live else told.memory_used,
            leases=tuple(lease.id for lease in self._leases.get(told.id, ())),
            reason=told.reason,
        )


def _device(told: DeviceResource, use: float | None, vgpus: list[VgpuView]) -> DeviceView:
    on_it = [vgpu for vgpu in vgpus if vgpu.device == told.uuid]
    reading = told.telemetry
    measured = reading.get("use", use)
    if measured is None and told.kind == SOFTWARE:
        measured = 0.0  # it has no device host, so nobody uses it
    return DeviceView(
        told.uuid,
        told.index,
        told.name,
        present=told.present,
        simulated=told.simulated,
        use=measured,
        memory=told.memory,
        memory_used=reading.get("memory_used") or sum(vgpu.memory_used or 0 for vgpu in on_it),
        memory_reserved=told.reserved_memory,
        granted=told.reserved_compute,
        power=reading.get("power_watts"),
        temperature=reading.get("temperature"),
        policy=told.policy.policy,
        vgpus=told.vgpus,
    )


def found_source() -> HostSource | DaemonSource:
    """The daemon's where one listens, else that of the device hosts alone.

    Raises DaemonUnreachable where the one that ALIQUOT_API names doesn't answer.
    """
    client = Client.connect(timeout=10.0)
    return DaemonSource(client) if client is not None else HostSource()
