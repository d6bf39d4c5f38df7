"""vGPUs of hardware attached to virtual machines, and detached from them.

What a vGPU belongs to is written down before anything is done, and a lease is in force while its
VM runs or is paused. What happens to VMs without our doing is followed (vm_watch.py); a
hypervisor's hooks tell of starts and stops in time to have the hardware ready, or given back.
"""

from __future__ import annotations

import contextlib
import logging
import threading

import msgspec

from aliquot.daemon import access
from aliquot.daemon.caller import Caller
from aliquot.daemon.core import Core
from aliquot.daemon.reconciler import Reconciler
from aliquot.daemon.resources import vgpu_resources
from aliquot.daemon.vm_bindings import Bindings
from aliquot.daemon.vm_hardware import VmHardware
from aliquot.daemon.vm_watch import ALIVE, Follower, Watchers
from aliquot.errors import AliquotError, NotAttached
from aliquot.leases.vm.naming import printable
from aliquot.leases.vm.qemu.arguments import arguments
from aliquot.model.api.vgpus import VgpuResource
from aliquot.model.api.vms import AttachedResource, AttachWanted, VmTold, VmVgpus
from aliquot.model.lifecycle import VgpuState
from aliquot.model.vgpu_record import VgpuRecord
from aliquot.model.vm import HypervisorKind, Vm, VmBinding, VmState
from aliquot.model.why import Why
from aliquot.store import vgpus
from aliquot.store.change import SYSTEM
from aliquot.words.refusals import refusal

_log = logging.getLogger(__name__)


