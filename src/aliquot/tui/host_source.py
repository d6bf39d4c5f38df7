"""What the device hosts tell that run here: all that there is without a daemon."""

from __future__ import annotations

import contextlib
import pwd
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

from aliquot import runtime_directory
from aliquot.client.device_host import DeviceHost, running_hosts
from aliquot.client.watch import Watch
from aliquot.errors import DaemonUnreachable, DeviceHostError, DeviceHostUnreachable, NoSuchVgpu
from aliquot.model.device import SOFTWARE
from aliquot.model.shares import Policy
from aliquot.model.telemetry import Telemetry
from aliquot.model.vgpu import VgpuState, VgpuUsage
from aliquot.tui.source import Act, NewSize
from aliquot.tui.view import DeviceView, ProcessView, Screenful, VgpuView

_ASK_SECONDS = 2.0  # processes and policies cost a request each
_MOST_ASKED = 32  # vGPUs a round whose processes are asked for
NEEDS_DAEMON = "that needs the daemon: start it with 'aliquot serve'"


class _Host(NamedTuple):
    """What a device host told of its device."""

    memory: int
    reserved: int
    policy: Policy


class _Known(NamedTuple):
    """What discovery tells of a device."""

    number: int
    name: str
    kind: str
    simulated: bool


class HostSource:
    """Reads pages at each look, and asks the device hosts every two seconds."""

    origin = "no daemon"

    def __init__(self) -> None:
        """Nothing is known before the first look; what devices are called is found meanwhile."""
        self._watch = Watch(tolerant=True)
        self._waited: dict[tuple[str, int], tuple[int, int]] = {}
        self._asked_at = float("-inf")
        self._hosts: dict[str, _Host] = {}
        self._processes: list[ProcessView] = []
        self._known: dict[str, _Known] = {}
        self._telemetry: dict[str, Telemetry] = {}
        self._closing = threading.Event()
        self._discovery = threading.Thread(target=self._discover, name="discovery", daemon=True)
        self._discovery.start()

    def look(self) -> Screenful:
        """The vGPUs in use here, their devices and processes."""
        usages = self.usages()
        now = time.monotonic()
        if now - self._asked_at >= _ASK_SECONDS:
            self._asked_at = now
            self._ask(usages)
        vgpus = [self._vgpu(usage) for usage in usages]
        self._waited = {
            (usage.device_uuid, usage.id): (usage.turns.at_ns, usage.turns.waited_ns)
            for usage in usages
        }
        here = {vgpu.key for vgpu in vgpus}
        return Screenful(
            self._devices(usages),
            tuple(vgpus),
            tuple(process for process in self._processes if process.vgpu in here),
            self.origin,
        )

    def usages(self) -> list[VgpuUsage]:
        """The vGPUs as their device hosts tell of them."""
        return self._watch.look()

    def why_not(self, act: Act, vgpu: VgpuView) -> str:
        """What only a daemon can do."""
        if act in (Act.SUSPEND, Act.RESUME):
            return NEEDS_DAEMON
        return "" if vgpu.number else "its device host isn't there"

    def history(self, vgpu: VgpuView) -> Sequence[tuple[float, float]]:
        """Device hosts keep none."""
        del vgpu
        return ()

    def resize(self, vgpu: VgpuView, size: NewSize) -> str:
        """Ask its device host, who keeps the limit of copies."""
        with _host_of(vgpu.device) as host:
            usage = next((one for one in host.list_vgpus() if one.id == vgpu.number), None)
            if usage is None:
                raise NoSuchVgpu(f"there is no vGPU {vgpu.name!r} any more")
            host.resize_vgpu(vgpu.number, size.shares, usage.copies.limit, memory=size.memory or 0)
        return f"vGPU {vgpu.name} has its new size"

    def suspend(self, vgpu: VgpuView) -> str:
        """Only a daemon can."""
        raise DaemonUnreachable(f"vGPU {vgpu.name} can't be suspended without a daemon")

    def resume(self, vgpu: VgpuView) -> str:
        """Only a daemon can."""
        raise DaemonUnreachable(f"vGPU {vgpu.name} can't be resumed without a daemon")

    def kill(self, vgpu: VgpuView) -> str:
        """End its leases; one without any, whose maker holds it by a connection, is destroyed."""
        with _host_of(vgpu.device) as host:
            if not vgpu.leases:
                host.destroy_vgpu(vgpu.number)
                return f"vGPU {vgpu.name} is destroyed"
            for lease in vgpu.leases:
                host.end_lease(vgpu.number, int(lease))
        return f"the leases of vGPU {vgpu.name} are ended"

    def close(self) -> None:
        """Let go of the pages."""
        self._closing.set()
        self._watch.close()

    def _vgpu(self, usage: VgpuUsage) -> VgpuView:
        turns = usage.turns
        in_use = bool(usage.holders or usage.guest_processes)
        state = "leased" if in_use else usage.state.name.lower()
        if usage.state is VgpuState.STARTING:
            state = "starting"
        return VgpuView(
            key=key_of(usage),
            name=usage.name,
            owner=user_name(usage.owner_uid),
            device=usage.device_uuid,
            number=usage.id,
            state=state,
            shares=turns.shares,
            memory_limit=usage.memory_limit,
            memory_used=usage.memory_used,
            share=turns.share_1s / 100,
            share_10s=turns.share_10s / 100,
            waiting=self._waiting(usage) if in_use else 0.0,
            processes=usage.guest_processes,
            kernels=usage.kernels,
            copy_rate=usage.copies.rate_10s,
            leases=tuple(str(holder.lease) for holder in usage.holders),
        )

    def _waiting(self, usage: VgpuUsage) -> float | None:
        before = self._waited.get((usage.device_uuid, usage.id))
        if before is None or usage.turns.at_ns <= before[0]:
            return None
        grown = max(0, usage.turns.waited_ns - before[1])
        return min(100.0, 100 * grown / (usage.turns.at_ns - before[0]))

    def _devices(self, usages: list[VgpuUsage]) -> tuple[DeviceView, ...]:
        uuids = dict.fromkeys((*self._hosts, *(usage.device_uuid for usage in usages)))
        found: list[DeviceView] = []
        for uuid in uuids:
            on_it = [usage for usage in usages if usage.device_uuid == uuid]
            known = self._known.get(uuid)
            host = self._hosts.get(uuid)
            told = self._telemetry.get(uuid)
            is_software = known is None or known.kind == SOFTWARE
            shares = min(100.0, sum(usage.turns.share_1s for usage in on_it) / 100)
            used = sum(usage.memory_used for usage in on_it)
            found.append(
                DeviceView(
                    uuid,
                    known.number if known else None,
                    known.name if known else uuid[:8],
                    simulated=known.simulated if known else False,
                    use=told.use if told else shares if is_software else None,
                    memory=host.memory if host else 0,
                    memory_used=(told.memory_used if told else None) or used,
                    memory_reserved=host.reserved if host else 0,
                    granted=sum(usage.turns.shares.guarantee for usage in on_it) / 100,
                    power=told.power_watts if told else None,
                    temperature=told.temperature if told else None,
                    policy=host.policy.kind.word if host else "",
                    vgpus=len(on_it),
                )
            )
        return tuple(sorted(found, key=lambda one: (one.number is None, one.number, one.uuid)))

    def _ask(self, usages: list[VgpuUsage]) -> None:
        """Policies and processes; what a device host no longer tells is left out."""
        with_processes = [usage for usage in usages if usage.guest_processes][:_MOST_ASKED]
        hosts: dict[str, _Host] = {}
        processes: list[ProcessView] = []
        with contextlib.suppress(DeviceHostError):
            for host in running_hosts():
                with host, contextlib.suppress(DeviceHostError):
                    welcome = host.welcome
                    hosts[welcome.device_uuid] = _Host(
                        welcome.device_memory, welcome.reserved_memory, host.policy()
                    )
                    for usage in with_processes:
                        if usage.device_uuid == welcome.device_uuid:
                            processes += _processes_of(host, usage)
        self._hosts, self._processes = hosts, processes

    def _discover(self) -> None:
        """Names, and telemetry for as long as this is of use: libraries take long to load."""
        from aliquot.devices.discovery import Discoverer
        from aliquot.devices.listing import entries
        from aliquot.devices.readings import Sampler

        discoverer = Discoverer()
        found = entries(discoverer.discover())
        self._known = {
            entry.uuid: _Known(number, entry.name, entry.kind, entry.device.simulated)
            for number, entry in enumerate(found)
        }
        readings = Sampler(discoverer.telemetry)
        while True:
            told = readings.sample(entry.device for entry in found)
            self._telemetry = {
                entry.uuid: told[entry.device.uuid] for entry in found if entry.device.uuid in told
            }
            if not told or self._closing.wait(1.0):
                return


