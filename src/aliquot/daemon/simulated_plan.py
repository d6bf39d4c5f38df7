"""What a mode would do with a simulated device: told as of a real one, from what is known of such.

No hardware is asked. Of MIG the known geometries tell where an instance would lie.
"""

from __future__ import annotations

from collections.abc import Iterable

from aliquot.daemon.hardware_place import Verdict, pci_of
from aliquot.model.hardware import Plan
from aliquot.model.line import Line
from aliquot.model.modes import Mode, PartitionType
from aliquot.model.vgpu_record import VgpuRecord, VgpuSpec
from aliquot.model.why import Why, because
from aliquot.modes.mig.geometry import EMPTY, Geometry, Placed, State, best_start, more
from aliquot.modes.mig.known_geometries import of_name
from aliquot.modes.mig.steps import step


def simulated_plan(best: Verdict, spec: VgpuSpec, there: Iterable[VgpuRecord]) -> Plan:
    """The steps, and what would still fit; `there` are the vGPUs that have a place on it."""
    device, mode, kind = best.device, Mode(spec.mode), best.type
    pci = pci_of(device)
    address = pci.address if pci is not None else device.name
    steps: list[Line] = []
    notes: list[Line] = [because(Why.SIMULATED)]
    leaves = _left(kind)
    match mode:
        case Mode.PASSTHROUGH:
            steps.append(because(Why.STEP_SET_ASIDE, address=address))
            if pci is not None and pci.driver is not None:
                steps.append(because(Why.STEP_TO_VFIO, address=address, driver=pci.driver))
            if pci is not None and pci.boot_display:
                notes.append(because(Why.BOOT_DISPLAY))
        case Mode.MDEV:
            name = kind.name if kind else "-"
            steps.append(because(Why.STEP_MDEV, type=name, parent=address))
        case Mode.SRIOV:
            most = pci.most_virtual_functions if pci is not None else None
            most = most or (kind.most if kind is not None else None)
            if most:
                steps.append(because(Why.STEP_ENABLE, count=most, address=address))
            if kind is not None:
                steps.append(because(Why.STEP_TYPE_OF_ONE, type=kind.name))
        case Mode.MIG if kind is not None:
            geometry = of_name(device.name, device.memory or None)
            line, fits = _in_geometry(geometry, address, kind, there)
            steps.append(line or because(Why.STEP_MIG_SOMEWHERE, type=kind.name, address=address))
            leaves = fits or leaves
            if geometry is not None and geometry.inferred:
                notes.append(because(Why.GEOMETRY_INFERRED))
        case _:
            pass
    return Plan(
        mode=mode,
        target=address,
        type=kind.name if kind else None,
        memory=spec.memory or None,
        steps=tuple(steps),
        notes=tuple(notes),
        leaves=leaves,
    )


def _left(kind: PartitionType | None) -> dict[str, int]:
    if kind is None or kind.available is None:
        return {}
    return {kind.name: max(0, kind.available - 1)}


def _in_geometry(
    geometry: Geometry | None,
    address: str,
    kind: PartitionType,
    there: Iterable[VgpuRecord],
) -> tuple[Line | None, dict[str, int]]:
    """Where an instance would lie beside the others, had each been placed as we place them."""
    if geometry is None:
        return None, {}
    state: State = EMPTY
    last: Line | None = None
    for name in [*(one.spec.type for one in there if one.spec.mode == Mode.MIG), kind.name]:
        profile = next((one for one in geometry.profiles if one.name == name), None)
        start = best_start(geometry, state, profile) if profile is not None else None
        if profile is None or start is None:
            return None, {}
        state |= {Placed(profile.id, start)}
        last = step(address, profile, start)
    after = more(geometry, state)
    return last, {one.name: after[one.id] for one in geometry.profiles}