class Vms:
    """What callers, and hypervisors' hooks, ask."""

    def __init__(self, core: Core, reconciler: Reconciler) -> None:
        """Nothing is watched before the thread's start."""
        self._core = core
        self._reconciler = reconciler
        self._bindings = Bindings(core)
        self._hardware = VmHardware(core, self._bindings)
        self._follower = Follower(core, self._bindings, self._hardware)
        self._watchers = Watchers(core, self._bindings, self._follower)
        reconciler.converger.let_go = self._let_go

    def attach(self, caller: Caller, vgpu: str, wanted: AttachWanted) -> AttachedResource:
        """Attach a vGPU to a VM, or ready it for one that is started by hand.

        Raises VmHasVgpu where another has it: of two at once one is first. VMs are the machine's,
        so only administrators change them.
        """
        access.must_be_admin(caller)
        with self._core.store.look() as view:
            kept = access.vgpu_of(view, caller, vgpu)
        self._bindings.must_be_device(kept)
        vm = self._core.hypervisors.find(wanted.vm) if wanted.vm is not None else None
        with self._core.alone(kept.id):
            kept = self._bindings.get(kept.id)
            if kept.state is VgpuState.PENDING:
                kept = self._reconciler.bring(kept.id)
            if vm is None:
                return self._by_hand(caller, kept)
            self._bindings.must_be_for_vms(kept)
            lasts = wanted.lasting or vm.state not in ALIVE
            binding = VmBinding(hypervisor=vm.hypervisor, id=vm.id, name=vm.name, lasts=lasts)
            self._bindings.bind(caller.actor, kept.id, binding, vm_state=vm.state)
            try:
                attachment = self._core.hardware.attachment(kept.id)
                had = self._core.hypervisors.of(vm.hypervisor).attach(
                    vm, attachment, lasting=wanted.lasting
                )
            except AliquotError:
                self._undo(caller, kept.id, vm)
                raise
            if (kept.id in had.at_start) is not lasts:  # Proxmox VE writes it down in any case
                binding = msgspec.structs.replace(binding, lasts=not lasts)
                self._bindings.bind(caller.actor, kept.id, binding)
            if kept.id in had.now:
                self._bindings.lease(caller.actor, self._bindings.get(kept.id), vm.process_id)
        self._watchers.watch(vm.hypervisor, vm.id)
        return AttachedResource(vgpu=self._shown(kept.id), now=kept.id in had.now)

    def detach(self, caller: Caller, vgpu: str) -> VgpuResource:
        """Take a vGPU from its VM; raises NotAttached, and VmKeepsDevice where the guest does."""
        access.must_be_admin(caller)
        with self._core.store.look() as view:
            kept = access.vgpu_of(view, caller, vgpu)
        with self._core.alone(kept.id):
            kept = self._bindings.get(kept.id)
            if kept.spec.vm is None:
                raise refusal(NotAttached, Why.VM_HAS_NOT, vgpu=kept.name)
            self._take(caller.actor, kept)
            self._reconciler.schedule(kept.id)
        return self._shown(kept.id)

    def started(self, caller: Caller, told: VmTold) -> VmVgpus:
        """A VM is about to start: have its vGPUs ready. Asks no hypervisor: it waits for this."""
        access.must_be_admin(caller)
        done: list[str] = []
        for kept in self._told_of(told):
            with self._core.alone(kept.id):
                now = self._bindings.get(kept.id)
                if now.spec.vm != kept.spec.vm:
                    continue  # it was taken from that VM at this moment
                self._hardware.ready(now, self._make_again)
            done.append(kept.name)
        self._wake(told)
        return VmVgpus(vgpus=done)

    def stopped(self, caller: Caller, told: VmTold) -> VmVgpus:
        """A VM has stopped: its leases end, and its vGPUs' hardware is the machine's again."""
        access.must_be_admin(caller)
        done: list[str] = []
        failed: AliquotError | None = None
        for kept in self._told_of(told):
            try:
                self._rest(caller, kept)
            except AliquotError as error:  # one that can't be taken back keeps no other
                failed = failed or error
            else:
                done.append(kept.name)
        self._wake(told)
        if failed is not None:
            raise failed
        return VmVgpus(vgpus=done)

    def _rest(self, caller: Caller, kept: VgpuRecord) -> None:
        with self._core.alone(kept.id):
            self._bindings.release(caller.actor, kept.id, "its VM stopped")
            now = self._bindings.observe(self._bindings.get(kept.id), vm_state=VmState.OFF)
            self._hardware.rest(now)
            self._reconciler.schedule(kept.id)

    def follow(self) -> None:
        """Look once at all VMs that have vGPUs."""
        for kept in self._bindings.all():
            self._follower.follow(kept.id)

    def thread(self) -> threading.Thread:
        """The thread, to be started, that watches the VMs that the state knows."""
        return self._watchers.thread()

    def stop(self) -> None:
        """Let all threads end."""
        self._watchers.stop()

    def _make_again(self, vgpu: str) -> None:
        self._reconciler.converger.miss(vgpu)
        self._reconciler.bring(vgpu)

    def _by_hand(self, caller: Caller, kept: VgpuRecord) -> AttachedResource:
        """Ready it, and tell how QEMU is started with it; again: the same."""
        is_new = kept.spec.vm is None or bool(kept.spec.vm.id)
        if is_new:
            self._bindings.must_be_for_vms(kept)
            nobody = VmBinding(hypervisor=HypervisorKind.QEMU, id="", name="", lasts=True)
            self._bindings.bind(caller.actor, kept.id, nobody)
        try:
            attachment = self._core.hardware.attachment(kept.id)
            words = arguments(attachment)
        except AliquotError:
            if is_new:
                self._bindings.bind(caller.actor, kept.id, None)
            raise
        self._bindings.lease(caller.actor, self._bindings.get(kept.id))
        return AttachedResource(vgpu=self._shown(kept.id), now=False, arguments=words)

    def _take(self, actor: str, kept: VgpuRecord) -> None:
        binding = kept.spec.vm
        assert binding is not None
        if binding.id:
            hypervisor = self._core.hypervisors.of(binding.hypervisor)
            state = hypervisor.state(binding.id)
            hypervisor.detach(_vm_of(binding, state), kept.id)
        self._hardware.take_back(kept)
        self._bindings.release(actor, kept.id, f"detached by {actor}")
        self._bindings.bind(actor, kept.id, None, vm_state=None, lent=False, at_rest=False)

    def _let_go(self, kept: VgpuRecord) -> None:
        """A vGPU that is deleted leaves its VM first."""
        self._take(SYSTEM, kept)

    def _undo(self, caller: Caller, vgpu: str, vm: Vm) -> None:
        """Nothing was attached, or it can't be told: then it is looked at, like at a start."""
        with contextlib.suppress(AliquotError):
            had = self._core.hypervisors.of(vm.hypervisor).attached(vm)
            if vgpu not in had.now | had.at_start:
                self._hardware.take_back(self._bindings.get(vgpu))
                self._bindings.bind(caller.actor, vgpu, None, vm_state=None)
                return
        _log.warning("vGPU %s: whether VM %s has it is looked at again", vgpu, vm.name)
        self._watchers.watch(vm.hypervisor, vm.id)

    def _told_of(self, told: VmTold) -> list[VgpuRecord]:
        """The vGPUs of the VM that a hook tells of, by its name or its id."""
        name = printable(told.vm)
        return [
            kept
            for kept in self._bindings.all()
            if (bound := kept.spec.vm)
            and bound.hypervisor is told.hypervisor
            and bound.id
            and name in (bound.name, bound.id)
        ]

    def _wake(self, told: VmTold) -> None:
        for kept in self._told_of(told):
            assert kept.spec.vm is not None
            self._watchers.watch(kept.spec.vm.hypervisor, kept.spec.vm.id)

    def _shown(self, vgpu: str) -> VgpuResource:
        with self._core.store.look() as view:
            kept = vgpus.get(view, vgpu)
            return vgpu_resources(view, [kept], self._core.usages, self._core.live.vgpus)[0]


def _vm_of(binding: VmBinding, state: VmState) -> Vm:
    return Vm(hypervisor=binding.hypervisor, id=binding.id, name=binding.name, state=state)
