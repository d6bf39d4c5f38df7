"""vGPUs that live on: making, finding and listing them. lifecycle.py changes them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, bindparam, func, insert, select

from aliquot.errors import BadName, BadSpec, NameTaken, NoSuchVgpu
from aliquot.model.lifecycle import VgpuState
from aliquot.model.shares import MOST_WEIGHT, WHOLE
from aliquot.model.vgpu import MODE_REMOTING
from aliquot.model.vgpu_record import (
    LABEL_KEY,
    LABEL_VALUE,
    MOST_LABELS,
    NAME,
    VgpuRecord,
    VgpuSpec,
    VgpuStatus,
)
from aliquot.model.why import Why
from aliquot.store import codec, reservations, tables
from aliquot.store.change import Change, View
from aliquot.store.tables import labels, vgpus
from aliquot.store.words import clean
from aliquot.words.refusals import refusal

MOST_LISTED = 10_000
_AT_ONCE = 500
_ADD = insert(vgpus)
_ADD_LABELS = insert(labels)
_OF_ID = select(vgpus).where(vgpus.c.id == bindparam("vgpu"))
_LIVING = select(vgpus).where(
    vgpus.c.tenant == bindparam("of"),
    vgpus.c.name == bindparam("called"),
    vgpus.c.deleted_ms.is_(None),
)


class Filter(NamedTuple):
    """Which vGPUs to list; what is None or empty doesn't matter. Deleted ones only when asked."""

    tenant: str | None = None
    node: str | None = None
    device: str | None = None
    group: str | None = None
    states: frozenset[VgpuState] = frozenset()
    waiting: bool = False  # in the queue
    preempted: bool = False  # suspended for a higher class
    labels: dict[str, str] | None = None
    name: str | None = None


def create(
    change: Change,
    name: str,
    tenant: str,
    spec: VgpuSpec,
    *,
    device: str | None = None,
    group: str | None = None,
    key: str | None = None,
    set_aside: int | None = None,
) -> VgpuRecord:
    """Make a pending vGPU and, where `device` is given, reserve its place there.

    `set_aside` is what of the device's memory it reserves, where that isn't its own. `key` is the
    id of one that is somewhere already and that the state has forgotten.
    Raises NameTaken, BadName, BadSpec, MemoryUnavailable, ShareUnavailable; then nothing is made.
    """
    if not NAME.fullmatch(name):
        raise BadName(f"{name[:70]!r} is no name for a vGPU")
    check(spec)
    if found(change, name, tenant) is not None:
        raise NameTaken(f"there is a vGPU {name!r} of {tenant!r}")
    made = VgpuRecord(
        id=key or change.new_id(),
        name=name,
        tenant=clean(tenant),
        node=change.node,
        group=group,
        state=VgpuState.PENDING,
        reason="",
        reason_code="",
        failed_from=None,
        generation=1,
        spec=spec,
        status=VgpuStatus(device=device),
        created_ms=change.now_ms,
        changed_ms=change.now_ms,
    )
    change.connection.execute(_ADD, columns(made))
    put_labels(change, made.id, spec)
    if device is not None:
        memory = spec.memory if set_aside is None else set_aside
        reservations.reserve(change, made.id, device, memory, spec.shares.guarantee)
    change.tell(
        "vgpu.pending", made.id, tenant, name=name, device=device, group=group, generation=1
    )
    change.note("vgpu.spec", made.id, generation=1, spec=codec.plain(spec))
    return made


def get(view: View, vgpu: str) -> VgpuRecord:
    """The vGPU of an id, deleted ones that are still kept included; raises NoSuchVgpu."""
    row = view.connection.execute(_OF_ID, {"vgpu": vgpu}).one_or_none()
    if row is None:
        raise refusal(NoSuchVgpu, Why.NO_VGPU, vgpu=vgpu[:40])
    return _record(row)


def found(view: View, name: str, tenant: str) -> VgpuRecord | None:
    """The living vGPU of a name among a tenant's, or None."""
    row = view.connection.execute(_LIVING, {"of": tenant, "called": name}).one_or_none()
    return None if row is None else _record(row)


def listed(
    view: View,
    which: Filter = Filter(),  # noqa: B008 - a constant
    *,
    after: str = "",
    limit: int = MOST_LISTED,
) -> list[VgpuRecord]:
    """vGPUs in the order of their ids, those after the id `after`, so that pages never overlap."""
    statement = select(vgpus).where(vgpus.c.id > after, *_conditions(which))
    rows = view.connection.execute(statement.order_by(vgpus.c.id).limit(limit))
    return [_record(row) for row in rows]


def placed(view: View, node: str) -> dict[str, list[VgpuRecord]]:
    """The vGPUs that have a place on a node's devices, by the device's UUID, oldest first."""
    place = tables.reservations.c
    statement = (
        select(place.device_uuid, *vgpus.c)
        .join(tables.reservations, place.vgpu_id == vgpus.c.id)
        .where(vgpus.c.node == node)
        .order_by(vgpus.c.id)
    )
    found: dict[str, list[VgpuRecord]] = {}
    for row in view.connection.execute(statement):
        fields = tuple(row)
        found.setdefault(fields[0], []).append(record(fields[1:]))
    return found


