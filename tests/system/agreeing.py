"""Whether what a daemon tells is so: compared with device hosts, their pages and the processes.

A second opinion beside `aliquot doctor --deep`: it knows of the state only what the API tells, and
shares no code with `aliquot.daemon.agreement`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from aliquot.client.device_host import DeviceHost, running_hosts
from aliquot.client.rest import Client
from aliquot.model.api.vgpus import VgpuResource
from aliquot.model.lifecycle import VgpuState
from aliquot.model.vgpu import VgpuUsage
from tests.system.daemon import processes_of

_THERE = frozenset({VgpuState.READY, VgpuState.LEASED})


def disagreements(client: Client, folder: Path) -> list[str]:
    """Each in a sentence. The daemon's runtime directory, below `folder`, is ours as well."""
    found: list[str] = []
    told: list[VgpuUsage] = []
    for host in running_hosts():
        with host:
            for usage in host.list_vgpus():
                told.append(usage)
                found += _of_page(host, usage)
    by_id = {f"{usage.external_id:032x}": usage for usage in told if usage.lasting}
    held = {(lease.vgpu, lease.process_id) for lease in client.leases.list(limit=1000).items}
    listed = client.vgpus.list(limit=1000).items
    for vgpu in listed:
        found += _of_vgpu(vgpu, by_id.pop(vgpu.id, None), held)
    found += [f"{usage.name}: nobody has asked for it" for usage in by_id.values()]
    found += _of_workers(told, folder)
    return found


def _of_vgpu(
    vgpu: VgpuResource, usage: VgpuUsage | None, held: set[tuple[str, int]]
) -> Iterator[str]:
    if vgpu.state not in _THERE or not vgpu.settled:
        yield f"{vgpu.name}: it came to rest as {vgpu.state}, {vgpu.reason!r}"
        return
    if usage is None:
        yield f"{vgpu.name}: no device host has it"
        return
    at_host = (usage.device_uuid, usage.memory_limit, usage.turns.shares.guarantee)
    if at_host != (vgpu.device, vgpu.memory, round(vgpu.compute * 100)):
        yield f"{vgpu.name}: its device host has it as {at_host}"
    holders = {holder.process_id for holder in usage.holders}
    if holders != {process for of, process in held if of == vgpu.id}:
        yield f"{vgpu.name}: its device host has it held by {holders}"
    yield from (
        f"{vgpu.name}: {process} holds it, and has ended"
        for process in holders
        if not _runs(process)
    )


def _of_page(host: DeviceHost, usage: VgpuUsage) -> Iterator[str]:
    with contextlib.closing(host.page(usage.id)) as mapped:
        page = mapped.read()
    if (
        page.gone
        or page.memory_limit != usage.memory_limit
        or page.guarantee != (usage.turns.shares.guarantee)
    ):
        yield f"{usage.name}: its page says otherwise than its device host"


def _of_workers(told: list[VgpuUsage], folder: Path) -> Iterator[str]:
    named = {usage.worker_process_id for usage in told if usage.worker_process_id}
    supervisors = set(processes_of(folder))
    running = {process for process in _workers() if _parent(process) in supervisors}
    yield from (f"worker {process} works for nobody" for process in running - named)
    yield from (f"worker {process} has ended" for process in named if not _runs(process))


def _workers() -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and (entry / "comm").read_text().strip() == "aliquot-worker":
                yield int(entry.name)


def _runs(process: int) -> bool:
    return _stat(process)[:1] not in ([], ["Z"])


def _parent(process: int) -> int:
    return int([*_stat(process), "", "0"][1] or 0)


def _stat(process: int) -> list[str]:
    """What the kernel tells of a process behind its name: its state, its parent, and so on."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return []
