"""Hardware and the state are compared: what interrupted changes left, what is lost, what returns.

At the start what a death interrupted is undone, then what the state has forgotten is given back or
taken up. From then on each vGPU is looked at every few seconds: one whose hardware was unplugged or
changed by somebody else has failed, with the reason, and goes on when it is back.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress

import msgspec

from aliquot import words
from aliquot.daemon.carrier_watch import CarrierWatch
from aliquot.daemon.carriers import Carriers
from aliquot.daemon.core import Core
from aliquot.daemon.hardware import is_hardware
from aliquot.daemon.hardware_place import pci_of
from aliquot.daemon.owners import tenant_of
from aliquot.daemon.reconciler import Reconciler
from aliquot.errors import AliquotError, HardwareError, NoSuchVgpu, NotMade
from aliquot.model.device_record import DeviceRecord
from aliquot.model.hardware import Made
from aliquot.model.lifecycle import LEASABLE, VgpuState
from aliquot.model.modes import Mode
from aliquot.model.shares import WHOLE, Shares
from aliquot.model.vgpu_record import VgpuRecord, VgpuSpec, VgpuStatus
from aliquot.store import View, devices, lifecycle, vgpus
from aliquot.store.change import SYSTEM

LOOK_SECONDS = 5.0
_PROBLEM = "hardware"
_OF_ONE = f"{_PROBLEM} of "
_log = logging.getLogger(__name__)


class HardwareWatch:
    """Looks at what the modes have made, in a thread of its own: drivers may let it wait."""

    def __init__(self, core: Core, reconciler: Reconciler, carriers: Carriers) -> None:
        """Nothing is looked at before `recover`, `look`, or the thread's start."""
        self._core = core
        self._reconciler = reconciler
        self._carriers = CarrierWatch(core, reconciler, carriers)
        self._wake = threading.Event()
        self._recovered = False

    def thread(self) -> threading.Thread:
        """The thread, to be started."""
        return threading.Thread(target=self._run, name="hardware")

    def stop(self) -> None:
        """Let the thread end."""
        self._wake.set()

    def recover(self) -> None:
        """Undo what was interrupted, then make state and journal agree on which vGPUs there are."""
        for line in self._core.hardware.recover():
            _log.warning("%s", words.english(line))
        for path in self._core.hardware.unreadable():
            _log.error("%s can't be read: what it says was made is not known", path)
        made = self._core.hardware.adopt()
        with self._core.store.look() as view:
            known = {vgpu: _maybe(view, vgpu) for vgpu in made}
        for vgpu, one in made.items():
            kept = known[vgpu]
            try:
                if kept is None:
                    self._adopt(vgpu, one)
                elif kept.state is VgpuState.DELETED:
                    self._core.hardware.delete(vgpu)
            except AliquotError as error:  # it is used, say: the next start tries again
                _log.warning("vGPU %s: %s", vgpu, error)
        self._recovered = True

    def look(self) -> None:
        """Look at each vGPU of hardware; whatever isn't as it was left has failed."""
        every = self._all()
        self._forget_problems(every)
        for kept in every:
            began = time.monotonic()
            if self._core.busy(kept.id):
                continue
            try:
                error = self._core.hardware.verify(kept.id)
            except AliquotError as told:  # NVML can't be asked now, say: that proves nothing
                self._core.problems[_problem_of(kept)] = told.what
                continue
            self._core.problems.pop(_problem_of(kept), None)
            if error is None and kept.state is VgpuState.FAILED:
                self._reconciler.schedule(kept.id)
            elif error is not None and kept.state in LEASABLE:
                self._fail(kept, error, began)
            with suppress(NoSuchVgpu):
                with self._core.store.look() as view:
                    now = vgpus.get(view, kept.id)
                self._carriers.follow(now)

    def _forget_problems(self, every: list[VgpuRecord]) -> None:
        """Of vGPUs that are gone, or that a hypervisor has, there is nothing to tell."""
        known = set(map(_problem_of, every))
        for problem in list(self._core.problems):
            if problem.startswith(_OF_ONE) and problem not in known:
                self._core.problems.pop(problem, None)

    def _all(self) -> list[VgpuRecord]:
        with self._core.store.look() as view:
            real = {d.uuid for d in devices.listed(view, self._core.node) if not d.simulated}
            placed = vgpus.placed(view, self._core.node)
        return [
            kept
            for device, listed in placed.items()
            if device in real
            for kept in listed
            if is_hardware(kept.spec) and not kept.status.lent
        ]

    def _fail(self, kept: VgpuRecord, error: HardwareError, began: float) -> None:
        if self._core.touched_since(kept.id, began):
            return  # somebody does something with it: the next look tells
        with suppress(NoSuchVgpu), self._core.alone(kept.id):
            if isinstance(error, NotMade):
                # The machine was restarted: what it forgot by that is made again.
                self._reconciler.converger.miss(kept.id)
                self._reconciler.schedule(kept.id)
                return
            with self._core.store.change(SYSTEM) as change:
                if vgpus.get(change, kept.id).state in LEASABLE:
                    lifecycle.transition(
                        change,
                        kept.id,
                        VgpuState.FAILED,
                        error.what,
                        code=error.code,
                        lines=error.lines,
                    )
        self._reconciler.schedule(kept.id)

    def _adopt(self, vgpu: str, made: Made) -> None:
        """One that the state has forgotten, say because it is an older one that was restored.

        It may be used, so it isn't ended; whoever administers the machine decides on it.
        """
        with self._core.store.change(SYSTEM) as change:
            device = _device_at(change, self._core.node, made.device)
            if device is None:
                _log.warning("vGPU %s on %s is of no device that is known", vgpu, made.device)
                return
            whole = made.mode is Mode.PASSTHROUGH
            memory = device.memory if whole else made.memory or 0
            spec = VgpuSpec(
                memory=memory,
                shares=Shares(guarantee=WHOLE if whole else 0),
                mode=made.mode.value,
                device=device.uuid,
                type=made.type,
            )
            tenant = tenant_of(0)
            name = f"{made.mode.value}-{vgpu[-12:]}"
            kept = vgpus.create(
                change,
                name,
                tenant,
                spec,
                device=device.uuid,
                key=vgpu,
                set_aside=min(memory, device.free_memory),
            )
            status = VgpuStatus(device=device.uuid, hardware=made.id)
            status = msgspec.structs.replace(status, observed_generation=kept.generation)
            lifecycle.observe(change, vgpu, status)
            lifecycle.transition(change, vgpu, VgpuState.READY)
            change.tell("vgpu.adopted", vgpu, tenant, name=name, device=device.uuid)

    def _run(self) -> None:
        while not self._core.stop.is_set():
            try:
                if not self._recovered:
                    self.recover()
                self.look()
                self._core.problems.pop(_PROBLEM, None)
            except AliquotError as error:
                self._core.problems[_PROBLEM] = str(error)
            except Exception:
                _log.exception("the look at hardware met a fault")
                self._core.problems[_PROBLEM] = "a fault was met; the log tells more"
            self._wake.wait(LOOK_SECONDS)


def _problem_of(kept: VgpuRecord) -> str:
    """By its id: of several tenants each may have one of that name."""
    return f"{_OF_ONE}{kept.name} ({kept.id})"


def _device_at(view: View, node: str, address: str) -> DeviceRecord | None:
    found = [
        one
        for one in devices.listed(view, node)
        if not one.simulated and (pci := pci_of(one)) is not None and pci.address == address
    ]
    return next(iter(sorted(found, key=lambda one: not one.present)), None)


def _maybe(view: View, vgpu: str) -> VgpuRecord | None:
    try:
        return vgpus.get(view, vgpu)
    except NoSuchVgpu:
        return None
