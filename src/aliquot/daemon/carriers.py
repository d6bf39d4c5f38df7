"""Hybrid: a partition that carries software vGPUs is a device of its own in the state.

So what of it is promised is reckoned as of any device. A MIG instance is taken only where it is
named, by the vGPU whose partition it is, and is forgotten with that; its UUID there is the vGPU's.
A virtual function that has its vendor's driver is listed by OpenCL's drivers as any card is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress

import msgspec

from aliquot.daemon import access
from aliquot.daemon.at_host import destroy
from aliquot.daemon.caller import Caller
from aliquot.daemon.core import Core
from aliquot.daemon.discovery import offer_of
from aliquot.daemon.hardware import uuid_of
from aliquot.daemon.hosts import NotRunning
from aliquot.daemon.specs import Carrier
from aliquot.devices.partition_offer import partition_offer
from aliquot.devices.pci import normal_address
from aliquot.errors import BadCarrier, NoSuchVgpu
from aliquot.model.device import Device
from aliquot.model.device_record import DeviceRecord
from aliquot.model.lifecycle import LEASABLE
from aliquot.model.modes import Mode, Partition
from aliquot.model.vgpu_record import VgpuRecord
from aliquot.model.why import Why
from aliquot.modes.hybrid import environment
from aliquot.store import View, devices, vgpus
from aliquot.store.change import SYSTEM
from aliquot.words.refusals import refusal

Offer = Callable[[Mapping[str, str]], Device | None]
_LAST = 1 << 20  # of the list of devices: indices mean those that discovery lists
HOST_END_SECONDS = 5.0
_LOOK_SECONDS = 0.1


class Carriers:
    """Partitions as devices."""

    def __init__(self, core: Core, offer: Offer = partition_offer) -> None:
        """`offer` asks OpenCL's drivers what a partition is to programs."""
        self._core = core
        self.offer = offer

    def remember(self) -> None:
        """What partitions are to programs, as it was told when they were prepared."""
        core = self._core
        with core.store.look() as view:
            for record in devices.listed(view, core.node):
                offer = offer_of(record) if record.facts.get("carrier") else None
                if offer is not None:
                    core.hosts.know_partition(offer)

    def prepare(self, caller: Caller, carrier: str) -> DeviceRecord:
        """The device that a vGPU's partition is; drivers may take seconds to tell.

        Raises BadCarrier, NoSuchVgpu.
        """
        core = self._core
        with core.store.look() as view:
            kept = access.vgpu_of(view, caller, carrier)
            _must_carry(kept)
            if kept.spec.mode == Mode.SRIOV:
                return _offered_at(view, core.node, kept)
        return self.keep(kept)

    def keep(self, kept: VgpuRecord) -> DeviceRecord:
        """Ask what a vGPU's instance is to programs, and keep it as the device that it is.

        Raises BadCarrier, NoSuchVgpu; DeviceHostUnreachable where the device host of an instance
        that there was before can't be ended.
        """
        core = self._core
        with core.store.look() as view:
            card = next(iter(devices.with_place_for(view, kept.id)), None)
            known = next((d for d in devices.listed(view, core.node) if _is_of(d, kept)), None)
        if known is not None and hardware_of(known) != kept.status.hardware:
            self._give_up(known)
        if card is not None and card.simulated:
            offer = None
        else:
            offer = self.offer(environment(_partition(kept)))
            if offer is None:
                raise refusal(BadCarrier, Why.NOT_OFFERED, uuid=kept.status.hardware)
            offer = offer._replace(uuid=uuid_of(kept.id))
            core.hosts.know_partition(offer)
        record = _record(core.node, kept, card, offer)
        with core.store.change(SYSTEM) as change:
            _must_carry(vgpus.get(change, kept.id))  # it may have ended meanwhile
            return devices.put(change, record)

    def _give_up(self, record: DeviceRecord) -> None:
        """Let an instance that there is no more be lost, and end its device host.

        That tells its workers of no other, and ends by itself soon after its last vGPU. What its
        programs had on the instance is lost with that.
        """
        core, hosts = self._core, self._core.hosts
        with core.store.change(SYSTEM) as change:
            devices.put(change, msgspec.structs.replace(record, present=False))
            carried = vgpus.listed(change, vgpus.Filter(node=core.node, device=record.uuid))
        for kept in carried:
            with core.alone(kept.id), suppress(NotRunning, NoSuchVgpu):
                hosts.ask(record.uuid, lambda host, kept=kept: destroy(host, kept), start=False)
        try:
            hosts.ask(record.uuid, lambda _: None, start=False)
        except NotRunning:  # whatever a killed one may have left in its folder
            return
        hosts.let_go(record.uuid)
        until = time.monotonic() + HOST_END_SECONDS
        while record.uuid in hosts.running():
            if time.monotonic() >= until or core.stop.wait(_LOOK_SECONDS):
                raise refusal(BadCarrier, Why.FORMER_INSTANCE, uuid=hardware_of(record))