def counted(view: View, tenant: str) -> int:
    """How many living vGPUs a tenant has, on all nodes."""
    living = vgpus.c.deleted_ms.is_(None)
    statement = select(func.count()).select_from(vgpus).where(vgpus.c.tenant == tenant, living)
    return view.connection.execute(statement).scalar_one()


def names(view: View, ids: Collection[str]) -> dict[str, str]:
    """The names of vGPUs by their ids, as far as they are kept."""
    ordered = sorted(ids)
    found: dict[str, str] = {}
    for begin in range(0, len(ordered), _AT_ONCE):
        some = ordered[begin : begin + _AT_ONCE]
        rows = view.connection.execute(select(vgpus.c.id, vgpus.c.name).where(vgpus.c.id.in_(some)))
        found.update((row.id, row.name) for row in rows)
    return found


def expired(view: View) -> list[VgpuRecord]:
    """Living vGPUs whose time is over; see clock.py for when to believe that."""
    rows = view.connection.execute(
        select(vgpus).where(vgpus.c.expires_ms <= view.now_ms, vgpus.c.deleted_ms.is_(None))
    )
    return [_record(row) for row in rows]


def check(spec: VgpuSpec) -> None:
    """Raise BadSpec for what no vGPU can be."""
    shares = spec.shares
    # Of hardware nobody may tell how much memory it has.
    least = 1 if spec.mode == MODE_REMOTING else 0
    if not least <= spec.memory < 1 << 63:
        raise BadSpec(f"its memory is not above {least - 1}")
    if not 0 <= shares.guarantee <= shares.limit <= WHOLE or not 1 <= shares.weight <= MOST_WEIGHT:
        raise BadSpec("its shares are out of their bounds")
    if len(spec.labels) > MOST_LABELS:
        raise BadSpec(f"it has {len(spec.labels)} labels")
    for key, value in spec.labels.items():
        if not LABEL_KEY.fullmatch(key) or not LABEL_VALUE.fullmatch(value):
            raise BadSpec(f"its label {key[:70]!r} or the value of it is not allowed")


def put_labels(change: Change, vgpu: str, spec: VgpuSpec) -> None:
    """The labels, where the database can select by them."""
    if spec.labels:
        change.connection.execute(
            _ADD_LABELS,
            [{"vgpu_id": vgpu, "key": key, "value": word} for key, word in spec.labels.items()],
        )


def _conditions(which: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if which.tenant is not None:
        found.append(vgpus.c.tenant == which.tenant)
    if which.node is not None:
        found.append(vgpus.c.node == which.node)
    if which.name is not None:
        found.append(vgpus.c.name == which.name)
    if which.group is not None:
        found.append(vgpus.c.group_id == which.group)
    if which.states:
        found.append(vgpus.c.state.in_(sorted(which.states)))
    else:
        found.append(vgpus.c.deleted_ms.is_(None))
    if which.device is not None:
        reserved = tables.reservations.c
        found.append(
            vgpus.c.id.in_(select(reserved.vgpu_id).where(reserved.device_uuid == which.device))
        )
    if which.preempted:
        # As it is written; no label has quotes. Few are, and this reads no spec of the others.
        found.append(vgpus.c.spec.contains('"preempted":true', autoescape=True))
    if which.waiting:
        found.append(vgpus.c.id.in_(select(tables.queue.c.vgpu_id)))
    for key, value in (which.labels or {}).items():
        labelled = select(labels.c.vgpu_id).where(labels.c.key == key, labels.c.value == value)
        found.append(vgpus.c.id.in_(labelled))
    return found


def columns(vgpu: VgpuRecord) -> dict[str, Any]:
    """The row of a vGPU, by the names of the table's columns."""
    return {
        "id": vgpu.id,
        "name": vgpu.name,
        "tenant": vgpu.tenant,
        "node": vgpu.node,
        "group_id": vgpu.group,
        "state": vgpu.state.value,
        "reason": vgpu.reason,
        "reason_code": vgpu.reason_code,
        "failed_from": vgpu.failed_from,
        "generation": vgpu.generation,
        "spec": codec.written(vgpu.spec),
        "status": codec.written(vgpu.status),
        "expires_ms": vgpu.spec.expires_ms,
        "created_ms": vgpu.created_ms,
        "changed_ms": vgpu.changed_ms,
        "deleted_ms": vgpu.deleted_ms,
        "apart": vgpu.spec.apart,
        "reason_lines": codec.written(vgpu.reason_lines) if vgpu.reason_lines else "",
    }


def _record(row: Row[Any]) -> VgpuRecord:
    return record(tuple(row))


def record(fields: tuple[Any, ...]) -> VgpuRecord:
    """The vGPU that a row of the table is: by place and not by name, since lists are long."""
    (key, name, tenant, node, group, state, reason, code, failed_from, generation) = fields[:10]
    (spec, status, _, created_ms, changed_ms, deleted_ms, _, lines) = fields[10:18]
    return VgpuRecord(
        id=key,
        name=name,
        tenant=tenant,
        node=node,
        group=group,
        state=VgpuState(state),
        reason=reason,
        reason_code=code,
        failed_from=VgpuState(failed_from) if failed_from else None,
        generation=generation,
        spec=codec.read_spec(spec),
        status=codec.read_status(status),
        created_ms=created_ms,
        changed_ms=changed_ms,
        deleted_ms=deleted_ms,
        reason_lines=codec.read_lines(lines) if lines else (),
    )
