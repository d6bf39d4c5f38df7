"""On which device a vGPU goes, and what a dry run tells of that.

Whoever comes later takes nothing that is kept for those who wait: it finds a place as if it stood
at the end of the queue.
"""

from __future__ import annotations

from aliquot import words
from aliquot.daemon.caller import Caller
from aliquot.daemon.serving import next_round
from aliquot.daemon.views import devices_for
from aliquot.errors import (
    AliquotError,
    DeviceLost,
    DeviceNotOffered,
    MemoryUnavailable,
    NoDeviceFits,
    QuotaAboveDevice,
    ShareUnavailable,
    TenantQuota,
)
from aliquot.model.api.vgpus import Candidate, Plan
from aliquot.model.why import Why, because
from aliquot.placement import (
    Choice,
    Demand,
    DeviceView,
    Machine,
    choose,
    goes_to,
    remedies,
    verdicts,
    victims,
    why_not,
)
from aliquot.placement.engine.obstacles import Obstacle
from aliquot.placement.explain import closest, quota_lines
from aliquot.placement.unfit import Unfit
from aliquot.store import View, queue
from aliquot.words.refusals import saying


def find(view: View, wanted: Demand, node: str) -> Choice:
    """The device for a demand.

    Raises TenantQuota; or MemoryUnavailable, ShareUnavailable, QuotaAboveDevice, DeviceLost,
    DeviceNotOffered or NoDeviceFits: why it isn't the only device that will do, or the one that
    comes nearest.
    """
    devices = _left(view, node, wanted)
    choice = choose(wanted, devices)
    if choice is None:
        raise refusal(wanted, devices)
    return choice


def plan(view: View, wanted: Demand, caller: Caller, node: str) -> Plan:
    """Where a demand would go and why, or why nowhere, and which one thing would mend that.

    Others' vGPUs are not named to who may not see them.
    """
    devices = next_round(view, node, caller).devices
    choice = choose(wanted, devices)
    found = verdicts(wanted, devices)
    looked_at = [
        Candidate(
            device=one.device.uuid,
            device_name=one.device.name,
            fits=one.fits,
            why=one.why,
            lines=one.lines,
            score=None if one.fullness is None else round(one.fullness, 4),
        )
        for one in found
    ]
    if choice is not None:
        there = goes_to(next(one for one in found if one.device.uuid == choice.device.uuid))
        return Plan(
            fits=True,
            device=choice.device.uuid,
            why=words.english(there),
            lines=[there],
            candidates=looked_at,
            changes=[],
        )
    why = [why_not(wanted, devices)]
    helped = victims(wanted, devices)
    if helped is not None and len(helped.vgpus) > 1:
        why.append(because(Why.BATCH_MAKES_WAY, count=len(helped.vgpus)))
    changes = remedies(wanted, devices)
    return Plan(
        fits=False,
        device=None,
        why=words.english(*why),
        lines=why,
        candidates=looked_at,
        changes=[remedy.words for remedy in changes],
        change_lines=[remedy.line for remedy in changes],
        queue_position=queue.counted(view) + 1 if _may_wait(wanted) else None,
    )


def _may_wait(wanted: Demand) -> bool:
    """Whether time could mend it: no time mends a quota, and who waits has to have a size."""
    if wanted.memory is None:
        return False
    return not quota_lines(wanted.quota, wanted.memory, wanted.guarantee)


def refusal(wanted: Demand, devices: list[DeviceView]) -> AliquotError:
    """The error that says why a demand fits nowhere: of its tenant, else of the nearest device."""
    if lines := quota_lines(wanted.quota, wanted.memory or 1, wanted.guarantee):
        return saying(TenantQuota, *lines)
    what = why_not(wanted, devices)
    if not devices:
        return saying(NoDeviceFits, what)
    machine = Machine(devices)
    nearest = closest(wanted, machine)
    kinds: dict[Unfit | Obstacle, type[AliquotError]] = {
        Unfit.ABSENT: DeviceLost,
        Unfit.MODE: DeviceNotOffered,
        Unfit.SIMULATED: NoDeviceFits,
        Obstacle.RULE: NoDeviceFits,
        Obstacle.DEVICE_MEMORY: MemoryUnavailable,
        Obstacle.SHARE: ShareUnavailable,
    }
    if wanted.memory is not None and wanted.memory > devices[nearest].memory:
        kinds[Obstacle.DEVICE_MEMORY] = QuotaAboveDevice
    hindered = machine.obstacles(wanted, nearest)
    return saying(next((kinds[one] for one in hindered if one in kinds), NoDeviceFits), what)


def _left(view: View, node: str, wanted: Demand) -> list[DeviceView]:
    """The devices without what is kept for those who wait, in few queries where nobody does."""
    if queue.counted(view):
        return next_round(view, node, leaving_out=wanted.id).devices
    return devices_for(view, node, wanted)
