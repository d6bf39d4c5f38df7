"""What stands where in each mode, from who uses it down to the device.

Two vGPUs, A and B, share one device in all of them, so that what differs is the mode alone.
"""

from __future__ import annotations

from typing import NamedTuple

from aliquot.diagram import measures
from aliquot.model.api.picture import Layer, Look
from aliquot.model.modes import Mode

HYBRID = "hybrid"  # no mode of a vGPU: remoting, on a partition


class Level(NamedTuple):
    """Boxes side by side, one for A and one for B; or one for both, if it is `common`.

    Title and lines are keys of the catalogue.
    """

    layer: Layer
    kind: str
    look: Look
    title: str
    lines: tuple[str, ...]
    height: int
    common: bool = False


class Share(NamedTuple):
    """What a vGPU was promised of something, and how much of it it has."""

    promised: float
    used: float


class Way(NamedTuple):
    """A way to divide a GPU. `memory` (GiB) and `time` (percent) are of A, B and, last, others.

    Without `time` nobody takes turns.
    """

    mode: str
    look: Look
    levels: tuple[Level, ...]
    device: str
    memory: tuple[Share, ...]
    time: tuple[Share, ...] = ()
    tested: bool = False  # on a device, not on stand-ins alone


MEMORY = 16  # GiB, of the device


def _program(look: Look) -> Level:
    return Level(
        Layer.CONSUMERS,
        "process",
        look,
        "scene-program",
        ("scene-unmodified",),
        measures.CONSUMER,
    )


def _machine(look: Look) -> Level:
    return Level(Layer.CONSUMERS, "vm", look, "scene-vm", ("scene-own-kernel",), measures.CONSUMER)


def _driver(look: Look, title: str, within: str) -> Level:
    return Level(Layer.GUEST, title, look, title, (within,), measures.GUEST)


def _vgpu(look: Look, kind: str, *lines: str) -> Level:
    return Level(Layer.VIRTUALIZATION, kind, look, "scene-vgpu", lines, measures.WORKER)


def _common(look: Look, kind: str, title: str, line: str) -> Level:
    return Level(Layer.VIRTUALIZATION, kind, look, title, (line,), measures.HOST, common=True)


def _remoted(look: Look) -> tuple[Level, ...]:
    return (
        _program(look),
        _driver(look, "guest-driver", "scene-in-program"),
        _vgpu(look, "worker", "scene-worker-does", "scene-worker-fenced"),
        _common(Look.SOFTWARE, "device-host", "device-host", "scene-host-does"),
    )


WAYS: tuple[Way, ...] = (
    Way(
        mode=Mode.REMOTING.value,
        look=Look.SOFTWARE,
        levels=_remoted(Look.SOFTWARE),
        device="scene-device-turns",
        memory=(Share(8, 6), Share(4, 3)),
        time=(Share(50, 50), Share(25, 42)),
        tested=True,
    ),
    Way(
        mode=Mode.PASSTHROUGH.value,
        look=Look.PASSTHROUGH,
        levels=(
            _machine(Look.PASSTHROUGH),
            _driver(Look.PASSTHROUGH, "vendor-driver", "scene-in-vm"),
            _vgpu(Look.PASSTHROUGH, "vfio", "scene-whole", "scene-whole-how"),
        ),
        device="scene-device-one",
        memory=(Share(16, 10),),
        time=(Share(100, 70),),
    ),
    Way(
        mode=Mode.MDEV.value,
        look=Look.HARDWARE,
        levels=(
            _machine(Look.HARDWARE),
            _driver(Look.HARDWARE, "vgpu-driver", "scene-in-vm"),
            _vgpu(Look.HARDWARE, "partition", "scene-mdev", "scene-mdev-how"),
            _common(Look.HARDWARE, "vendor-host", "scene-vendor-host", "scene-vendor-host-does"),
        ),
        device="scene-device-turns",
        memory=(Share(8, 5), Share(8, 4)),
        time=(Share(50, 50), Share(50, 30)),
    ),
    Way(
        mode=Mode.SRIOV.value,
        look=Look.HARDWARE,
        levels=(
            _machine(Look.HARDWARE),
            _driver(Look.HARDWARE, "vgpu-driver", "scene-in-vm"),
            _vgpu(Look.HARDWARE, "partition", "scene-function", "scene-function-how"),
        ),
        device="scene-device-functions",
        memory=(Share(8, 5), Share(8, 4)),
        time=(Share(50, 50), Share(50, 30)),
    ),
    Way(
        mode=Mode.MIG.value,
        look=Look.HARDWARE,
        levels=(
            _program(Look.HARDWARE),
            _driver(Look.HARDWARE, "vendor-driver", "scene-in-program"),
            _vgpu(Look.HARDWARE, "partition", "scene-instance", "scene-instance-how"),
        ),
        device="scene-device-cut",
        memory=(Share(8, 6), Share(4, 3)),
    ),
    Way(
        mode=HYBRID,
        look=Look.HYBRID,
        levels=(
            *_remoted(Look.HYBRID),
            _common(Look.HARDWARE, "slice", "scene-slice", "scene-slice-is"),
        ),
        device="scene-device-cut",
        memory=(Share(4, 3), Share(4, 2), Share(8, 4)),
    ),
)
