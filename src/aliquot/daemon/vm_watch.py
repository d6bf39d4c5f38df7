"""VMs that have vGPUs are watched: paused, shut down, destroyed, or a device taken by others.

Level-triggered: what is seen now decides, whatever was missed. A hypervisor that can't be asked
proves nothing, and nothing is changed by it.
"""

from __future__ import annotations

import logging
import threading
import time

from aliquot.daemon.core import Core
from aliquot.daemon.vm_bindings import Bindings
from aliquot.daemon.vm_hardware import VmHardware
from aliquot.errors import AliquotError, HypervisorUnreachable, NoSuchVgpu, VmError
from aliquot.model.vgpu_record import VgpuRecord
from aliquot.model.vm import Attached, HypervisorKind, Vm, VmBinding, VmState
from aliquot.store.change import SYSTEM

ALIVE = frozenset({VmState.RUNNING, VmState.PAUSED})
LOOK_SECONDS = 10.0  # after which all is compared, whether the VM's state has changed or not
START_SECONDS = 60.0  # from a hook's word until the VM runs
_PIECE_SECONDS = 1.0  # so that the daemon's end needn't wait
_RETRY_SECONDS = 1.0
_END_SECONDS = 5.0
_TIMES = 3  # that a VM is asked anew, where others had its vGPU meanwhile
_log = logging.getLogger(__name__)


class Follower:
    """Brings the state of one vGPU to what its VM is."""

    def __init__(self, core: Core, bindings: Bindings, hardware: VmHardware) -> None:
        """Follow with these."""
        self._core = core
        self._bindings = bindings
        self._hardware = hardware
        self._lent_since: dict[str, float] = {}  # and the VM hasn't been seen to run

    def follow(self, vgpu: str) -> VmState:
        """Look at its VM, and do what follows from that; returns the VM's state."""
        state = VmState.GONE
        for _ in range(_TIMES):
            began = time.monotonic()
            binding = self._bindings.get(vgpu).spec.vm
            if binding is None or not binding.id:
                return VmState.GONE
            # Others may have the vGPU meanwhile: a hypervisor that starts the VM answers only once
            # its hook has ended, and what the hook tells us waits for the vGPU.
            hypervisor = self._core.hypervisors.of(binding.hypervisor)
            state = hypervisor.state(binding.id)
            had = Attached()
            if state is not VmState.GONE:
                had = hypervisor.attached(_vm(binding, state))
            with self._core.alone(vgpu):
                if not self._core.had_since(vgpu, began):
                    self._bring(self._bindings.get(vgpu), state, had)
                    break
        return state

    def _bring(self, kept: VgpuRecord, state: VmState, had: Attached) -> None:
        kept = self._bindings.observe(kept, vm_state=state)
        if state in ALIVE and kept.id in had.now:
            kept = self._bindings.observe(kept, at_rest=False)  # a stop may be told late
            self._bindings.lease(SYSTEM, kept)
        elif kept.id in had.at_start:
            self._bindings.release(SYSTEM, kept.id, "its VM stopped")
            self._between_starts(kept, state)
        else:
            self._end(kept, state)

    def _between_starts(self, kept: VgpuRecord, state: VmState) -> None:
        """Between two starts of its VM; what was lent for a start that never came is ours again."""
        if state is not VmState.OFF or not kept.status.lent:
            self._lent_since.pop(kept.id, None)
            if state is VmState.OFF:
                self._hardware.before_start(kept)
            return
        since = self._lent_since.setdefault(kept.id, time.monotonic())
        if time.monotonic() - since >= START_SECONDS:
            del self._lent_since[kept.id]
            self._hardware.rest(kept)

    def _end(self, kept: VgpuRecord, state: VmState) -> None:
        """Its VM is gone, or has it no more: it is free, once the VM's process let go of it."""
        self._forget_in_hypervisor(kept, state)
        self._hardware.take_back(kept)
        gone = state is VmState.GONE
        self._bindings.release(SYSTEM, kept.id, "its VM is gone" if gone else "its VM gave it back")
        self._bindings.bind(SYSTEM, kept.id, None, vm_state=None, lent=False, at_rest=False)

    def _forget_in_hypervisor(self, kept: VgpuRecord, state: VmState) -> None:
        """Whatever it keeps besides the VM, as Proxmox VE does its resource mappings."""
        binding = kept.spec.vm
        assert binding is not None
        try:
            vm = _vm(binding, state)
            self._core.hypervisors.of(binding.hypervisor).detach(vm, kept.id)
        except VmError as error:  # it holds up nobody: that is made anew when it is attached again
            _log.warning("vGPU %s: %s", kept.name, error)


