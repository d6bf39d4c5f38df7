"""The mode remoting, on a stand-in for a device host."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from typing import Any

from aliquot.client.device_host import DeviceHost
from aliquot.errors import UnknownDevice
from aliquot.model.device import Device
from aliquot.model.hardware import Attachment, Made, Wanted
from aliquot.modes.remoting import Remoting
from tests.contract.device_host_process import DEVICE, DEVICE_MEMORY, REPOSITORY
from tests.contract.modes.houses import House
from tests.folders import make_short_folder, remove_folder


class RemotingHouse(House):
    """A device of 1 GiB, of which each vGPU has a half."""

    device = DEVICE
    kept_attached = False  # each holder has a lease of its own

    def build(self) -> None:
        self.runtime = make_short_folder()
        (self.runtime / DEVICE).mkdir()
        self.path = str(self.runtime / DEVICE / "control.sock")
        self.holder: subprocess.Popen[bytes] | None = None

    def mode(self) -> Remoting:
        return Remoting(self._find, lambda _: self._host(), self._hosts)

    def wanted(self, number: int = 1, **changes: Any) -> Wanted:
        return super().wanted(number, **{"memory": DEVICE_MEMORY // 2, **changes})

    def state(self) -> object:
        found: list[tuple[int, int, bool]] = []
        for host in self._hosts():
            with host:
                listed = host.list_vgpus()
                found += [(u.external_id, u.memory_limit, bool(u.holders)) for u in listed]
        return sorted(found)

    def use(self, made: Made, attachment: Attachment) -> int:
        self.holder = subprocess.Popen(["sleep", "1000"])
        with self._host() as host:
            number = uuid.UUID(made.vgpu).int
            host.take_lease(external_id=number, process_id=self.holder.pid)
        return self.holder.pid

    def end_use(self, made: Made) -> None:
        assert self.holder is not None
        self.holder.kill()
        self.holder.wait()
        self.holder = None

    def meddle(self, made: Made) -> None:
        with self._host() as host:
            host.destroy_lasting_vgpu(uuid.UUID(made.vgpu).int)

    def changes(self) -> int:
        return 0  # a stand-in counts none

    def close(self) -> None:
        if self.holder is not None:
            self.holder.kill()
            self.holder.wait()
        for host in self._hosts():
            with host:
                for usage in host.list_vgpus():
                    host.destroy_vgpu(usage.id)
        remove_folder(self.runtime)

    def _find(self, wanted: str) -> Device:
        if wanted != DEVICE:
            raise UnknownDevice(f"there is no device {wanted!r} here")
        facts: dict[str, Any] = dict.fromkeys(Device._fields, "")
        facts |= {"uuid": DEVICE, "name": "a device", "global_memory": DEVICE_MEMORY}
        return Device(**facts)

    def _hosts(self) -> list[DeviceHost]:
        host = DeviceHost.join(self.path)
        return [] if host is None else [host]

    def _host(self) -> DeviceHost:
        """The stand-in, started where it has ended for want of vGPUs."""
        host = DeviceHost.join(self.path)
        if host is None:
            arguments = {
                "--uuid": DEVICE,
                "--runtime-dir": self.runtime,
                "--memory": DEVICE_MEMORY,
            }
            flat = [str(word) for pair in arguments.items() for word in pair]
            paths = os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)])
            subprocess.run(
                [sys.executable, "-m", "tests.fakes.device_host", *flat],
                env=os.environ | {"PYTHONPATH": paths, "FAKE_DEVICE_HOST": ""},
                check=True,
            )
            host = DeviceHost.join(self.path)
        assert host is not None
        return host
