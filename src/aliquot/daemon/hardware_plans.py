"""What a dry run tells of a vGPU of hardware: the device, the steps, what still fits then."""

from __future__ import annotations

import secrets

import msgspec

from aliquot.daemon.caller import Caller
from aliquot.daemon.core import Core
from aliquot.daemon.hardware_making import plan_of_hardware, settled_spec, spec_of
from aliquot.daemon.hardware_place import Verdict, address_of, types_of, verdicts
from aliquot.daemon.simulated_plan import simulated_plan
from aliquot.errors import HardwareError
from aliquot.model.api.vgpus import Plan, VgpuWanted
from aliquot.model.line import Line
from aliquot.model.modes import Mode
from aliquot.model.vgpu_record import VgpuSpec
from aliquot.model.why import Why, because
from aliquot.modes.choice import Choice
from aliquot.placement.engine.quotas import Quota
from aliquot.store import vgpus


class HardwarePlans:
    """Asks the state which device, then its mode what it would do; makes nothing."""

    def __init__(self, core: Core) -> None:
        """Ask these."""
        self._core = core

    def plan(self, caller: Caller, wanted: VgpuWanted, wished: Choice, left: Quota) -> Plan:
        """Where it would go and how it would be made; `left` as for make_of_hardware()."""
        assert wished.mode is not None
        node = self._core.node
        with self._core.store.look() as view:
            spec = spec_of(view, caller, wanted, wished.mode, node)
            found = verdicts(view, spec, node, left)
            there = vgpus.placed(view, node)
        told, best = plan_of_hardware(found, spec)
        others = {mode.value: list(lines) for mode, lines in wished.others.items()}
        told = msgspec.structs.replace(told, mode_lines=list(wished.why), others=others)
        if best is None:
            return told
        spec = settled_spec(spec, best)
        notes = _types_notes(best, spec)
        try:
            if best.device.simulated:
                made = simulated_plan(best, spec, there.get(best.device.uuid, []))
            else:
                made = self._core.hardware.plan(
                    secrets.token_hex(16), spec, address_of(best.device)
                )
        except HardwareError as error:  # what it is like now, discovery hasn't told yet
            return msgspec.structs.replace(
                told, fits=False, device=None, why=error.what, lines=list(error.lines)
            )
        return msgspec.structs.replace(
            told,
            steps=list(made.steps),
            notes=[*made.notes, *notes],
            leaves=made.leaves,
        )


def _types_notes(best: Verdict, spec: VgpuSpec) -> list[Line]:
    """What isn't certain of a type that no virtual function lists yet."""
    if spec.mode != Mode.SRIOV or spec.type is None or types_of(best.device, Mode.SRIOV):
        return []
    notes = [because(Why.TYPE_LATER, type=spec.type)]
    if spec.memory:
        notes.append(because(Why.FROM_TYPES_NAME))
    return notes
