"""Devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aliquot.api.operation import Query, Routes
from aliquot.api.parameters import DeviceReference, Sequence, SeriesQuery
from aliquot.daemon.caller import Caller
from aliquot.model.api.devices import (
    DevicePage,
    DeviceResource,
    PolicyWanted,
    PriorityMixWanted,
    SeriesResource,
    TurnsResource,
)

if TYPE_CHECKING:
    from aliquot.daemon.service import Service

routes = Routes("devices")


class TurnsQuery(Query, frozen=True, kw_only=True):
    """Which turns: those that ended after `since_ns` of the monotonic clock."""

    since_ns: Sequence = 0


@routes.get("/devices")
def list_(service: Service, caller: Caller) -> DevicePage:
    """All devices, with what of them is reserved and what was measured last."""
    return service.devices.list(caller)


@routes.get("/devices/{device}")
def show(service: Service, caller: Caller, device: DeviceReference) -> DeviceResource:
    """A device."""
    return service.devices.show(caller, device)


@routes.put(
    "/devices/{device}/policy", example={"policy": "fixed-share", "turn_ms": 5, "averaging": 30}
)
def set_policy(
    service: Service, caller: Caller, device: DeviceReference, body: PolicyWanted
) -> DeviceResource:
    """Set how a device's time is shared out."""
    return service.devices.set_policy(caller, device, body)


@routes.put(
    "/devices/{device}/priority-mix", example={"mix": {"latency:batch": 0, "latency:latency": 1}}
)
def set_priority_mix(
    service: Service, caller: Caller, device: DeviceReference, body: PriorityMixWanted
) -> DeviceResource:
    """Set which priority classes share a device.

    Beside one of the first at most so many of the second; whoever comes from then on keeps to it.
    """
    return service.devices.set_priority_mix(caller, device, body)


@routes.get("/devices/{device}/series")
def series(
    service: Service, caller: Caller, device: DeviceReference, query: SeriesQuery
) -> SeriesResource:
    """What was measured of a device: 1 s for an hour, 10 s for a day, 5 min for 30 days."""
    return service.devices.series(caller, device, **query.given())


@routes.get("/devices/{device}/turns")
def turns(
    service: Service, caller: Caller, device: DeviceReference, query: TurnsQuery
) -> TurnsResource:
    """Who had a device's time in the last 60 s. Others' vGPUs have no names here."""
    return service.devices.turns(caller, device, query.since_ns)
