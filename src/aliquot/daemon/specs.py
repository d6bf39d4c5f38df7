"""What a caller wants, made into what is kept: the spec of a vGPU, new or changed."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from aliquot.client.records import VgpuFlag
from aliquot.daemon.choosing import line_of
from aliquot.daemon.views import ALL_MEMORY
from aliquot.errors import BadSpec, ImpossibleShare, NotResizable
from aliquot.model.api.vgpus import VgpuChange, VgpuWanted
from aliquot.model.copies import LEAST_COPY_LIMIT
from aliquot.model.device import DEVICE_TYPES
from aliquot.model.lifecycle import Wanted
from aliquot.model.shares import WHOLE, PriorityClass, Shares
from aliquot.model.vgpu import MODE_REMOTING
from aliquot.model.vgpu_record import VgpuSpec
from aliquot.model.why import Why
from aliquot.shares import checked
from aliquot.store import View, profiles
from aliquot.words.refusals import refusal


def spec_of(view: View, wanted: VgpuWanted, node: str) -> VgpuSpec:
    """The spec of a new vGPU; its memory is ALL_MEMORY where nobody says how much.

    Raises NoSuchEntry for a profile, UnknownDevice, AmbiguousDevice, ImpossibleShare, BadSpec.
    """
    if wanted.type is not None:
        raise refusal(BadSpec, Why.MODE_NO_TYPE, mode=MODE_REMOTING)
    if wanted.rom is not None or wanted.force:
        raise refusal(BadSpec, Why.ONLY_PASSTHROUGH)
    profile = profiles.get(view, wanted.profile) if wanted.profile else None
    usual = profile.shares if profile else Shares()
    memory = wanted.memory or (profile.memory if profile else ALL_MEMORY)
    if wanted.memory == ALL_MEMORY:
        raise refusal(BadSpec, Why.ONE_BYTE)
    flags = VgpuFlag(0)
    if wanted.staged:
        flags |= VgpuFlag.STAGED
    if wanted.strict_sync:
        flags |= VgpuFlag.STRICT_SYNC
    if wanted.no_split:
        flags |= VgpuFlag.NO_SPLIT
    shares = _shares(
        usual,
        {
            "guarantee": wanted.compute,
            "limit": wanted.compute_limit,
            "weight": wanted.weight,
            "priority": wanted.priority,
        },
    )
    return VgpuSpec(
        memory=memory,
        shares=shares,
        copy_limit=_copy_limit(wanted.copy_limit),
        kernel_limit_ms=wanted.kernel_limit_ms,
        mode=MODE_REMOTING,
        movable=wanted.movable,
        device=line_of(view, node, wanted.device).uuid if wanted.device is not None else None,
        placement=wanted.placement,
        apart=wanted.apart,
        profile=wanted.profile,
        labels=wanted.labels,
        expires_ms=None if wanted.ttl_ms is None else view.now_ms + wanted.ttl_ms,
        preemptible=_preemptible(wanted.preemptible, shares),
        ephemeral=wanted.ephemeral,
        flags=int(flags),
        device_type=DEVICE_TYPES[wanted.device_type] if wanted.device_type else 0,
    )


class Carrier(NamedTuple):
    """A vGPU on whose partition another is made, by its id, and the device that that is."""

    vgpu: str
    device: str


def on_partition(spec: VgpuSpec, carrier: Carrier | None) -> VgpuSpec:
    """The spec of one that is on a vGPU's partition, where there is such a vGPU; raises BadSpec."""
    if carrier is None:
        return spec
    if spec.device is not None:
        raise refusal(BadSpec, Why.OTHER_DEVICE)
    if spec.movable:
        raise refusal(BadSpec, Why.STAYS_ON_PARTITION)
    return msgspec.structs.replace(spec, on=carrier.vgpu, device=carrier.device)


def changed(view: View, spec: VgpuSpec, change: VgpuChange) -> VgpuSpec:
    """The spec with what is to change; raises NotResizable where hardware has cut it."""
    if spec.mode != MODE_REMOTING and _sizes(change):
        raise refusal(NotResizable, Why.CUT_ONCE, mode=spec.mode)
    shares = _shares(
        spec.shares,
        {
            "guarantee": change.compute,
            "limit": change.compute_limit,
            "weight": change.weight,
            "priority": change.priority,
        },
    )
    more: dict[str, Any] = {}
    if change.memory is not UNSET:
        more["memory"] = change.memory
    if change.copy_limit is not UNSET:
        more["copy_limit"] = _copy_limit(change.copy_limit)
    if change.labels is not UNSET:
        more["labels"] = change.labels
    if change.ttl_ms is not UNSET:
        more["expires_ms"] = None if change.ttl_ms is None else view.now_ms + change.ttl_ms
    preemptible = spec.preemptible if change.preemptible is UNSET else change.preemptible
    return msgspec.structs.replace(
        spec, shares=shares, preemptible=_preemptible(preemptible, shares), **more
    )


def with_wanted(spec: VgpuSpec, wanted: Wanted, *, release: bool = False) -> VgpuSpec:
    """The spec with another desired state, by its owner's word."""
    return msgspec.structs.replace(spec, wanted=wanted, release=release, preempted=False)


def _sizes(change: VgpuChange) -> bool:
    """Whether more than labels and the time of its end is to change."""
    sizes = (change.memory, change.compute, change.compute_limit, change.weight, change.priority)
    return any(one is not UNSET for one in (*sizes, change.copy_limit, change.preemptible))


def _shares(usual: Shares, given: dict[str, Any]) -> Shares:
    """Shares in percent as device hosts count them, in hundredths; what isn't given stays."""
    values: dict[str, Any] = {k: v for k, v in given.items() if v is not None and v is not UNSET}
    for share in ("guarantee", "limit"):
        if share in values:
            values[share] = round(values[share] * 100)
    if "limit" in values and not 0 < values["limit"] <= WHOLE:
        raise refusal(ImpossibleShare, Why.LIMIT_OF_NOTHING)
    if "priority" in values:
        values["priority"] = PriorityClass[values["priority"].upper()]
    return checked(usual._replace(**values))


def _copy_limit(limit: int) -> int:
    if 0 < limit < LEAST_COPY_LIMIT:
        raise refusal(ImpossibleShare, Why.COPY_LIMIT_LOW, limit=limit, least=LEAST_COPY_LIMIT)
    return limit


def _preemptible(wanted: bool, shares: Shares) -> bool:
    if wanted and shares.priority is not PriorityClass.BATCH:
        raise refusal(BadSpec, Why.NOT_BATCH)
    return wanted