def key_of(usage: VgpuUsage) -> str:
    """What names a vGPU for as long as it is there."""
    if usage.lasting:
        return f"{usage.external_id:032x}"
    return f"{usage.device_uuid}/{usage.id}"


def user_name(user_id: int) -> str:
    """The login name, else the number."""
    try:
        return pwd.getpwuid(user_id).pw_name
    except (KeyError, OverflowError):
        return str(user_id)


def command_of(process_id: int) -> str:
    """The command line of a process, as far as it may be read."""
    try:
        with open(f"/proc/{process_id}/cmdline", "rb") as file:
            told = file.read(4096)
    except OSError:
        return ""
    return " ".join(told.decode("utf-8", "replace").split("\0")).strip()


def _processes_of(host: DeviceHost, usage: VgpuUsage) -> list[ProcessView]:
    try:
        details = host.show_vgpu(usage.id)
    except NoSuchVgpu:
        return []
    return [
        ProcessView(
            process.process_id,
            key_of(usage),
            usage.name,
            usage.device_uuid,
            user_name(usage.owner_uid),
            process.memory_used,
            command_of(process.process_id),
        )
        for process in details.processes
    ]


def _host_of(device_uuid: str) -> DeviceHost:
    path = runtime_directory.control_socket(runtime_directory.path(), device_uuid)
    host = DeviceHost.join(path)
    if host is None:
        raise DeviceHostUnreachable("no device host runs for this device")
    return host
