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


class NotDoneHere(DaemonError):
    code = "ALQ-E402"
    title = "The device host can't do that"
    why = "The client or device host that is installed has no way to suspend, resume or move."
    remedy = "install a newer version of Aliquot on this node"


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


class QueueFull(DaemonError):
    code = "ALQ-E480"
    title = "Too many vGPUs of the tenant wait already"
    why = "The queue is bounded for each tenant, so that nobody can fill it for all."
    remedy = "wait until some are served, or take some out of the queue; 'aliquot queue' lists them"


class SizeNeeded(DaemonError):
    code = "ALQ-E481"
    title = "The vGPU needs a size"
    why = (
        "Without one it would take all that is free on its device: that is no size to wait for, "
        "nor to share a device with others of its group."
    )
    remedy = "say how much with --memory or --profile"


class WaitedTooLong(DaemonError):
    code = "ALQ-E482"
    title = "The vGPU waited as long as it was to, and got no place"
    why = "What it needs did not become free in that time, or others waited for it longer."
    remedy = "'aliquot create --dry-run' tells what would make it fit; then ask again"


class GroupDoesNotFit(DaemonError):
    code = "ALQ-E483"
    title = "There is no room for all members of the group"
    why = "A group gets places for all of its members at once, or none."
    remedy = "ask for less, let members share devices, or let the group wait"


class BadGroup(DaemonError):
    code = "ALQ-E484"
    title = "A group can't be as it was asked for"
    why = (
        "Members have names of their own, belong to one tenant, wait all or none, and are leased "
        "one by one once they are there."
    )
    remedy = "correct that and ask again"
