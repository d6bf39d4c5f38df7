"""vGPUs as callers make, see, change and end them."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import msgspec

from aliquot.daemon import access, series, specs
from aliquot.daemon.at_host import find
from aliquot.daemon.caller import Caller
from aliquot.daemon.carriers import Carriers, carrier_of
from aliquot.daemon.choosing import line_of
from aliquot.daemon.core import Core
from aliquot.daemon.endings import Endings
from aliquot.daemon.hardware import is_hardware
from aliquot.daemon.hardware_making import make_of_hardware
from aliquot.daemon.hardware_plans import HardwarePlans
from aliquot.daemon.hosts import NotRunning
from aliquot.daemon.leases import Leases, holder_of
from aliquot.daemon.limits import (
    must_allow_change,
    must_be_beside,
    must_have_room,
    quota_left,
)
from aliquot.daemon.making import PASSING, make
from aliquot.daemon.moving import give_up_move, place_again, start_move
from aliquot.daemon.place import plan
from aliquot.daemon.processes import Process
from aliquot.daemon.reconciler import Reconciler
from aliquot.daemon.resources import vgpu_resources
from aliquot.daemon.views import demand
from aliquot.daemon.wished_mode import wished_mode
from aliquot.errors import (
    AliquotError,
    DeviceHostError,
    DeviceHostUnreachable,
    HardwareError,
    IllegalTransition,
    InternalError,
    MemoryInUse,
    NotInThisMode,
    StateError,
)
from aliquot.model.api.devices import SeriesResource
from aliquot.model.api.vgpus import (
    LeaseWanted,
    MoveWanted,
    Plan,
    ResumeWanted,
    SuspendWanted,
    VgpuChange,
    VgpuPage,
    VgpuResource,
    VgpuWanted,
)
from aliquot.model.lifecycle import VgpuState, Wanted
from aliquot.model.modes import Mode
from aliquot.model.vgpu_record import VgpuRecord, VgpuSpec
from aliquot.model.why import Why
from aliquot.modes.choice import Choice as ModeChoice
from aliquot.store import Change, View, groups, idempotency, lifecycle, queue, vgpus
from aliquot.words.refusals import refusal

# After these a vGPU may yet become ready; after all else its device host has refused it.
_PASSING = (DeviceHostUnreachable, InternalError, StateError)


class Vgpus:
    """vGPUs that live on."""

    def __init__(self, core: Core, reconciler: Reconciler, leases: Leases) -> None:
        """Work with these."""
        self._core = core
        self._reconciler = reconciler
        self._leases = leases
        self._hardware_plans = HardwarePlans(core)
        self.carriers = Carriers(core)

    def create(
        self, caller: Caller, wanted: VgpuWanted, *, idempotency_key: str | None = None
    ) -> VgpuResource:
        """Make a vGPU and wait until it is ready, unless it has to queue.

        With `lease` it is leased at once. Raises what says why it can't be made; then it isn't.
        """
        access.must_be_user(caller)
        tenant = access.tenant_for(caller, wanted.tenant)
        process = holder_of(caller, wanted.lease) if wanted.lease else None
        if wanted.on is not None:
            self.carriers.prepare(caller, wanted.on)
        endings = Endings(self._core)
        with ExitStack() as held:
            while True:
                try:
                    known, new = self._made(caller, tenant, wanted, process, idempotency_key, held)
                    break
                except PASSING:
                    if not endings.awaited():
                        raise
            if not new:
                held.enter_context(self._core.alone(known))
            try:
                return self._ready(caller, known, wanted.lease, process)
            except AliquotError as error:
                if new and (wanted.lease or not isinstance(error, _PASSING)):
                    self._undo(caller, known, idempotency_key)
                raise

    def list(
        self,
        caller: Caller,
        *,
        name: str | None = None,
        tenant: str | None = None,
        device: str | None = None,
        group: str | None = None,
        state: builtins.list[VgpuState] | None = None,
        label: dict[str, str] | None = None,
        limit: int = 500,
        cursor: str | None = None,
    ) -> VgpuPage:
        """vGPUs in the order of their making, a page at once."""
        core = self._core
        with core.store.look() as view:
            sequence = view.event_sequence()
            if not caller.is_admin:
                if tenant not in (None, caller.tenant):
                    return VgpuPage(items=[], sequence=sequence)
                tenant = caller.tenant
            which = vgpus.Filter(
                tenant=tenant,
                node=core.node,
                name=name,
                device=line_of(view, core.node, device).uuid if device is not None else None,
                group=_group_of(view, caller, group) if group is not None else None,
                states=frozenset(state or ()),
                labels=label,
            )
            found = vgpus.listed(view, which, after=cursor or "", limit=limit + 1)
            items = vgpu_resources(view, found[:limit], core.usages, core.live.vgpus)
        return VgpuPage(
            items=items, sequence=sequence, next=items[-1].id if len(found) > limit else None
        )

    def show(self, caller: Caller, vgpu: str) -> VgpuResource:
        """A vGPU by its id, name, or `tenant:name`; raises NoSuchVgpu."""
        with self._core.store.look() as view:
            kept = access.vgpu_of(view, caller, vgpu)
            return vgpu_resources(view, [kept], self._core.usages, self._core.live.vgpus)[0]

    def series(
        self,
        caller: Caller,
        vgpu: str,
        *,
        step_seconds: int,
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> SeriesResource:
        """What was measured of it, in steps of 1, 10 or 300 s."""
        with self._core.store.look() as view:
            kept = access.vgpu_of(view, caller, vgpu)
        return series.of_subject(
            self._core.store,
            self._core.live,
            "vgpu",
            kept.id,
            step_seconds=step_seconds,
            since_ms=since_ms,
            until_ms=until_ms,
        )

    def plan(self, caller: Caller, wanted: VgpuWanted) -> Plan:
        """Where a vGPU would go and why, or why nowhere and what would mend that; makes nothing."""
        tenant = access.tenant_for(caller, wanted.tenant)
        if wanted.on is not None:
            access.must_be_user(caller)  # drivers are asked what the partition is, and that is kept
            self.carriers.prepare(caller, wanted.on)
        with self._core.store.look() as view:
            left = quota_left(view, caller, tenant, self._core.quota)
            wished = wished_mode(view, wanted, self._core.node)
            if wished.mode is Mode.REMOTING:
                spec = specs.spec_of(view, wanted, self._core.node)
                carrier = carrier_of(view, caller, wanted.on, self._core.node)
                spec = specs.on_partition(spec, carrier)
                asked = msgspec.structs.replace(demand(spec, tenant), quota=left)
                told = plan(view, asked, caller, self._core.node)
                return _with_mode(told, wished)
        return self._hardware_plans.plan(caller, wanted, wished, left)

    def change(
        self,
        caller: Caller,
        vgpu: str,
        change: VgpuChange,
        *,
        generation: int | None = None,
        idempotency_key: str | None = None,
    ) -> VgpuResource:
        """Change what is wanted of a vGPU, in place. Where that can't be, nothing has changed."""

        access.must_be_user(caller)

        def changed(view: View, spec: VgpuSpec) -> VgpuSpec:
            return specs.changed(view, spec, change)

        with self._core.store.look() as view:
            vgpu = access.vgpu_of(view, caller, vgpu).id
        with self._core.alone(vgpu):
            with self._core.store.change(caller.actor) as wanting:
                request = {"vgpu": vgpu, "change": msgspec.to_builtins(change)}
                if _answered(wanting, caller, idempotency_key, request) is not None:
                    return self._shown(vgpu)
                before, after = self._want(wanting, caller, vgpu, changed, generation)
                _remember(wanting, caller, idempotency_key, request, vgpu)
            try:
                return self._brought(vgpu)
            except MemoryInUse:
                if not change.evict:
                    self._refuse(caller, before, after, idempotency_key)
                    raise
            except AliquotError:
                self._refuse(caller, before, after, idempotency_key)
                raise
            try:
                return self._want_state(caller, vgpu, _suspended(SuspendWanted()), None)
            except AliquotError:
                self._refuse(caller, before, after, idempotency_key)
                raise

    def suspend(
        self, caller: Caller, vgpu: str, wanted: SuspendWanted, *, generation: int | None = None
    ) -> VgpuResource:
        """Stop a vGPU at a kernel boundary; with `release` its place is given up."""
        with self._core.store.look() as view:
            before = access.vgpu_of(view, caller, vgpu)
        _refuse_hardware(before, Why.MODE_NO_SUSPEND)

        def as_before(_: View, spec: VgpuSpec) -> VgpuSpec:
            was = before.spec
            return msgspec.structs.replace(
                spec, wanted=was.wanted, release=was.release, preempted=was.preempted
            )

        try:
            return self._want_state(caller, before.id, _suspended(wanted), generation)
        except DeviceHostError:
            # What it does can't be interrupted: it goes on, as it is wanted otherwise by now.
            with suppress(AliquotError):
                self._want_state(caller, before.id, as_before, None)
            raise

    def resume(
        self, caller: Caller, vgpu: str, wanted: ResumeWanted, *, generation: int | None = None
    ) -> VgpuResource:
        """Let a suspended vGPU go on; where its place was given up, it needs one again."""

        def resumed(_: View, spec: VgpuSpec) -> VgpuSpec:
            return specs.with_wanted(spec, Wanted.RUNNING)

        access.must_be_user(caller)
        with self._core.store.look() as view:
            vgpu = access.vgpu_of(view, caller, vgpu).id
        with self._core.alone(vgpu):
            with self._core.store.change(caller.actor) as change:
                _, after = self._want(change, caller, vgpu, resumed, generation)
                place_again(change, after, wanted.wait_ms)
            return self._brought(vgpu)

    def move(
        self, caller: Caller, vgpu: str, wanted: MoveWanted, *, generation: int | None = None
    ) -> VgpuResource:
        """Bring a vGPU to another device of this node, while its programs wait."""
        access.must_be_user(caller)
        with self._core.store.look() as view:
            kept = access.vgpu_of(view, caller, vgpu)
        _refuse_hardware(kept, Why.MODE_NO_MOVE)
        if kept.spec.on is not None:
            raise refusal(NotInThisMode, Why.STAYS_ON_PARTITION)
        with self._core.alone(kept.id):
            with self._core.store.change(caller.actor) as change:
                start_move(change, kept.id, wanted.device, generation)
            try:
                self._reconciler.bring(kept.id)
            except AliquotError:
                if self._is_still_at(kept):  # it goes on there
                    with self._core.store.change(caller.actor) as change:
                        give_up_move(change, kept.id)
                raise
            return self._shown(kept.id)

    def delete(self, caller: Caller, vgpu: str, *, generation: int | None = None) -> VgpuResource:
        """End a vGPU, whoever uses it.

        One of hardware that is used, or that carries others, is refused and goes on as it was. One
        that its VM keeps is told of, and ends as soon as the VM lets go.
        """

        def deleted(_: View, spec: VgpuSpec) -> VgpuSpec:
            return specs.with_wanted(spec, Wanted.DELETED)

        try:
            return self._want_state(caller, vgpu, deleted, generation)
        except HardwareError:
            with suppress(AliquotError), self._core.store.look() as view:
                vgpu = access.vgpu_of(view, caller, vgpu).id
            with suppress(AliquotError), self._core.alone(vgpu):
                with self._core.store.change(caller.actor) as change:
                    kept = vgpus.get(change, vgpu)
                    lifecycle.want(change, vgpu, specs.with_wanted(kept.spec, Wanted.RUNNING))
                self._reconciler.bring(vgpu)
            raise

    def _made(
        self,
        caller: Caller,
        tenant: str,
        wanted: VgpuWanted,
        process: Process | None,
        key: str | None,
        held: ExitStack,
    ) -> tuple[str, bool]:
        """The vGPU of a request, and whether it is a new one, which `held` has alone then."""
        with self._core.store.change(caller.actor) as change:
            known = _answered(change, caller, key, wanted)
            if known is not None:
                return known, False
            left = must_have_room(change, caller, tenant, self._core.quota)
            mode = wished_mode(change, wanted, change.node).mode
            if mode in (None, Mode.REMOTING):
                on = carrier_of(change, caller, wanted.on, change.node)
                made = make(change, tenant, wanted, process, left, on).id
            else:
                made = make_of_hardware(change, caller, tenant, wanted, mode, left).id
            _remember(change, caller, key, wanted, made)
            # Before anybody else sees it, so nobody has it.
            held.enter_context(self._core.alone(made))
        return made, True

    def _want(
        self,
        change: Change,
        caller: Caller,
        vgpu: str,
        wanted: Callable[[View, VgpuSpec], VgpuSpec],
        generation: int | None,
    ) -> tuple[VgpuRecord, VgpuRecord]:
        """The vGPU before and after another spec was wanted of it."""
        before = access.vgpu_of(change, caller, vgpu)
        if before.spec.wanted is Wanted.DELETED:
            raise refusal(IllegalTransition, Why.DELETED, vgpu=before.name)
        spec = wanted(change, before.spec)
        must_allow_change(change, caller, before, spec, self._core.quota)
        must_be_beside(change, before, spec)
        return before, lifecycle.want(change, before.id, spec, generation=generation)

    def _want_state(
        self,
        caller: Caller,
        vgpu: str,
        wanted: Callable[[View, VgpuSpec], VgpuSpec],
        generation: int | None,
    ) -> VgpuResource:
        access.must_be_user(caller)
        with self._core.store.look() as view:
            vgpu = access.vgpu_of(view, caller, vgpu).id
        with self._core.alone(vgpu):
            with self._core.store.change(caller.actor) as change:
                _, after = self._want(change, caller, vgpu, wanted, generation)
                _leave_queue(change, after)
            return self._brought(vgpu)

    def _is_still_at(self, kept: VgpuRecord) -> bool:
        """Whether a move that failed left it where it was; else the reconciler ends that."""
        device = kept.status.device
        if device is None:
            return True
        try:
            return (
                self._core.hosts.ask(device, lambda host: find(host, kept), start=False) is not None
            )
        except NotRunning:
            return True  # it was nowhere but in the state
        except AliquotError:
            return False

    def _brought(self, vgpu: str) -> VgpuResource:
        """The vGPU after it was tried to make it so; what may pass is told as its reason."""
        with suppress(*_PASSING):
            self._reconciler.bring(vgpu)
        return self._shown(vgpu)

    def _shown(self, vgpu: str) -> VgpuResource:
        with self._core.store.look() as view:
            return vgpu_resources(
                view, [vgpus.get(view, vgpu)], self._core.usages, self._core.live.vgpus
            )[0]

    def _ready(
        self, caller: Caller, vgpu: str, lease: LeaseWanted | None, process: Process | None
    ) -> VgpuResource:
        """The vGPU once its device host holds it, and its lease; or where it has to wait."""
        try:
            kept = self._reconciler.bring(vgpu)
        except (DeviceHostUnreachable, InternalError):
            if lease:
                raise
            return self._shown(vgpu)
        if lease is None or process is None or kept.state is VgpuState.PENDING:
            return self._shown(vgpu)
        granted = self._leases.take(caller, vgpu, lease, process)
        return msgspec.structs.replace(self._shown(vgpu), lease=granted)

    def _undo(self, caller: Caller, vgpu: str, key: str | None) -> None:
        """It could not be as it was asked for: then it is not, and may be asked for again."""
        with suppress(AliquotError):
            with self._core.store.change(caller.actor) as change:
                kept = vgpus.get(change, vgpu)
                lifecycle.want(change, vgpu, specs.with_wanted(kept.spec, Wanted.DELETED))
                if key is not None:
                    idempotency.forget(change, caller.tenant, key)
            self._reconciler.bring(vgpu)

    def _refuse(
        self, caller: Caller, before: VgpuRecord, after: VgpuRecord, key: str | None
    ) -> None:
        """Want again what was wanted before: its device host refused the change."""
        spec = msgspec.structs.replace(
            after.spec,
            memory=before.spec.memory,
            shares=before.spec.shares,
            copy_limit=before.spec.copy_limit,
        )
        with suppress(AliquotError):
            with self._core.store.change(caller.actor) as change:
                lifecycle.want(change, after.id, spec)
                if key is not None:
                    idempotency.forget(change, caller.tenant, key)
            self._reconciler.bring(after.id)


