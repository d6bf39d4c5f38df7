"""Devices as callers see them, and their policy."""

from __future__ import annotations

import contextlib
import time

import msgspec

from aliquot.client import policies
from aliquot.daemon import access, series
from aliquot.daemon.caller import Caller
from aliquot.daemon.choosing import line_of, lines
from aliquot.daemon.core import Core
from aliquot.daemon.hosts import NotRunning
from aliquot.daemon.resources import device_resource
from aliquot.errors import BadTurn
from aliquot.model.api.devices import (
    DevicePage,
    DeviceResource,
    PolicyResource,
    PriorityMixWanted,
    SeriesResource,
    TurnResource,
    TurnsResource,
)
from aliquot.model.shares import LONGEST_TURN_NS, SHORTEST_TURN_NS, Policy, PolicyKind
from aliquot.model.turn import Turn
from aliquot.store import devices
from aliquot.store.lists import vgpus_by_device


class Devices:
    """Devices of this node."""

    def __init__(self, core: Core) -> None:
        """Work with these."""
        self._core = core

    def list(self, caller: Caller) -> DevicePage:  # noqa: ARG002 - devices are everybody's
        """All devices, in the order of their indices; those that are gone come last."""
        with self._core.store.look() as view:
            counts = vgpus_by_device(view)
            items = [
                device_resource(
                    line.record,
                    line.number,
                    counts.get(line.uuid, 0),
                    self._core.telemetry.get(line.uuid),
                    self._core.live.devices.get(line.uuid),
                )
                for line in lines(view, self._core.node)
            ]
            return DevicePage(items=items, sequence=view.event_sequence())

    def show(self, caller: Caller, device: str) -> DeviceResource:  # noqa: ARG002
        """A device by its index, UUID or a unique part of its name."""
        with self._core.store.look() as view:
            line = line_of(view, self._core.node, device)
            count = vgpus_by_device(view).get(line.uuid, 0)
        return device_resource(
            line.record,
            line.number,
            count,
            self._core.telemetry.get(line.uuid),
            self._core.live.devices.get(line.uuid),
        )

    def set_policy(self, caller: Caller, device: str, policy: PolicyResource) -> DeviceResource:
        """Share a device's time out in another way, at once and by its later device hosts."""
        access.must_be_admin(caller)
        wanted = policy_of(policy)
        with self._core.store.change(caller.actor) as change:
            kept = line_of(change, self._core.node, device).record
            settings = kept.settings | {"policy": msgspec.to_builtins(policy)}
            devices.set_up(change, kept.uuid, settings)
        if not kept.simulated:
            policies.remember(kept.uuid, wanted)
            with contextlib.suppress(NotRunning):
                self._core.hosts.ask(kept.uuid, lambda host: host.set_policy(wanted), start=False)
        return self.show(caller, kept.uuid)

    def set_priority_mix(
        self, caller: Caller, device: str, wanted: PriorityMixWanted
    ) -> DeviceResource:
        """Say which priority classes share a device, for whoever comes there from now on."""
        access.must_be_admin(caller)
        with self._core.store.change(caller.actor) as change:
            kept = line_of(change, self._core.node, device).record
            mix = {str(pair): wanted.mix[pair] for pair in sorted(wanted.mix)}
            devices.set_up(change, kept.uuid, kept.settings | {"priority_mix": mix})
        return self.show(caller, kept.uuid)

    def series(
        self,
        caller: Caller,  # noqa: ARG002 - devices are everybody's
        device: str,
        *,
        step_seconds: int,
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> SeriesResource:
        """What was measured of a device, in steps of 1, 10 or 300 s."""
        with self._core.store.look() as view:
            uuid = line_of(view, self._core.node, device).uuid
        return series.of_subject(
            self._core.store,
            self._core.live,
            "device",
            uuid,
            step_seconds=step_seconds,
            since_ms=since_ms,
            until_ms=until_ms,
        )

    def turns(self, caller: Caller, device: str, since_ns: int = 0) -> TurnsResource:
        """Who had a device's time in the last 60 s, as its device host tells.

        Of others' turns a caller sees when they were, not whose: `vgpu` is empty.
        """
        with self._core.store.look() as view:
            uuid = line_of(view, self._core.node, device).uuid
        told: list[Turn] = []
        with contextlib.suppress(NotRunning):
            told = self._core.hosts.ask(uuid, lambda host: host.turns(since_ns), start=False)
        own = {
            vgpu.usage.id: vgpu.id
            for vgpu in self._core.live.vgpus.values()
            if vgpu.device == uuid and caller.may_see(vgpu.tenant)
        }
        return TurnsResource(
            device=uuid,
            now_ns=time.monotonic_ns(),
            now_ms=self._core.store.now_ms(),
            turns=[
                TurnResource(
                    vgpu=own.get(turn.vgpu, ""),
                    began_ns=turn.begin_ns,
                    ended_ns=turn.end_ns,
                    charged_ns=turn.charged_ns,
                )
                for turn in told
            ],
        )


def policy_of(policy: PolicyResource) -> Policy:
    """The policy as device hosts take it; raises BadTurn."""
    turn_ns = round(policy.turn_ms * 1e6)
    if turn_ns and not SHORTEST_TURN_NS <= turn_ns <= LONGEST_TURN_NS:
        raise BadTurn(f"a turn of {policy.turn_ms:g} ms is not between 1 ms and 30 ms")
    return Policy(PolicyKind[policy.policy.upper().replace("-", "_")], turn_ns, policy.averaging)
