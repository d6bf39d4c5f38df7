"""What the device host says of the demo's vGPUs, asked a few times a second."""

from __future__ import annotations

from dataclasses import dataclass, field

from aliquot.client.device_host import DeviceHost, running_hosts
from aliquot.errors import AliquotError
from aliquot.model.vgpu import VgpuUsage


@dataclass
class Watcher:
    """The last word on each vGPU by name, and the most memory that each ever used."""

    usage: dict[str, VgpuUsage] = field(default_factory=dict[str, VgpuUsage])
    peak: dict[str, int] = field(default_factory=dict[str, int])
    _host: DeviceHost | None = None

    def look(self) -> None:
        """Asks again. A device host that is not there yet, or no more, changes nothing."""
        try:
            if self._host is None:
                self._host = next(iter(running_hosts()), None)
            if self._host is None:
                return
            for usage in self._host.list_vgpus():
                self.usage[usage.name] = usage
                self.peak[usage.name] = max(self.peak.get(usage.name, 0), usage.memory_used)
        except (AliquotError, OSError):
            self.close()

    def over_quota(self) -> list[str]:
        """Names of vGPUs that were ever seen above their quota."""
        return [name for name, most in self.peak.items() if most > self.usage[name].memory_limit]

    def close(self) -> None:
        """Lets go of the device host, which ends when its vGPUs have."""
        if self._host is not None:
            self._host.close()
            self._host = None
