"""Groups: vGPUs for one job on several devices, made, placed and deleted all or none.

All or none is what a Change is; a group gives the members a name in common.
"""

from __future__ import annotations

from sqlalchemy import insert, select, update

from aliquot.errors import BadName, NameTaken, NoSuchEntry
from aliquot.model.lifecycle import Wanted
from aliquot.model.vgpu_record import NAME, Group, VgpuRecord
from aliquot.store import lifecycle, vgpus
from aliquot.store.change import Change, View
from aliquot.store.tables import groups


def create(change: Change, name: str, tenant: str) -> Group:
    """Make a group; its members are made in the same change.

    A group whose members are all deleted gives up its name.
    """
    if not NAME.fullmatch(name):
        raise BadName(f"{name[:70]!r} is no name for a group")
    if (before := find(change, name, tenant)) is not None:
        if members(change, before.id):
            raise NameTaken(f"there is a group {name!r} of {tenant!r}")
        past = f"{name}~{before.id}"  # no name that could be asked for
        change.connection.execute(update(groups).where(groups.c.id == before.id).values(name=past))
    made = Group(change.new_id(), name, tenant, change.now_ms)
    change.connection.execute(
        insert(groups).values(id=made.id, name=name, tenant=tenant, created_ms=made.created_ms)
    )
    change.tell("group.created", made.id, tenant, name=name)
    return made


def find(view: View, name: str, tenant: str) -> Group | None:
    """The group of a name among a tenant's, or None."""
    row = view.connection.execute(
        select(groups).where(groups.c.tenant == tenant, groups.c.name == name)
    ).one_or_none()
    return None if row is None else Group(*row)


def get(view: View, group: str) -> Group:
    """The group of an id; raises NoSuchEntry."""
    row = view.connection.execute(select(groups).where(groups.c.id == group)).one_or_none()
    if row is None:
        raise NoSuchEntry(f"there is no group {group[:40]!r}")
    return Group(*row)


def listed(view: View, tenant: str | None = None) -> list[Group]:
    """All groups, or a tenant's."""
    statement = select(groups).order_by(groups.c.id)
    if tenant is not None:
        statement = statement.where(groups.c.tenant == tenant)
    return [Group(*row) for row in view.connection.execute(statement)]


def members(view: View, group: str) -> list[VgpuRecord]:
    """The living vGPUs of a group."""
    return vgpus.listed(view, vgpus.Filter(group=group))


def want(change: Change, group: str, wanted: Wanted) -> list[VgpuRecord]:
    """Want the same of all members."""
    return [
        lifecycle.want(change, vgpu.id, lifecycle.with_wanted(vgpu.spec, wanted=wanted))
        for vgpu in members(change, group)
    ]
