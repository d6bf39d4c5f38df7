"""Devices, their policy and what was measured, as the API tells them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from aliquot.model.api.common import Milliseconds
from aliquot.model.shares import MOST_BESIDE

PolicyWord = Literal["best-effort", "equal-share", "fixed-share"]


class PolicyResource(msgspec.Struct, frozen=True, kw_only=True):
    """How a device's time is shared out; a turn of 0 ms is for the device host to choose."""

    policy: PolicyWord = "best-effort"
    turn_ms: Annotated[float, msgspec.Meta(ge=0, le=30)] = 0.0
    averaging: Annotated[int, msgspec.Meta(ge=1, le=60)] = 1


class PolicyWanted(PolicyResource, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy to set."""


# Of two classes: beside a vGPU of the first, of the second at most so many.
PriorityPair = Literal[
    "latency:latency",
    "latency:normal",
    "latency:batch",
    "normal:latency",
    "normal:normal",
    "normal:batch",
    "batch:latency",
    "batch:normal",
    "batch:batch",
]
MostBeside = Annotated[int, msgspec.Meta(ge=0, le=MOST_BESIDE)]


class PriorityMixWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which priority classes share a device: an empty mix lets any."""

    mix: dict[PriorityPair, MostBeside]


class DeviceResource(msgspec.Struct, frozen=True, kw_only=True):
    """A device: what there is to divide, what is set aside, and what discovery tells (`facts`).

    `remotable`: programs can use it by the mode remoting; `telemetry` is the newest reading, and
    `measured` is of the last second, by the metrics of its series. `priority_mix`: beside a vGPU of
    the first class at most so many of the second may be; what isn't there is not bounded.
    """

    uuid: str
    index: int
    node: str
    name: str
    kind: str
    present: bool
    simulated: bool
    remotable: bool
    memory: int
    reserved_memory: int
    free_memory: int
    reserved_compute: float
    vgpus: int
    policy: PolicyResource
    telemetry: dict[str, Any]
    facts: dict[str, Any]
    seen_ms: Milliseconds
    measured: dict[str, float] = {}
    priority_mix: dict[PriorityPair, MostBeside] = {}


class DevicePage(msgspec.Struct, frozen=True, kw_only=True):
    """All devices, in the order of their indices."""

    items: list[DeviceResource]
    sequence: int


class SeriesPointResource(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a series: by metric the mean, least and most."""

    at_ms: Milliseconds
    values: dict[str, tuple[float, float, float]]


class SeriesResource(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured over time, in steps of `step_seconds`."""

    subject: str
    step_seconds: int
    points: list[SeriesPointResource]


class TurnResource(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A turn: whose, from when to when (nanoseconds of the monotonic clock), what was charged."""

    vgpu: str
    began_ns: int
    ended_ns: int
    charged_ns: int


class TurnsResource(msgspec.Struct, frozen=True, kw_only=True):
    """The turns of the last 60 s of a device. `now_ns` and `now_ms` are the same moment."""

    device: str
    now_ns: int
    now_ms: Milliseconds
    turns: list[TurnResource]
