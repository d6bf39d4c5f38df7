"""Groups: vGPUs for one job. All of them get a place, or none is made."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec

from aliquot import words
from aliquot.daemon import access, specs
from aliquot.daemon.caller import Caller
from aliquot.daemon.core import Core
from aliquot.daemon.limits import must_be_within, must_have_room
from aliquot.daemon.queue import enter
from aliquot.daemon.reconciler import Reconciler
from aliquot.daemon.resources import vgpu_resources
from aliquot.daemon.serving import next_round
from aliquot.daemon.views import demand
from aliquot.daemon.wished_mode import wished_mode
from aliquot.errors import (
    AliquotError,
    BadGroup,
    DeviceHostUnreachable,
    GroupDoesNotFit,
    InternalError,
    NoSuchEntry,
    NotInThisMode,
    SizeNeeded,
    StateError,
)
from aliquot.model.api.vgpus import GroupPage, GroupResource, GroupWanted
from aliquot.model.lifecycle import Wanted
from aliquot.model.modes import Mode
from aliquot.model.vgpu_record import Group, VgpuSpec
from aliquot.model.why import Why
from aliquot.placement import Demand, DeviceView, assign, misfit, why_not
from aliquot.placement.engine.quotas import Quota
from aliquot.store import Change, View, groups, idempotency, vgpus
from aliquot.store.groups import members
from aliquot.words.refusals import refusal

# After these a member may yet become ready; after all else its device host has refused it.
_PASSING = (DeviceHostUnreachable, InternalError, StateError)


class Groups:
    """vGPUs that are made, placed and deleted together."""

    def __init__(self, core: Core, reconciler: Reconciler) -> None:
        """Work with these."""
        self._core = core
        self._reconciler = reconciler

    def create(
        self, caller: Caller, wanted: GroupWanted, *, idempotency_key: str | None = None
    ) -> GroupResource:
        """Make a group with all of its members, or let all of them wait, or make none.

        It waits where every member would. Raises BadGroup, NameTaken, SizeNeeded, QueueFull, or
        GroupDoesNotFit with the first member for which there is no room beside those before it.
        """
        access.must_be_user(caller)
        tenant = access.tenant_for(caller, _checked(wanted))
        request: dict[str, Any] = {"kind": "GroupWanted", "body": msgspec.to_builtins(wanted)}
        with self._core.store.change(caller.actor) as change:
            if idempotency_key is not None:
                before = idempotency.answer(change, caller.tenant, idempotency_key, request)
                if before is not None:
                    return self._resource(change, groups.get(change, before["group"]))
            quota, members_wanted = self._core.quota, len(wanted.vgpus)
            left = must_have_room(change, caller, tenant, quota, members_wanted)
            group = make(change, tenant, wanted, left)
            if idempotency_key is not None:
                answer = {"group": group.id}
                idempotency.remember(change, caller.tenant, idempotency_key, request, answer)
        try:
            self._bring(group)
        except AliquotError:
            with suppress(AliquotError):
                with self._core.store.change(caller.actor) as change:
                    groups.want(change, group.id, Wanted.DELETED)
                    if idempotency_key is not None:
                        idempotency.forget(change, caller.tenant, idempotency_key)
                self._bring(group)
            raise
        return self._shown(group)

    def list(self, caller: Caller) -> GroupPage:
        """All groups that have members, and that the caller may see."""
        with self._core.store.look() as view:
            tenant = None if caller.is_admin else caller.tenant
            found = [self._resource(view, group) for group in groups.listed(view, tenant)]
        return GroupPage(items=[group for group in found if group.vgpus])

    def show(self, caller: Caller, group: str) -> GroupResource:
        """A group by its id, its name, or `tenant:name`; raises NoSuchEntry."""
        with self._core.store.look() as view:
            return self._resource(view, group_of(view, caller, group))

    def delete(self, caller: Caller, group: str) -> GroupResource:
        """End all members, whoever uses them; returns those that are not gone yet."""
        access.must_be_user(caller)
        with self._core.store.change(caller.actor) as change:
            found = group_of(change, caller, group)
            groups.want(change, found.id, Wanted.DELETED)
        self._bring(found)
        return self._shown(found)

    def _bring(self, group: Group) -> None:
        """Make the members what they are wanted to be, as far as that can be now."""
        with self._core.store.look() as view:
            ids = [kept.id for kept in members(view, group.id)]
        for vgpu in ids:
            with suppress(*_PASSING):
                self._reconciler.bring(vgpu)

    def _shown(self, group: Group) -> GroupResource:
        with self._core.store.look() as view:
            return self._resource(view, group)

    def _resource(self, view: View, group: Group) -> GroupResource:
        living = vgpu_resources(view, members(view, group.id), self._core.usages)
        return GroupResource(
            id=group.id,
            name=group.name,
            tenant=group.tenant,
            created_ms=group.created_ms,
            vgpus=living,
        )


def make(change: Change, tenant: str, wanted: GroupWanted, left: Quota) -> Group:
    """Make a group with its members, each with a place or all in the queue; or raise why not.

    `left` is what its tenant may have beside what it has.
    """
    for member in wanted.vgpus:
        if member.on is not None:
            raise BadGroup(f"member {member.name!r} is to be on the partition of another vGPU")
        mode = wished_mode(change, member, change.node).mode
        if mode is not None and mode is not Mode.REMOTING:
            raise refusal(NotInThisMode, Why.MODE_NO_GROUP, mode=mode.value)
    group = groups.create(change, wanted.name, tenant)
    kept = [
        msgspec.structs.replace(
            specs.spec_of(change, member, change.node), own_device=wanted.spread
        )
        for member in wanted.vgpus
    ]
    demands = [_demand(spec, tenant, group, at, left) for at, spec in enumerate(kept)]
    must_be_within(
        left,
        sum(one.memory or 1 for one in demands),
        sum(one.guarantee for one in demands),
    )
    if not wanted.spread and any(one.memory is None for one in demands):
        raise SizeNeeded(f"members of group {wanted.name!r} share devices, and one has no size")
    devices = next_round(change, change.node).devices
    found = assign(demands, devices, spread=wanted.spread)
    waits = [member.wait_ms for member in wanted.vgpus if member.wait_ms is not None]
    if found.choices is not None:  # of those without a size this is known only now
        must_be_within(left, sum(one.memory for one in found.choices), 0)
    if found.choices is None and not waits:
        raise _refusal(wanted, demands, devices)
    for at, (member, spec) in enumerate(zip(wanted.vgpus, kept, strict=True)):
        if found.choices is not None:
            device, memory, _ = found.choices[at]
            spec = msgspec.structs.replace(spec, memory=memory)
            vgpus.create(change, member.name, tenant, spec, device=device.uuid, group=group.id)
        else:
            made = vgpus.create(change, member.name, tenant, spec, group=group.id)
            enter(change, made, min(waits))
    return group


def group_of(view: View, caller: Caller, reference: str) -> Group:
    """The group of an id, a name, or `tenant:name`; another's is as none to who is no admin.

    Raises NoSuchEntry.
    """
    tenant, _, name = reference.rpartition(":")
    found = groups.find(view, name, tenant or caller.tenant)
    if found is None and not tenant:
        with suppress(NoSuchEntry):
            found = groups.get(view, reference)
    if found is None or not caller.may_see(found.tenant) or not members(view, found.id):
        raise NoSuchEntry(f"there is no group {reference[:80]!r}")
    return found


def _checked(wanted: GroupWanted) -> str | None:
    """The tenant of all members; raises BadGroup."""
    names = [member.name for member in wanted.vgpus]
    if len(set(names)) < len(names):
        raise BadGroup(f"two members of group {wanted.name!r} have the same name")
    if any(member.lease is not None for member in wanted.vgpus):
        raise BadGroup(f"a member of group {wanted.name!r} is to be leased as it is made")
    if len({member.wait_ms is None for member in wanted.vgpus}) > 1:
        raise BadGroup(f"only some members of group {wanted.name!r} are to wait")
    tenants = {member.tenant for member in wanted.vgpus}
    if len(tenants) > 1:
        raise BadGroup(f"the members of group {wanted.name!r} belong to several tenants")
    return tenants.pop()


def _demand(spec: VgpuSpec, tenant: str, group: Group, at: int, left: Quota) -> Demand:
    found = demand(spec, tenant, group=group.id)
    return msgspec.structs.replace(found, name=str(at), quota=left)


def _refusal(
    wanted: GroupWanted, demands: list[Demand], devices: list[DeviceView]
) -> GroupDoesNotFit:
    """Which member is the first without a place, and why."""
    first = misfit(demands, devices, spread=wanted.spread)
    if first is None:
        return GroupDoesNotFit(f"no places were found for all of group {wanted.name!r}")
    member = wanted.vgpus[first].name
    alone = assign(demands[first : first + 1], devices, spread=wanted.spread)
    if alone.choices is None:
        why = words.english(why_not(demands[first], devices))
    elif wanted.spread:
        why = f"alone it fits, but not on a device of its own beside the {first} before it"
    else:
        why = f"alone it fits, but not beside the {first} before it"
    return GroupDoesNotFit(f"there is no room for member {member!r}: {why}")