def carrier_of(view: View, caller: Caller, wanted: str | None, node: str) -> Carrier | None:
    """The vGPU that is to carry another, and its device; raises BadCarrier, NoSuchVgpu."""
    if wanted is None:
        return None
    kept = access.vgpu_of(view, caller, wanted)
    _must_carry(kept)
    if kept.spec.mode == Mode.SRIOV:
        return Carrier(kept.id, _offered_at(view, node, kept).uuid)
    return Carrier(kept.id, uuid_of(kept.id))


def _offered_at(view: View, node: str, kept: VgpuRecord) -> DeviceRecord:
    """The device that a virtual function is to OpenCL; none where its driver isn't the vendor's."""
    for record in devices.listed(view, node):
        offer = offer_of(record)
        if offer is not None and normal_address(offer.pci_address or "") == kept.status.hardware:
            return record
    raise refusal(BadCarrier, Why.NOT_OFFERED, uuid=kept.status.hardware)


def hardware_of(record: DeviceRecord) -> str:
    """By what its driver knows the instance that a device of the state is."""
    return str(record.facts.get("hardware", ""))


def _is_of(record: DeviceRecord, carrier: VgpuRecord) -> bool:
    return record.uuid == uuid_of(carrier.id)


def _must_carry(kept: VgpuRecord) -> None:
    if kept.spec.mode not in (Mode.MIG, Mode.SRIOV):
        raise refusal(BadCarrier, Why.NOT_CARRYING, vgpu=kept.name, mode=kept.spec.mode)
    if kept.state not in LEASABLE or not kept.settled:
        state = kept.state.value
        raise refusal(BadCarrier, Why.CARRIER_NOT_READY, vgpu=kept.name, state=state)
    if kept.spec.vm is not None:
        raise refusal(BadCarrier, Why.VM_HAS, vgpu=kept.name, vm=kept.spec.vm.word)


def _partition(kept: VgpuRecord) -> Partition:
    """What a vGPU is made of."""
    return Partition(mode=Mode(kept.spec.mode), id=kept.status.hardware, type=kept.spec.type)


def _record(
    node: str, kept: VgpuRecord, card: DeviceRecord | None, offer: Device | None
) -> DeviceRecord:
    told = offer.global_memory if offer is not None else 0
    card_name = card.name if card is not None else ""
    return DeviceRecord(
        uuid=uuid_of(kept.id),
        node=node,
        name=f"{kept.spec.type or kept.spec.mode} of {card_name}",
        memory=min(kept.spec.memory, told) if told and kept.spec.memory else kept.spec.memory,
        simulated=card is not None and card.simulated,
        facts=msgspec.to_builtins(
            {
                "carrier": kept.id,
                "hardware": kept.status.hardware,
                "card": card.uuid if card is not None else "",
                "kind": "gpu",
                "platform": offer.platform if offer is not None else "",
                "index": _LAST,
                "modes": [{"mode": Mode.REMOTING.value, "can": True}],
                "offer": offer._asdict() if offer is not None else None,
                "unified_memory": offer.unified_memory if offer is not None else None,
            }
        ),
    )