def _with_mode(told: Plan, wished: ModeChoice) -> Plan:
    """The plan with why this mode, where others were looked at."""
    if not wished.others:
        return told
    others = {mode.value: list(lines) for mode, lines in wished.others.items()}
    return msgspec.structs.replace(told, mode_lines=list(wished.why), others=others)


def _refuse_hardware(kept: VgpuRecord, why: Why) -> None:
    """Raise NotInThisMode for what only a device host can do."""
    if is_hardware(kept.spec):
        raise refusal(NotInThisMode, why, mode=kept.spec.mode)


def _suspended(wanted: SuspendWanted) -> Callable[[View, VgpuSpec], VgpuSpec]:
    return lambda _, spec: specs.with_wanted(spec, Wanted.SUSPENDED, release=wanted.release)


def _leave_queue(change: Change, kept: VgpuRecord) -> None:
    """One that is to stay suspended waits for no place: it would go on there."""
    stays = kept.spec.wanted is Wanted.SUSPENDED and not kept.spec.preempted
    if stays and kept.state is VgpuState.SUSPENDED and queue.find(change, kept.id) is not None:
        queue.leave(change, kept.id, "its owner suspended it")


def _answered(change: Change, caller: Caller, key: str | None, request: Any) -> str | None:
    """The vGPU that this very request was about before, or None."""
    if key is None:
        return None
    answer = idempotency.answer(change, caller.tenant, key, _told(request))
    return None if answer is None else answer["vgpu"]


def _remember(change: Change, caller: Caller, key: str | None, request: Any, vgpu: str) -> None:
    if key is not None:
        idempotency.remember(change, caller.tenant, key, _told(request), {"vgpu": vgpu})


def _told(request: Any) -> dict[str, Any]:
    """What is asked, and by which words: the same body may be for creating and for changing."""
    return {"kind": type(request).__name__, "body": msgspec.to_builtins(request)}


def _group_of(view: View, caller: Caller, group: str) -> str:
    """The id of a group by its id or its name; one that there isn't has no members."""
    found = groups.find(view, group, caller.tenant)
    return found.id if found else group
