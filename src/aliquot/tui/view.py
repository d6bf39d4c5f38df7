"""What is shown at one moment, whatever it was learnt from. None: not known."""

from __future__ import annotations

from typing import NamedTuple

from aliquot.model.shares import Shares


class DeviceView(NamedTuple):
    """A device. Memory is in bytes, use in percent, power in watts, temperature in Celsius."""

    uuid: str
    number: int | None  # its index, as `--device` takes it
    name: str
    present: bool = True
    simulated: bool = False
    use: float | None = None
    memory: int = 0
    memory_used: int | None = None
    memory_reserved: int = 0
    granted: float = 0.0  # percent of its time that is guaranteed
    power: float | None = None
    temperature: float | None = None
    policy: str = ""
    vgpus: int = 0


class VgpuView(NamedTuple):
    """A vGPU. Shares of time in percent of the device, as far as they are known."""

    key: str
    name: str
    owner: str
    device: str
    number: int  # at its device host; 0: not known
    state: str
    shares: Shares
    memory_limit: int
    memory_used: int | None = None
    share: float | None = None  # over the last second
    share_10s: float | None = None
    waiting: float | None = None  # of the time since the look before
    processes: int = 0
    kernels: int | None = None
    copy_rate: int | None = None  # bytes a second, over ten seconds
    leases: tuple[str, ...] = ()
    reason: str = ""

    @property
    def suspended(self) -> bool:
        """Whether it was suspended."""
        return self.state == "suspended"


class ProcessView(NamedTuple):
    """A guest process. Memory is in bytes."""

    process_id: int
    vgpu: str  # its key
    vgpu_name: str
    device: str
    user: str
    memory: int
    command: str


class Screenful(NamedTuple):
    """All that there is to show."""

    devices: tuple[DeviceView, ...] = ()
    vgpus: tuple[VgpuView, ...] = ()
    processes: tuple[ProcessView, ...] = ()
    origin: str = ""  # who told it, in a few words
    trouble: str = ""  # why it may be less than there is
