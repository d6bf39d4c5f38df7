"""How much one tenant may have, so that nobody can fill the devices for all.

A vGPU of a byte takes a slot of its device host as a large one does, and a place in every list that
the daemon goes through: so their number is bounded where nobody says otherwise, what they hold of
devices is not. What is asked for counts from the beginning, also of those that wait or have given
up their places: they come back. One that is to become smaller counts as before until it is smaller.
"""

from __future__ import annotations

import msgspec

from aliquot.daemon.caller import Caller
from aliquot.daemon.views import mix_of
from aliquot.errors import ClassNotBeside, TenantQuota, TooManyVgpus
from aliquot.model.vgpu_record import VgpuRecord, VgpuSpec
from aliquot.model.why import Why, because
from aliquot.placement.engine import Request
from aliquot.placement.engine.mix import Classes
from aliquot.placement.engine.quotas import Quota, Quotas
from aliquot.placement.explain import quota_lines
from aliquot.store import View, devices, reservations, vgpus
from aliquot.words.refusals import saying

MOST_VGPUS = 256  # of a tenant, those that wait included; administrators have no limit
USUAL = Quota(places=MOST_VGPUS)


def must_have_room(view: View, caller: Caller, tenant: str, quota: Quota, wanted: int = 1) -> Quota:
    """Raise TooManyVgpus where so many more would be too many; else tell what quota_left() does."""
    if caller.is_admin:
        return Quota()
    had = vgpus.counted(view, tenant)
    if quota.places is not None and had + wanted > quota.places:
        raise TooManyVgpus(f"{tenant!r} has {had} vGPUs, and may have {quota.places}")
    return quota_left(view, caller, tenant, quota)


def quota_left(view: View, caller: Caller, tenant: str, quota: Quota) -> Quota:
    """What of memory and guarantees a tenant may have beside what it has; None: no bound."""
    if caller.is_admin or (quota.device_memory is None and quota.share is None):
        return Quota()
    # Whoever has a quota of these has no more vGPUs than `places`: a list of them is short.
    quotas = Quotas({tenant: msgspec.structs.replace(quota, places=None)})
    for kept in vgpus.listed(view, vgpus.Filter(tenant=tenant)):
        memory, guarantee = _counted(view, kept)
        quotas.add(tenant, Request(devices=1, share=guarantee, device_memory=memory))
    return quotas.left(tenant)


def _counted(view: View, vgpu: VgpuRecord) -> tuple[int, int]:
    """The memory and guarantee that count: what is wanted, or where it still has more, that."""
    had = reservations.of_vgpu(view, vgpu.id)
    memory = max([vgpu.spec.memory, *(place.memory for place in had)])
    guarantee = max([vgpu.spec.shares.guarantee, *(place.guarantee for place in had)])
    return memory, guarantee


def must_be_within(left: Quota, memory: int, guarantee: int) -> None:
    """Raise TenantQuota where less than this is left of a quota."""
    if lines := quota_lines(left, memory, guarantee):
        raise saying(TenantQuota, *lines)


def must_allow_change(
    view: View, caller: Caller, before: VgpuRecord, after: VgpuSpec, quota: Quota
) -> None:
    """Raise TenantQuota where a vGPU is to become larger than its tenant's quota lets it."""
    had_memory, had_guarantee = _counted(view, before)
    memory = after.memory - had_memory
    guarantee = after.shares.guarantee - had_guarantee
    if caller.is_admin or (memory <= 0 and guarantee <= 0):
        return
    left = quota_left(view, caller, before.tenant, quota)
    must_be_within(left, max(0, memory), max(0, guarantee))


def must_be_beside(view: View, before: VgpuRecord, after: VgpuSpec) -> None:
    """Raise ClassNotBeside where a vGPU is to become of a class that its device's mix lets not."""
    wanted = after.shares.priority
    if wanted is before.spec.shares.priority:
        return
    for device in devices.with_place_for(view, before.id):
        if not (mix := mix_of(device)):
            continue
        classes = Classes([mix])
        for other in vgpus.listed(view, vgpus.Filter(device=device.uuid)):
            if other.id != before.id:
                classes.add(0, other.spec.shares.priority)
        if breach := classes.breach(0, wanted):
            first, second, most = breach
            told = because(Why.MIX, first=first.word, second=second.word, most=most)
            raise saying(ClassNotBeside, told)
