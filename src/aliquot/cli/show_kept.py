"""What the daemon knows of one vGPU, and beside it what its device host measures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from aliquot.cli import show, vgpu_words
from aliquot.cli.labels import format_labels
from aliquot.cli.output import print_json
from aliquot.cli.printable import printable
from aliquot.cli.recent_events import newest
from aliquot.client.device_host import running_hosts
from aliquot.errors import DeviceHostError
from aliquot.model.vgpu import MODE_REMOTING
from aliquot.shares import format_priority_mix
from aliquot.sizes import format_size

if TYPE_CHECKING:
    from aliquot.client.rest import Client
    from aliquot.model.api.devices import DeviceResource
    from aliquot.model.api.leases import LeaseResource
    from aliquot.model.api.node import EventResource
    from aliquot.model.api.processes import VgpuProcesses
    from aliquot.model.api.vgpus import VgpuResource

_WIDTH = 14
_MOST_EVENTS = 10
_EVENTS_LOOKED_AT = 500


def show_kept(client: Client, wanted: str, *, as_json: bool) -> None:
    """Print it; raises NoSuchVgpu among other AliquotErrors."""
    vgpu = client.vgpus.show(wanted)
    leases = client.leases.list(vgpu=vgpu.id).items
    recent, _ = newest(client, _EVENTS_LOOKED_AT)
    events = [event for event in recent if event.subject == vgpu.id][-_MOST_EVENTS:]
    used_by = client.vgpus.processes(vgpu.id)
    measured = _measured(vgpu)
    devices = vgpu_words.devices_by_uuid(client)
    if as_json:
        told: dict[str, Any] = msgspec.to_builtins(vgpu)
        told |= {"held_by": leases, "events": events, "used_by": used_by}
        told["priority_mix"] = _mix(vgpu, devices)
        told["measured"] = show.as_dict(measured) if measured else None
        print_json(told)
        return
    print("\n".join(lines(vgpu, devices, leases, events)))
    if measured is None:
        print("\n".join(_process_lines(used_by)))
    else:
        print("\nmeasured by its device host:")
        print("\n".join(f"  {line}" for line in show.lines(measured)))


def lines(
    vgpu: VgpuResource,
    devices: dict[str, DeviceResource],
    leases: list[LeaseResource],
    events: list[EventResource],
) -> Iterator[str]:
    """What the daemon knows, for people."""
    kind = "ephemeral " if vgpu.ephemeral else ""
    yield f"{kind}vGPU {vgpu.name} of {vgpu.tenant}, {vgpu.id}, mode {vgpu.mode}"
    why = f": {printable(vgpu.reason)}" if vgpu.reason else ""
    code = f" ({vgpu.reason_code})" if vgpu.reason_code else ""
    unsettled = "" if vgpu.settled else f"; {vgpu.wanted} is wanted, and not yet reached"
    yield _line("state", f"{vgpu_words.state(vgpu)}{why}{code}{unsettled}")
    yield _line("device", vgpu_words.place(vgpu, devices))
    if mix := _mix(vgpu, devices):
        yield _line("priority mix", format_priority_mix(mix))
    used = f"; {format_size(vgpu.memory_used)} used" if vgpu.mode == MODE_REMOTING else ""
    yield _line("reserves", f"{vgpu_words.promise(vgpu)}{used}")
    if vgpu.profile:
        yield _line("profile", vgpu.profile)
    if vgpu.group:
        yield _line("group", vgpu.group)
    if vgpu.labels:
        yield _line("labels", format_labels(vgpu.labels))
    apart = f", apart by {vgpu.apart}" if vgpu.apart else ""
    yield _line("placement", f"{vgpu.placement}{apart}")
    abilities = (("move", vgpu.movable), ("be preempted", vgpu.preemptible))
    able = [word for word, can in abilities if can]
    if able:
        yield _line("can", " and ".join(able))
    yield _line("made", f"{vgpu_words.clock(vgpu.created_ms)} UTC, generation {vgpu.generation}")
    if vgpu.expires_ms is not None:
        at = vgpu_words.clock(vgpu.expires_ms)
        yield _line("deleted", f"in {vgpu_words.until(vgpu.expires_ms)}, at {at} UTC")
    if vgpu.vm is not None:
        yield _line("VM", vgpu_words.vm_words(vgpu))
    yield _line("leases", "" if leases else "none")
    for lease in leases:
        word = "enforced" if lease.enforced else "advisory"
        holder = printable(lease.holder)
        by = f"{lease.kind.value} {holder}".rstrip()
        process = f"process {lease.process_id}, " if lease.process_id else ""
        yield (f"  {lease.id}: {by}, {process}{word}, since {vgpu_words.clock(lease.since_ms)} UTC")
    if events:
        yield _line("events", "")
    for event in events:
        yield f"  {vgpu_words.clock(event.at_ms)} {event.kind} (number {event.sequence})"


def _mix(vgpu: VgpuResource, devices: dict[str, DeviceResource]) -> dict[str, int]:
    """Which priority classes share its device, as far as somebody has bounded that."""
    device = devices.get(vgpu.device or "")
    return {str(pair): most for pair, most in device.priority_mix.items()} if device else {}


def _process_lines(used_by: VgpuProcesses) -> Iterator[str]:
    """Who uses it, as the daemon tells it: its device host is another user's."""
    processes = used_by.processes
    silent = used_by.queues_told == "silent"
    nobody = "unknown, they are not told of now" if silent else "none"
    yield _line("processes", "" if processes else nobody)
    for process in processes:
        known = f"process {process.process_id} {printable(process.name)}".rstrip()
        who = known if process.process_id else "another user's process"
        lent, used = format_size(process.memory_lent), format_size(process.memory_used)
        yield f"  {who}: {used} used of {lent} lent"
        yield from show.queue_lines(process.queues, process.queues_left_out)
    if processes and silent:
        yield f"  {show.WORKER_IS_SILENT}"


def _measured(vgpu: VgpuResource) -> show.Shown | None:
    """What its device host measures, where that runs and answers this user."""
    external_id = int(vgpu.id, 16)
    found: show.Shown | None = None
    for host in running_hosts():
        with host:
            if found is not None or host.welcome.device_uuid != vgpu.device:
                continue
            try:
                for usage in host.list_vgpus():
                    same_worker = usage.worker_process_id == vgpu.worker_process_id != 0
                    if usage.external_id == external_id or (not usage.lasting and same_worker):
                        found = show.measured(host, usage)
            except DeviceHostError:  # it ended while we asked
                continue
    return found


def _line(name: str, text: str) -> str:
    return f"{name:<{_WIDTH}}{text}".rstrip()
