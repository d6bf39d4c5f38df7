"""What every mode can be asked."""

from __future__ import annotations

from typing import Protocol

from aliquot.model.hardware import Attachment, Capabilities, Made, Plan, Wanted
from aliquot.model.line import Line
from aliquot.model.modes import Mode


class VgpuMode(Protocol):
    """A way to make vGPUs. All calls raise HardwareErrors, or what a device host refuses.

    A call that raises has changed nothing. One that was interrupted by a death is undone or done
    with by `recover`, which is to be called once at start, before anything else.
    """

    @property
    def mode(self) -> Mode:
        """Its name."""
        ...

    def capabilities(self, device: str) -> Capabilities:
        """What can be done with a device now; never raises because of what the device is like."""
        ...

    def plan(self, wanted: Wanted) -> Plan:
        """What `create` would do now; changes nothing, and raises what `create` would raise."""
        ...

    def create(self, wanted: Wanted) -> Made:
        """Set hardware aside for a vGPU. Again, for the same vGPU: what was made then."""
        ...

    def attach(self, vgpu: str) -> Attachment:
        """Make it ready for a consumer. Again: the same."""
        ...

    def detach(self, vgpu: str) -> None:
        """Take it back from a consumer that has ended; nothing where it isn't attached."""
        ...

    def restore(self, vgpu: str) -> None:
        """Put back what a hypervisor has taken away of what was made; raises DeviceInUse."""
        ...

    def resize(self, vgpu: str, *, type: str | None = None, memory: int | None = None) -> Made:  # noqa: A002
        """Change its size where hardware can; else raises NotResizable."""
        ...

    def delete(self, vgpu: str) -> None:
        """Give the hardware back as it was; raises DeviceInUse where somebody still uses it."""
        ...

    def adopt(self) -> list[Made]:
        """All that exists of what this mode made, say for a daemon that has just started."""
        ...

    def verify(self, vgpu: str) -> tuple[Line, ...]:
        """What isn't as it was left; nothing where all is well."""
        ...

    def recover(self) -> tuple[Line, ...]:
        """Undo what a death interrupted; tells what was undone, and what couldn't be."""
        ...
