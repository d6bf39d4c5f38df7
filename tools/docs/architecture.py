"""The picture of the README: a made-up moment of three GPUs, drawn as `aliquot diagram` draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aliquot.diagram.arrange import arrange
from aliquot.diagram.scene import Choice, Scene
from aliquot.diagram.slots import Slots
from aliquot.diagram.svg import svg
from aliquot.model.api.devices import DeviceResource, PolicyResource
from aliquot.model.api.leases import LeaseResource
from aliquot.model.api.vgpus import VgpuResource
from aliquot.model.lease import LeaseKind
from aliquot.model.lifecycle import VgpuState, Wanted
from aliquot.model.modes import Mode
from aliquot.model.vgpu_record import Placement

_GIB = 1 << 30
_NAMES = ("NVIDIA GeForce RTX 3090", "NVIDIA A100-SXM4-80GB", "AMD Radeon RX 6800")
_SIZES = (24 * _GIB, 80 * _GIB, 16 * _GIB)
_CAN = (
    (Mode.REMOTING, Mode.PASSTHROUGH),
    (Mode.REMOTING, Mode.PASSTHROUGH, Mode.MDEV, Mode.MIG),
    (Mode.REMOTING, Mode.PASSTHROUGH),
)

# Name, device, mode, GiB, GiB in use, promised and had in percent, bytes copied a second, who.
_VGPUS: Sequence[tuple[str, int, str, int, int, float, float | None, float, LeaseKind]] = (
    ("train", 0, "remoting", 8, 6, 50, 48.9, 1.2e9, LeaseKind.PROCESS),
    ("notebook", 0, "remoting", 6, 1, 25, 31.0, 0, LeaseKind.CONTAINER),
    ("spare", 0, "remoting", 4, 0, 0, None, 0, LeaseKind.PROCESS),
    ("mig-2g", 1, "mig", 20, 12, 28, 20, 0, LeaseKind.VM),
    ("desk-7", 1, "mdev", 20, 3, 30, 10, 0, LeaseKind.DESKTOP),
    ("render", 1, "remoting", 20, 3, 30, 30, 0, LeaseKind.PROCESS),
    ("whole", 2, "passthrough", 16, 3, 100, 70, 0, LeaseKind.VM),
)


def draw() -> str:
    """Returns docs/architecture.svg."""
    vgpus = [_vgpu(number) for number in range(len(_VGPUS))]
    leases = {
        vgpu.id: [_lease(number, vgpu)]
        for number, vgpu in enumerate(vgpus)
        if "consumed" in vgpu.measured
    }
    devices = [_device(number, vgpus) for number in range(len(_NAMES))]
    scene = Scene("lab", 0, 0, devices, vgpus, leases)
    return svg(arrange(scene, Choice(), Slots()))


def _device(number: int, vgpus: Sequence[VgpuResource]) -> DeviceResource:
    on_it = [vgpu for vgpu in vgpus if vgpu.device == _uuid(number)]
    reserved = sum(vgpu.memory for vgpu in on_it)
    modes: list[dict[str, Any]] = [
        {"mode": mode.value, "can": mode in _CAN[number], "why_not": None} for mode in Mode
    ]
    return DeviceResource(
        uuid=_uuid(number),
        index=number,
        node="lab",
        name=_NAMES[number],
        kind="gpu",
        present=True,
        simulated=False,
        remotable=True,
        memory=_SIZES[number],
        reserved_memory=reserved,
        free_memory=_SIZES[number] - reserved,
        reserved_compute=sum(vgpu.compute for vgpu in on_it),
        vgpus=len(on_it),
        policy=PolicyResource(),
        telemetry={},
        facts={"modes": modes},
        seen_ms=0,
        measured={"busy": sum(vgpu.measured.get("consumed", 0.0) for vgpu in on_it)},
    )


def _vgpu(number: int) -> VgpuResource:
    name, device, mode, memory, used, promised, had, copied, _ = _VGPUS[number]
    return VgpuResource(
        id=f"{number + 1:032x}",
        name=name,
        tenant="lab",
        node="lab",
        group=None,
        state=VgpuState.READY if had is None else VgpuState.LEASED,
        reason="",
        reason_code="",
        wanted=Wanted.RUNNING,
        generation=1,
        settled=True,
        memory=memory * _GIB,
        memory_used=used * _GIB,
        compute=promised,
        compute_limit=100.0,
        weight=1,
        priority="normal",
        copy_limit=0,
        kernel_limit_ms=2000,
        mode=mode,
        device=_uuid(device),
        placement=Placement.PACK,
        apart=None,
        movable=False,
        preemptible=False,
        ephemeral=False,
        profile=None,
        labels={},
        leases=0 if had is None else 1,
        queue_position=None,
        worker_process_id=0 if had is None else 1,
        created_ms=0,
        changed_ms=0,
        expires_ms=None,
        deleted_ms=None,
        measured={} if had is None else {"consumed": had, "copied": copied},
    )


def _lease(number: int, vgpu: VgpuResource) -> LeaseResource:
    return LeaseResource(
        id=vgpu.id,
        vgpu=vgpu.id,
        vgpu_name=vgpu.name,
        tenant=vgpu.tenant,
        kind=_VGPUS[number][-1],
        process_id=4700 + number,
        user_id=None,
        holder=vgpu.name,
        enforced=False,
        since_ms=0,
    )


def _uuid(device: int) -> str:
    return f"{device + 1:032x}"
