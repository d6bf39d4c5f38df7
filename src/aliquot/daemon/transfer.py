"""Suspending, resuming and moving at the device hosts, which stop a vGPU at a kernel boundary.

The steps may be done again: a vGPU that is suspended already, or there already, is no error.
"""

from __future__ import annotations

from aliquot.client.device_host import DeviceHost
from aliquot.daemon.at_host import destroy, external_id, find
from aliquot.daemon.hosts import Hosts
from aliquot.model.vgpu_record import VgpuRecord

LEAST_MEMORY = 1


def suspend(hosts: Hosts, device: str, kept: VgpuRecord) -> None:
    """Stop it and bring its memory to the host; what it holds of the device is free then."""
    hosts.ask_apart(device, lambda host: host.suspend_vgpu(external_id(kept.id)))


def give_up_place(hosts: Hosts, device: str, kept: VgpuRecord) -> None:
    """Let the device host reserve nothing for a suspended vGPU but what can't be less.

    One that nobody uses needs nothing there: it is made anew when it is resumed.
    """
    shares = kept.spec.shares._replace(guarantee=0)

    def shrink(host: DeviceHost) -> None:
        usage = find(host, kept)
        if usage is None:
            return
        if not usage.holders and not usage.guest_processes:
            destroy(host, kept)
        else:
            host.resize_vgpu(usage.id, shares, kept.spec.copy_limit, memory=LEAST_MEMORY)

    hosts.ask(device, shrink)


def resume(hosts: Hosts, device: str, kept: VgpuRecord) -> None:
    """Bring its memory back to the device and let it go on."""
    hosts.ask_apart(device, lambda host: host.resume_vgpu(external_id(kept.id)))


def move(hosts: Hosts, source: str, target: str, kept: VgpuRecord) -> None:
    """Bring it from one device to another; after an error it goes on where it was."""
    hosts.ask_apart(
        source,
        lambda host: hosts.ask_apart(
            target, lambda other: host.move_vgpu(external_id(kept.id), other)
        ),
    )