class Watchers:
    """A thread a VM, as long as that has vGPUs."""

    def __init__(self, core: Core, bindings: Bindings, follower: Follower) -> None:
        """Watch nothing yet."""
        self._core = core
        self._bindings = bindings
        self._follower = follower
        self._threads: dict[tuple[HypervisorKind, str], threading.Thread] = {}
        self._again: set[tuple[HypervisorKind, str]] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._running = False

    def thread(self) -> threading.Thread:
        """The thread that begins with those that the state knows."""
        return threading.Thread(target=self._run, name="vms")

    def watch(self, kind: HypervisorKind, vm: str) -> None:
        """Watch a VM, or look at it at once where it is watched."""
        key = kind, vm
        with self._lock:
            if not self._running or self._core.stop.is_set():
                return  # a test says itself when something is looked at
            self._again.add(key)
            known = self._threads.get(key)
            if known is None or not known.is_alive():
                made = threading.Thread(target=self._follow, args=key, name=f"vm-{vm}", daemon=True)
                self._threads[key] = made
                made.start()

    def stop(self) -> None:
        """Let all threads end, and wait for them a little."""
        self._wake.set()
        with self._lock:
            threads = list(self._threads.values())
        until = time.monotonic() + _END_SECONDS
        for one in threads:
            one.join(max(0.0, until - time.monotonic()))

    def _run(self) -> None:
        with self._lock:
            self._running = True
        while not self._core.stop.is_set():
            try:
                for kept in self._bindings.all():
                    if kept.spec.vm is not None and kept.spec.vm.id:
                        self._start_if_none(kept.spec.vm)
            except AliquotError as error:
                self._core.problems["vms"] = str(error)
            except Exception:  # no thread could be started, say: the next look tries again
                _log.exception("the look for VMs met a fault")
                self._core.problems["vms"] = "a fault was met; the log tells more"
            else:
                self._core.problems.pop("vms", None)
            self._wake.wait(LOOK_SECONDS)

    def _start_if_none(self, binding: VmBinding) -> None:
        key = binding.hypervisor, binding.id
        with self._lock:
            known = self._threads.get(key)
        if known is None or not known.is_alive():
            self.watch(*key)

    def _follow(self, kind: HypervisorKind, vm: str) -> None:
        seen = VmState.GONE
        looked_at = float("-inf")
        pause = _RETRY_SECONDS
        problem = f"VM {kind.value}:{vm}"
        while not self._core.stop.is_set():
            try:
                bound = self._bindings.of_vm(kind, vm)
                if not bound:
                    break
                due = time.monotonic() - looked_at >= LOOK_SECONDS or self._is_asked(kind, vm)
                hypervisor = self._core.hypervisors.of(kind)
                now = seen if due else hypervisor.changed(vm, seen, _PIECE_SECONDS)
                if due or now is not seen:
                    seen = self._follow_all(bound, seen)
                    looked_at = time.monotonic()
                pause = _RETRY_SECONDS
                self._core.problems.pop(problem, None)
            except AliquotError as error:
                self._core.problems[problem] = str(error)
                looked_at = float("-inf")
                self._core.stop.wait(pause)
                pause = min(2 * pause, LOOK_SECONDS)
            except Exception:
                _log.exception("the watch of %s met a fault", problem)
                self._core.problems[problem] = "a fault was met; the log tells more"
                self._core.stop.wait(LOOK_SECONDS)
        self._core.problems.pop(problem, None)

    def _follow_all(self, bound: list[VgpuRecord], seen: VmState) -> VmState:
        """One that can't be followed keeps no other; it is raised afterwards."""
        failed: AliquotError | None = None
        for kept in bound:
            try:
                seen = self._follower.follow(kept.id)
            except NoSuchVgpu:
                continue  # it was deleted and forgotten meanwhile
            except HypervisorUnreachable:
                raise  # it would keep us waiting for each
            except AliquotError as error:
                failed = failed or error
        if failed is not None:
            raise failed
        return seen

    def _is_asked(self, kind: HypervisorKind, vm: str) -> bool:
        with self._lock:
            asked = (kind, vm) in self._again
            self._again.discard((kind, vm))
            return asked


def _vm(binding: VmBinding, state: VmState) -> Vm:
    return Vm(hypervisor=binding.hypervisor, id=binding.id, name=binding.name, state=state)
