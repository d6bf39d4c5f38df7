"""The hardware of a vGPU that belongs to a VM: readied before that starts, given back after it.

A hypervisor that makes mdevs itself (Proxmox VE) needs the place of ours when its VM starts: ours
ends then, and is made again when the VM has stopped. Of a virtual function it takes the type away
when the VM stops, however that stopped: it gets it again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from aliquot.daemon.core import Core
from aliquot.daemon.hardware_place import address_of
from aliquot.daemon.vm_bindings import Bindings
from aliquot.errors import (
    DeviceInUse,
    HardwareBusy,
    HardwareChanged,
    HardwareError,
    HardwareGone,
    NotMade,
)
from aliquot.model.modes import Mode
from aliquot.model.vgpu_record import VgpuRecord

LET_GO_SECONDS = 3.0
_LOOK_SECONDS = 0.1
_log = logging.getLogger(__name__)


class VmHardware:
    """For who has the vGPU alone. All calls may be said twice; they raise HardwareErrors."""

    def __init__(self, core: Core, bindings: Bindings) -> None:
        """Change this hardware."""
        self._core = core
        self._bindings = bindings

    def ready(self, kept: VgpuRecord, make_again: Callable[[str], object]) -> None:
        """Its VM is about to start."""
        if not self._makes_it_itself(kept):
            if isinstance(self._core.hardware.verify(kept.id), (HardwareGone, NotMade)):
                make_again(kept.id)  # a restart of the machine has forgotten it, say
            self._put_right(kept)  # no daemon may have been there when it stopped last
            self._core.hardware.attachment(kept.id)
            self._bindings.observe(kept, at_rest=False)
        elif not kept.status.lent:
            self._bindings.observe(kept, lent=True, at_rest=False)
            try:
                self._core.hardware.delete(kept.id)
            except HardwareError:
                self._bindings.observe(self._bindings.get(kept.id), lent=False)
                raise

    def rest(self, kept: VgpuRecord) -> None:
        """Its VM has stopped, and a hook will tell when it starts: the host may use the card."""
        if kept.status.lent:
            self._make_again(kept)
        else:
            self._released(kept)
            self._put_right(kept)
        self._bindings.observe(self._bindings.get(kept.id), at_rest=True)

    def before_start(self, kept: VgpuRecord) -> None:
        """Its VM is off, and no hook told so: it may start at any moment."""
        if not kept.status.at_rest and not self._makes_it_itself(kept):
            self._put_right(kept)
            self._core.hardware.attachment(kept.id)

    def take_back(self, kept: VgpuRecord) -> None:
        """It belongs to no VM any more."""
        if kept.status.lent:
            self._make_again(kept)
        else:
            self._released(kept)
            try:
                self._put_right(kept)
            except HardwareError as error:  # who watches hardware tells of it
                _log.warning("vGPU %s: %s", kept.name, error)

    def _put_right(self, kept: VgpuRecord) -> None:
        """What the hypervisor took away while it had it, made again."""
        binding = kept.spec.vm
        if binding is None or not self._core.hypervisors.of(binding.hypervisor).makes_mdevs:
            return
        if isinstance(self._core.hardware.verify(kept.id), HardwareChanged):
            self._core.hardware.restore(kept.id)

    def _released(self, kept: VgpuRecord) -> None:
        """As Hardware.release; what is gone meanwhile is told by who watches hardware."""
        until = time.monotonic() + LET_GO_SECONDS
        while True:
            try:
                self._core.hardware.release(kept.id)
            except (DeviceInUse, HardwareBusy):
                # A hypervisor closes a device a moment after it said so, and a VM's process ends.
                if time.monotonic() >= until or self._core.stop.wait(_LOOK_SECONDS):
                    raise
            except (HardwareChanged, HardwareGone, NotMade) as error:
                _log.warning("vGPU %s: %s", kept.name, error)
                return
            else:
                return

    def _make_again(self, kept: VgpuRecord) -> None:
        with self._core.store.look() as view:
            device = self._bindings.device_of(view, kept)
        if device is not None:
            self._core.hardware.create(kept, address_of(device))
        self._bindings.observe(self._bindings.get(kept.id), lent=False)

    def _makes_it_itself(self, kept: VgpuRecord) -> bool:
        binding = kept.spec.vm
        if binding is None or Mode(kept.spec.mode) is not Mode.MDEV:
            return False
        return self._core.hypervisors.of(binding.hypervisor).makes_mdevs
