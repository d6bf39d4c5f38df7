"""On which device a vGPU goes: of those on which it fits, the fullest or the emptiest."""

from __future__ import annotations

from aliquot.daemon.caller import Caller
from aliquot.daemon.choosing import Line, lines
from aliquot.daemon.resources import is_remotable
from aliquot.errors import (
    AliquotError,
    DeviceLost,
    DeviceNotOffered,
    MemoryUnavailable,
    NoDeviceFits,
    QuotaAboveDevice,
    ShareUnavailable,
)
from aliquot.model.vgpu_record import Placement, VgpuSpec
from aliquot.sizes import format_size
from aliquot.store import View
from aliquot.store import vgpus as kept_vgpus

ALL_MEMORY = 1  # stands in a spec for all that is unreserved, until its device is known


def place(view: View, spec: VgpuSpec, caller: Caller, node: str) -> str:  # noqa: ARG001
    """The UUID of the device that the spec goes to.

    Raises MemoryUnavailable, ShareUnavailable, QuotaAboveDevice, DeviceLost, DeviceNotOffered or
    NoDeviceFits: why it isn't the only device that will do, or the one that comes nearest.
    """
    # A simulated device is never chosen unasked.
    known = lines(view, node)
    candidates = [
        line
        for line in known
        if (line.uuid == spec.device if spec.device else not line.record.simulated)
    ]
    refusals = {line.uuid: _refusal(view, spec, line) for line in candidates}
    fitting = [line for line in candidates if refusals[line.uuid] is None]
    if fitting:
        return _chosen(spec, fitting).uuid
    ranked = [error for error in refusals.values() if error is not None]
    for kind in (ShareUnavailable, MemoryUnavailable, QuotaAboveDevice, DeviceLost):
        for error in ranked:
            if isinstance(error, kind):
                raise error
    raise ranked[0] if spec.device and ranked else NoDeviceFits("no device here can be used")


def _chosen(spec: VgpuSpec, fitting: list[Line]) -> Line:
    if spec.memory == ALL_MEMORY:
        # As `aliquot run` has it: the first GPU, else the first software device.
        return min(fitting, key=lambda line: (line.kind != "gpu", line.number))
    sign = 1 if spec.placement is Placement.PACK else -1
    return min(fitting, key=lambda line: (sign * line.record.free_memory, line.number))


def _refusal(view: View, spec: VgpuSpec, line: Line) -> AliquotError | None:
    device = line.record
    told = f"device {line.number} ({device.name})"
    if not device.present:
        return DeviceLost(f"{told} is gone")
    if not is_remotable(device):
        return DeviceNotOffered(f"no OpenCL driver offers {told}")
    if spec.memory > device.memory:
        return QuotaAboveDevice(
            f"{format_size(spec.memory)} is more than the {format_size(device.memory)} of {told}"
        )
    if spec.memory > device.free_memory:
        return MemoryUnavailable(
            f"{format_size(spec.memory)} were asked for and {told} has "
            f"{format_size(device.free_memory)} left of {format_size(device.memory)}"
        )
    if spec.shares.guarantee > device.free_guarantee:
        return ShareUnavailable(
            f"a guarantee of {spec.shares.guarantee / 100:g} % was asked for and {told} has "
            f"{device.free_guarantee / 100:g} % left"
        )
    value = spec.labels.get(spec.apart) if spec.apart else None
    if spec.apart and value is not None:
        same = kept_vgpus.Filter(device=device.uuid, labels={spec.apart: value})
        if kept_vgpus.listed(view, same, limit=1):
            return NoDeviceFits(f"{told} has a vGPU of the same {spec.apart} already")
    return None
