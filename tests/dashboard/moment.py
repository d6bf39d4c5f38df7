"""A moment that stands still: all that a daemon would answer the page, of made-up devices.

The answers are made of the model's own types and laid out by the diagram's own code, so they can't
come to differ from a daemon's in form. Nothing in them depends on when and where they are made.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from aliquot import words
from aliquot.diagram.arrange import arrange
from aliquot.diagram.scene import Choice, Grouping, Scene
from aliquot.diagram.slots import Slots
from aliquot.model.access_token import Role
from aliquot.model.api.devices import (
    DevicePage,
    DeviceResource,
    PolicyResource,
    SeriesPointResource,
    SeriesResource,
    TurnResource,
    TurnsResource,
)
from aliquot.model.api.leases import (
    LeasePage,
    LeaseResource,
    ReceiptPage,
    ReceiptResource,
    RunningReceipt,
)
from aliquot.model.api.node import EventPage, EventResource, NodeResource, Whoami
from aliquot.model.api.picture import Picture
from aliquot.model.api.processes import VgpuProcesses
from aliquot.model.api.vgpus import Plan, ProfilePage, ProfileResource, VgpuPage, VgpuResource
from aliquot.model.lease import LeaseKind
from aliquot.model.lifecycle import VgpuState
from aliquot.model.modes import Mode
from aliquot.model.receipt import Parts, Receipt, Spending
from aliquot.model.why import Why, because
from tests.fakes.scenes import (
    GIB,
    command_queue,
    device,
    guest_process,
    lease,
    processes,
    scene,
    vgpu,
)

NOW_MS = 1_800_000_000_000
TENANT = "ada"
_SECOND = 1_000_000_000
_NOW_NS = 5000 * _SECOND
_SERIES_SECONDS = 180
_TURN_NS = 5_000_000
_SEQUENCE = 512

_SHARED = device(
    0,
    name="NVIDIA GeForce RTX 3090",
    can=(Mode.REMOTING, Mode.PASSTHROUGH),
    policy=PolicyResource(turn_ms=2),
    measured={"busy": 94.0, "power": 287.0, "temperature": 71.0},
)
_CUT = device(
    1,
    name="NVIDIA A100-SXM4-80GB",
    memory=80 * GIB,
    free_memory=80 * GIB,
    can=(Mode.REMOTING, Mode.PASSTHROUGH, Mode.MDEV, Mode.MIG),
    measured={"busy": 61.5, "power": 240.0, "temperature": 58.0},
)
_LOST = device(2, name="AMD Radeon RX 6800", present=False, facts={"modes": []})
_PLANNED = device(
    3,
    node="planned",
    name="NVIDIA H100-SXM5-80GB",
    memory=80 * GIB,
    free_memory=80 * GIB,
    simulated=True,
    can=(Mode.REMOTING, Mode.MIG),
    measured={"busy": 60.0},
)

SHARED = _SHARED.uuid
TRAIN = f"{1:032x}"


def _used(had: float, copied: float = 0.0, debt: float = 0.0) -> dict[str, Any]:
    return {
        "state": VgpuState.LEASED,
        "leases": 1,
        "worker_process_id": 4700,
        "measured": {"consumed": had, "copied": copied, "waiting": 100 - had, "debt": debt},
    }


_VGPUS = [
    vgpu(1, _SHARED, name="train", tenant=TENANT, memory=8 * GIB, memory_used=6 * GIB, compute=50.0,
         labels={"project": "vision"}, **_used(48.9, 1.2e9, 3.5)),
    vgpu(2, _SHARED, name="notebook", tenant=TENANT, memory=6 * GIB, memory_used=GIB, compute=25.0,
         compute_limit=60.0, priority="latency", **_used(31.0)),
    vgpu(3, _SHARED, name="nightly", tenant="bob", memory=5 * GIB, memory_used=3 * GIB, compute=0.0,
         weight=2, priority="batch", **_used(14.1, 0.0, 42.0)),
    vgpu(4, _SHARED, name="spare", tenant=TENANT, memory=4 * GIB, compute=10.0),
    vgpu(5, _CUT, name="slice-2g", tenant="bob", mode="mig", memory=20 * GIB, memory_used=12 * GIB,
         compute=28.0, **_used(20.0)),
    vgpu(6, _CUT, name="desk-7", tenant="carol", mode="mdev", memory=20 * GIB, memory_used=3 * GIB,
         compute=20.0, **_used(11.5)),
    vgpu(7, _CUT, name="a-name-that-is-longer-than-any-box-is-wide", tenant=TENANT,
         memory=20 * GIB, memory_used=19 * GIB, compute=30.0, **_used(30.0, 3.4e8) | {"leases": 3}),
    vgpu(8, _CUT, name="broken", tenant=TENANT, memory=8 * GIB, compute=5.0,
         state=VgpuState.FAILED, reason="the worker ended (signal 11)", reason_code="ALQ-E110"),
    *(vgpu(20 + one, _PLANNED, name=f"planned-{one}", tenant="simulated", memory=6 * GIB,
           compute=8.0) for one in range(12)),
    vgpu(40, None, name="later", tenant=TENANT, memory=30 * GIB, queue_position=1,
         state=VgpuState.PENDING),
    vgpu(41, None, name="much-later", tenant="bob", memory=70 * GIB, queue_position=2,
         state=VgpuState.PENDING),
]  # fmt: skip
_LEASES = [
    lease(_VGPUS[0], 1, holder="train.py", since_ms=NOW_MS - 3_600_000),
    lease(_VGPUS[1], 2, holder="jupyter", kind=LeaseKind.CONTAINER, enforced=True),
    lease(_VGPUS[2], 3, holder="python3"),
    lease(_VGPUS[4], 4, holder="build-01", kind=LeaseKind.VM),
    lease(_VGPUS[5], 5, holder="carol", kind=LeaseKind.DESKTOP),
    *(lease(_VGPUS[6], 6 + one, holder=f"rank-{one}") for one in range(3)),
]
_ALL = scene([_SHARED, _CUT, _LOST, _PLANNED], _VGPUS, _LEASES, stale=frozenset({_CUT.uuid}))
_PROFILES = [
    ProfileResource(
        name=name,
        memory=memory * GIB,
        compute=compute,
        compute_limit=100.0,
        weight=1,
        priority="normal",
        description="",
        generation=1,
    )
    for name, memory, compute in (("small", 2, 5.0), ("large", 16, 50.0))
]


class Moment:
    """What the daemon answers to whom: to an administrator, or to a tenant who sees only theirs."""

    def __init__(self, tenant: str | None = None) -> None:
        """To this tenant; None: to an administrator."""
        self._tenant = tenant
        self._vgpus = [one for one in _VGPUS if tenant in (None, one.tenant)]
        ids = {one.id for one in self._vgpus}
        self._leases = [one for one in _LEASES if one.vgpu in ids]
        self._looks = itertools.count(1)

    def answer(self, path: str, query: Mapping[str, str]) -> object:
        """The resource at a path of the API; raises LookupError where there is none."""
        match path.strip("/").split("/"):
            case ["whoami"]:
                role = Role.ADMIN if self._tenant is None else Role.USER
                return Whoami(tenant=self._tenant or "lab", role=role, scope=[])
            case ["diagram"]:
                return self._picture(query)
            case ["profiles"]:
                return ProfilePage(items=_PROFILES)
            case ["devices"]:
                return DevicePage(items=list(_ALL.devices), sequence=_SEQUENCE)
            case ["devices", uuid]:
                return _device(uuid)
            case ["devices", uuid, "turns"]:
                return self._turns(uuid)
            case ["devices", uuid, "series"]:
                return _series(uuid, query, {"busy": _device(uuid).measured.get("busy", 0.0)})
            case ["vgpus"]:
                on_it = [one for one in self._vgpus if query.get("device") in (None, one.device)]
                return VgpuPage(items=on_it, sequence=_SEQUENCE)
            case ["vgpus", name]:
                return self._vgpu(name)
            case ["vgpus", name, "processes"]:
                return _processes(self._vgpu(name))
            case ["vgpus", name, "series"]:
                one = self._vgpu(name)
                return _series(name, query, {"granted": one.compute, **one.measured})
            case ["vgpus", name, "receipt"]:
                return self._running(self._vgpu(name))
            case ["leases"]:
                held = [one for one in self._leases if query.get("vgpu") in (None, one.vgpu)]
                return LeasePage(items=held)
            case ["receipts"]:
                return ReceiptPage(items=[_receipt(one) for one in self._leases[:2]])
            case ["node"]:
                return _node()
            case ["events"]:
                return EventPage(items=_events(), sequence=_SEQUENCE)
            case ["plans"]:
                return _plan()
            case _:
                raise LookupError(path)

    def _picture(self, query: Mapping[str, str]) -> Picture:
        shown = Scene(
            _ALL.node,
            NOW_MS,
            _SEQUENCE,
            _ALL.devices,
            self._vgpus,
            {one.id: [held for held in self._leases if held.vgpu == one.id] for one in self._vgpus},
            _ALL.stale,
        )
        if (chosen := query.get("vgpu")) is not None:
            shown = shown._replace(processes=_processes(self._vgpu(chosen)))
            return arrange(shown, Choice(vgpu=chosen), Slots())
        grouping = Grouping(query.get("group", "node"))
        return arrange(shown, Choice(grouping, device=query.get("device")), Slots())

    def _vgpu(self, name: str) -> VgpuResource:
        return next(one for one in self._vgpus if one.id == name)

    def _running(self, of: VgpuResource) -> RunningReceipt:
        """At each look a second later, in which always the same was done."""
        parts = {"kernels_ns": 55, "copies_ns": 12, "others_ns": 18, "syncs_ns": 4}
        received = dict.fromkeys(Receipt._fields, 0) | {"alive_ns": 100} | parts
        passed = next(self._looks) * _SECOND // 100
        return RunningReceipt(
            vgpu=of.id,
            vgpu_name=of.name,
            promise={},
            received={name: part * passed for name, part in received.items()},
        )

    def _turns(self, uuid: str) -> TurnsResource:
        """Turns of those who compute, one after another, each as long as its share."""
        using = [one for one in _VGPUS if one.device == uuid and "consumed" in one.measured]
        own = {one.id for one in self._vgpus}
        turns: list[TurnResource] = []
        at = _NOW_NS - 11 * _SECOND
        while at < _NOW_NS and using:
            for one in using:
                end = at + round(_TURN_NS * one.measured["consumed"] / 10)
                whose = one.id if one.id in own else ""
                turns.append(
                    TurnResource(vgpu=whose, began_ns=at, ended_ns=end, charged_ns=end - at)
                )
                at = end
            at += _TURN_NS // 2
        return TurnsResource(device=uuid, now_ns=_NOW_NS, now_ms=NOW_MS, turns=turns)


def _plan() -> Plan:
    """Why the larger profile has no place, and what would make it one."""
    why = because(Why.MEMORY_SHORT, free=GIB, size=24 * GIB, wanted=16 * GIB)
    here = {"device": _SHARED.name, "uuid": _SHARED.uuid}
    changes = [
        because(Why.LESS_MEMORY, memory=GIB, less=15 * GIB, **here),
        because(Why.SUSPENDED, vgpu="nightly", memory=5 * GIB, **here),
    ]
    return Plan(
        fits=False,
        device=None,
        why=words.english(why),
        lines=[why],
        candidates=[],
        changes=[words.english(one) for one in changes],
        change_lines=changes,
    )


def encoded(resource: object) -> bytes:
    """As the API writes it."""
    return msgspec.json.encode(resource)


def _processes(of: VgpuResource) -> VgpuProcesses:
    """Two processes: one with queues of both kinds, and one that does nothing."""
    loading = command_queue(2, in_order=False, outstanding=41, oldest_ns=890_000_000, share=12.5)
    busy = [command_queue(1, share=70.0), loading]
    idle = command_queue(1, outstanding=0, oldest_ns=0, share=17.5)
    return processes(of, [guest_process(1, busy), guest_process(2, [idle], name="evaluate.py")])


def _device(uuid: str) -> DeviceResource:
    return next(one for one in _ALL.devices if one.uuid == uuid)


def _series(subject: str, query: Mapping[str, str], means: Mapping[str, float]) -> SeriesResource:
    """Each metric goes up and down around its mean, by a fifth of it, in twenty seconds."""
    step = int(query.get("step_seconds", 1))
    since, until = (int(query.get(name, NOW_MS)) for name in ("since_ms", "until_ms"))
    points: list[SeriesPointResource] = []
    for at in range(-_SERIES_SECONDS, 1, step) if "consumed" in means or "busy" in means else ():
        at_ms = NOW_MS + 1000 * at
        if since <= at_ms <= until:
            swing = 1 + (abs(at % 20 - 10) - 5) / 25
            values = {
                name: _spread(mean if name == "granted" else mean * swing)
                for name, mean in means.items()
            }
            points.append(SeriesPointResource(at_ms=at_ms, values=values))
    return SeriesResource(subject=subject, step_seconds=step, points=points)


def _spread(value: float) -> tuple[float, float, float]:
    return value, value, value


def _receipt(of: LeaseResource) -> ReceiptResource:
    wall = 90 * _SECOND
    shares = (42, 24, 4, 8, 3, 2, 5, 1, 9, 2)
    spending = Spending(wall, Parts(*(wall * share // 100 for share in shares)), Receipt())
    return ReceiptResource(
        id=of.id,
        vgpu=of.vgpu,
        vgpu_name=of.vgpu_name,
        tenant=of.tenant,
        lease=of.id,
        began_ms=NOW_MS - 100_000,
        ended_ms=NOW_MS - 10_000,
        promise={},
        spending=spending.as_dict(),
    )


def _node() -> NodeResource:
    return NodeResource(
        name=_ALL.node,
        version="0",
        process_id=1,
        user_id=0,
        started_ms=NOW_MS - 86_400_000,
        state_location="",
        devices=len(_ALL.devices),
        vgpus=len(_VGPUS),
        leases=len(_LEASES),
        waiting=2,
        sequence=_SEQUENCE,
        problems=[],
    )


def _events() -> list[EventResource]:
    told: Sequence[tuple[int, str]] = ((-7200, "vgpu.pending"), (-3600, "lease.begun"))
    return [
        EventResource(
            sequence=_SEQUENCE - 2 + number,
            at_ms=NOW_MS + 1000 * seconds,
            node=_ALL.node,
            kind=kind,
            subject=TRAIN,
            tenant=TENANT,
            body={},
        )
        for number, (seconds, kind) in enumerate(told)
    ]
