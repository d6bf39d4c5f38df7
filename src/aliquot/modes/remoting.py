"""Mode `remoting`: a device host makes the vGPU; it is its own journal, and survives deaths."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator

from aliquot import environment
from aliquot.client.device_host import DeviceHost, running_hosts
from aliquot.devices.opencl import find_device
from aliquot.devices.sysfs import Sysfs
from aliquot.devices.users import PROC, Use, User
from aliquot.devices.verdicts import can, cannot
from aliquot.errors import AliquotError, MemoryUnavailable, NoSuchLease, NotMade
from aliquot.model.device import Device
from aliquot.model.hardware import Attachment, Capabilities, Made, Plan, Wanted
from aliquot.model.line import Line
from aliquot.model.modes import Mode
from aliquot.model.vgpu import Lease, VgpuUsage
from aliquot.model.why import Why, because
from aliquot.modes.hardware_mode import refuse_users
from aliquot.words.refusals import refusal, title_line


class Remoting:
    """Lasting vGPUs of device hosts. An attachment is a lease of this process."""

    mode = Mode.REMOTING

    def __init__(
        self,
        find: Callable[[str], Device] = lambda wanted: find_device(wanted)[1],
        open_host: Callable[[Device], DeviceHost] = DeviceHost.start_or_join,
        hosts: Callable[[], list[DeviceHost]] = running_hosts,
        proc: str = PROC,
    ) -> None:
        """Find devices and device hosts with these."""
        self._find = find
        self._open_host = open_host
        self._hosts = hosts
        self._proc = proc
        self._leases: dict[str, Lease] = {}

    def capabilities(self, device: str) -> Capabilities:
        """It can wherever an OpenCL driver offers the device."""
        try:
            self._find(device)
        except AliquotError as error:
            lines = error.lines or (title_line(error.code),)
            return Capabilities(ability=cannot(self.mode, *lines), resizable=True)
        return Capabilities(ability=can(self.mode), resizable=True)

    def plan(self, wanted: Wanted) -> Plan:
        """A reservation with the device's host."""
        device = self._find(wanted.device)
        size, reserved = device.global_memory, 0
        for host in self._hosts():
            with host:
                if host.welcome.device_uuid == device.uuid:
                    size, reserved = host.welcome.device_memory, host.welcome.reserved_memory
        free = size - reserved
        memory = wanted.memory or free
        if memory > free or not memory:
            raise refusal(MemoryUnavailable, Why.MEMORY_SHORT, free=free, size=size, wanted=memory)
        step = because(Why.STEP_REMOTING, memory=memory, device=device.name)
        return Plan(mode=self.mode, target=device.uuid, memory=wanted.memory, steps=(step,))

    def create(self, wanted: Wanted) -> Made:
        """Reserve; raises what the device host refuses."""
        with self._open_host(self._find(wanted.device)) as host:
            vgpu = host.create_vgpu(
                wanted.name or wanted.vgpu,
                wanted.memory or 0,
                external_id=uuid.UUID(wanted.vgpu).int,
            )
        return Made(
            mode=self.mode,
            vgpu=wanted.vgpu,
            device=wanted.device,
            id=wanted.vgpu,
            memory=vgpu.memory,
        )

    def attach(self, vgpu: str) -> Attachment:
        """Lease it to this process: the socket is what its guest processes are told."""
        lease = self._leases.get(vgpu)
        if lease is None:
            host, _ = self._at_host(vgpu)
            with host:
                number = uuid.UUID(vgpu).int
                lease = host.take_lease(external_id=number, process_id=os.getpid())
            self._leases[vgpu] = lease
        variables = {environment.VGPU_SOCKET.name: lease.socket_path}
        return Attachment(mode=self.mode, vgpu=vgpu, environment=variables)

    def detach(self, vgpu: str) -> None:
        """End the lease."""
        lease = self._leases.pop(vgpu, None)
        host, _ = self._at_host(vgpu)
        with host:
            if lease is None:
                return
            try:
                host.end_lease(lease.vgpu, lease.number)
            except NoSuchLease:
                return  # it had ended already

    def restore(self, vgpu: str) -> None:
        """Nothing: no hypervisor takes anything of it away."""

    def resize(self, vgpu: str, *, type: str | None = None, memory: int | None = None) -> Made:  # noqa: A002, ARG002
        """Give it other memory at once; there are no types."""
        host, usage = self._at_host(vgpu)
        with host:
            host.resize_vgpu(usage.id, usage.turns.shares, usage.copies.limit, memory=memory or 0)
        _, usage = self._closed(self._at_host(vgpu))
        return self._made(vgpu, usage)

    def delete(self, vgpu: str) -> None:
        """End it; raises DeviceInUse while anybody holds a lease or has it open."""
        self.detach(vgpu)
        host, usage = self._at_host(vgpu)
        with host:
            refuse_users(vgpu, tuple(self._holders(usage)))
            host.destroy_lasting_vgpu(uuid.UUID(vgpu).int)

    def adopt(self) -> list[Made]:
        """All lasting vGPUs of all device hosts that run."""
        return [self._made(vgpu, usage) for vgpu, usage in self._listed()]

    def verify(self, vgpu: str) -> tuple[Line, ...]:
        """Nothing where its device host has it; else NotMade, for there is no other record."""
        self._closed(self._at_host(vgpu))
        return ()

    def recover(self) -> tuple[Line, ...]:
        """Nothing: what a device host acknowledged is so, whoever dies."""
        return ()

    def _holders(self, usage: VgpuUsage) -> Iterator[User]:
        for holder in usage.holders:
            name = Sysfs(self._proc).text(str(holder.process_id), "comm") or "?"
            yield User(process_id=holder.process_id, name=name, use=Use.COMPUTE, file=usage.name)

    def _listed(self) -> Iterator[tuple[str, VgpuUsage]]:
        for host in self._hosts():
            with host:
                for usage in host.list_vgpus():
                    if usage.lasting:
                        yield str(uuid.UUID(int=usage.external_id)), usage

    def _at_host(self, vgpu: str) -> tuple[DeviceHost, VgpuUsage]:
        """The device host that has it, to be closed, and what it tells; raises NotMade."""
        wanted = uuid.UUID(vgpu).int
        found: tuple[DeviceHost, VgpuUsage] | None = None
        for host in self._hosts():
            usage = None
            if found is None:
                usage = next((u for u in host.list_vgpus() if u.external_id == wanted), None)
            if usage is None:
                host.close()
            else:
                found = host, usage
        if found is None:
            raise refusal(NotMade, Why.NOTHING_MADE, vgpu=vgpu, mode=self.mode.value)
        return found

    def _closed(self, found: tuple[DeviceHost, VgpuUsage]) -> tuple[DeviceHost, VgpuUsage]:
        found[0].close()
        return found

    def _made(self, vgpu: str, usage: VgpuUsage) -> Made:
        return Made(
            mode=self.mode,
            vgpu=vgpu,
            device=usage.device_uuid,
            id=vgpu,
            memory=usage.memory_limit,
            attached=bool(usage.holders),
        )
