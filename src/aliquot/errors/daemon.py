"""What the daemon and its API refused (ALQ-E4xx)."""

from __future__ import annotations

from aliquot.errors.base import AliquotError


class DaemonError(AliquotError):
    """The daemon can't do something, or refuses to."""


class SimulatedDevice(DaemonError):
    code = "ALQ-E401"
    title = "The device is simulated"
    why = (
        "An inventory file describes it, for tests and for planning: vGPUs find their places on "
        "it, and no program can use them."
    )
    remedy = "create the vGPU on a real device; 'aliquot devices' tells which are simulated"


class NotYourProcess(DaemonError):
    code = "ALQ-E403"
    title = "The process isn't yours"
    why = "A lease is held by a process of the user who asks for it, and ends with that process."
    remedy = "name a process of your own that runs"


class NoDeviceFits(DaemonError):
    code = "ALQ-E404"
    title = "No device can hold the vGPU"
    why = "A vGPU in the mode remoting needs a device that an OpenCL driver offers to programs."
    remedy = "'aliquot devices' lists the devices and what each can do"
