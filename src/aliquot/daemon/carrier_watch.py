"""The device that a MIG instance is, is lost and comes back with the vGPU whose instance that is.

An instance that had to be made again has another UUID, which workers tell their driver: so the
device host that was started for the first one ends, drivers are asked what the second one is, and
the software vGPUs go on there. What can't be done at one look is done at a later one.
"""

from __future__ import annotations

import msgspec

from aliquot import words
from aliquot.daemon.carriers import Carriers, hardware_of
from aliquot.daemon.core import Core
from aliquot.daemon.hardware import uuid_of
from aliquot.daemon.reconciler import Reconciler
from aliquot.errors import AliquotError, DeviceLost
from aliquot.model.device_record import DeviceRecord
from aliquot.model.lifecycle import LEASABLE, VgpuState
from aliquot.model.line import Line
from aliquot.model.vgpu_record import VgpuRecord
from aliquot.model.why import Why, because
from aliquot.store import View, devices, lifecycle, vgpus
from aliquot.store.change import SYSTEM
from aliquot.words.refusals import title_line, what_lines


class CarrierWatch:
    """Follows the vGPUs that carry others; for the one thread that looks at hardware."""

    def __init__(self, core: Core, reconciler: Reconciler, carriers: Carriers) -> None:
        """Work with these."""
        self._core = core
        self._reconciler = reconciler
        self._carriers = carriers

    def follow(self, carrier: VgpuRecord) -> None:
        """Let the device be what the vGPU is by now; nothing where it never carried any."""
        with self._core.store.look() as view:
            listed = devices.listed(view, self._core.node)
        record = next((one for one in listed if one.uuid == uuid_of(carrier.id)), None)
        if record is None:
            return
        if carrier.state not in LEASABLE:
            if record.present:
                self._put(record, present=False)
            self._tell(carrier, record, _why(carrier))
        elif hardware_of(record) != carrier.status.hardware:
            if carrier.settled:
                self._go_on(carrier, record)
        elif not record.present:
            self._put(record, present=True)

    def _go_on(self, carrier: VgpuRecord, record: DeviceRecord) -> None:
        """On the instance that was made in place of the one that was lost."""
        with self._core.store.look() as view:
            carried = _carried(view, record)
        for kept in carried:  # no device host has them by then
            self._reconciler.converger.miss(kept.id)
        try:
            self._carriers.keep(carrier)
        except AliquotError as error:
            self._tell(carrier, record, what_lines(error) or [title_line(error.code)])
            return
        for kept in carried:
            self._reconciler.schedule(kept.id)

    def _put(self, record: DeviceRecord, *, present: bool) -> None:
        with self._core.store.change(SYSTEM) as change:
            devices.put(change, msgspec.structs.replace(record, present=present))

    def _tell(self, carrier: VgpuRecord, record: DeviceRecord, why: list[Line]) -> None:
        """Let those on it say why it is gone: what its own device has is not what has happened."""
        line = because(Why.CARRIER_LOST, *why, vgpu=carrier.name)

        def untold(view: View) -> list[VgpuRecord]:
            return [
                kept
                for kept in _carried(view, record)
                if kept.state is VgpuState.FAILED
                and kept.reason_code == DeviceLost.code
                and kept.reason_lines != (line,)
            ]

        if not why:
            return
        with self._core.store.look() as view:
            if not untold(view):
                return
        with self._core.store.change(SYSTEM) as change:
            for kept in untold(change):
                lifecycle.explain(
                    change, kept.id, words.english(line), DeviceLost.code, lines=(line,)
                )


def _carried(view: View, record: DeviceRecord) -> list[VgpuRecord]:
    return vgpus.listed(view, vgpus.Filter(node=record.node, device=record.uuid))


def _why(carrier: VgpuRecord) -> list[Line]:
    """Why a vGPU isn't there, as lines."""
    if carrier.reason_lines or not carrier.reason_code:
        return list(carrier.reason_lines)
    return [title_line(carrier.reason_code)]
