"""A made-up source for `aliquot top`: the same at every look, but for what is done to it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from aliquot.model.shares import PriorityClass, Shares
from aliquot.tui.host_source import NEEDS_DAEMON
from aliquot.tui.source import Act, NewSize
from aliquot.tui.view import DeviceView, ProcessView, Screenful, VgpuView

GIB = 1 << 30
CPU = "11111111-0000-0000-0000-000000000001"
GPU = "22222222-0000-0000-0000-000000000002"
LOST = "33333333-0000-0000-0000-000000000003"


def vgpu(key: str, guarantee: float = 0, **fields: object) -> VgpuView:
    """A vGPU that is leased."""
    told: dict[str, object] = {
        "key": key,
        "name": key,
        "owner": "alice",
        "device": GPU,
        "number": 1,
        "state": "leased",
        "shares": Shares(guarantee=round(guarantee * 100)),
        "memory_limit": 4 * GIB,
        "memory_used": GIB,
        "share": 20.0,
        "share_10s": 20.0,
        "waiting": 5.0,
        "processes": 1,
        "kernels": 120_000,
        "copy_rate": 3 << 20,
        "leases": ("1",),
    }
    return VgpuView(**(told | fields))  # type: ignore[arg-type]


def screenful() -> Screenful:
    """Three devices, one of them lost; vGPUs of three users in every state."""
    return Screenful(
        devices=(
            DeviceView(CPU, 0, "pthread-AMD EPYC-Milan Processor", use=37.0, memory=15 * GIB,
                       memory_used=3 * GIB, memory_reserved=6 * GIB, granted=30.0,
                       policy="best-effort", vgpus=2),
            DeviceView(GPU, 1, "Radeon RX 7900 XTX", use=92.0, memory=24 * GIB,
                       memory_used=17 * GIB, memory_reserved=22 * GIB, granted=90.0, power=287.0,
                       temperature=71.0, policy="fixed-share", vgpus=4, simulated=True),
            DeviceView(LOST, 2, "GeForce RTX 4090", present=False, memory=24 * GIB,
                       memory_used=0, policy="equal-share", vgpus=1),
        ),
        vgpus=(
            vgpu("train", 50, share=51.2, share_10s=50.4, waiting=41.0, memory_used=11 * GIB,
                 memory_limit=12 * GIB, processes=2),
            vgpu("serve", 30, owner="bob", share=18.0, share_10s=19.5, waiting=77.0,
                 shares=Shares(3000, 6000, 2, PriorityClass.LATENCY), memory_used=int(3.9 * GIB)),
            vgpu("notebook-of-somebody-with-a-long-name", 10, owner="carol", share=0.4,
                 share_10s=1.0, waiting=0.0, memory_used=90 << 20),
            vgpu("nightly", 0, owner="bob", share=22.0, waiting=88.0, device=CPU, leases=("7", "8"),
                 shares=Shares(0, 10_000, 1, PriorityClass.BATCH), processes=3),
            vgpu("idle", 30, device=CPU, state="ready", share=0.0, share_10s=0.0, waiting=0.0,
                 memory_used=0, processes=0, leases=()),
            vgpu("parked", 25, owner="carol", state="suspended", share=None, share_10s=None,
                 waiting=None, processes=0, leases=(), copy_rate=None, kernels=None),
            vgpu("broken", 25, owner="dave", device=LOST, state="failed", share=None,
                 share_10s=None, waiting=None, memory_used=None, processes=0, leases=(),
                 reason="device GeForce RTX 4090 is gone"),
        ),
        processes=(
            ProcessView(41001, "train", "train", GPU, "alice", 10 * GIB,
                        "python3 train.py --epochs 90 --model resnet50"),
            ProcessView(41002, "train", "train", GPU, "alice", GIB, "python3 loader.py"),
            ProcessView(41377, "serve", "serve", GPU, "bob", int(3.9 * GIB), "./serve --port 8000"),
            ProcessView(40211, "nightly", "nightly", CPU, "bob", 700 << 20,
                        "hashcat -b \x1b[31m-m 0"),
        ),
        origin="daemon at /run/aliquot/api.sock",
    )  # fmt: skip


class MadeUpSource:
    """Remembers what is done to it. Without `daemon` what needs one can't be done."""

    def __init__(self, shown: Screenful | None = None, *, daemon: bool = True) -> None:
        self.shown = shown or screenful()
        self.daemon = daemon
        self.done: list[tuple[str, str, object]] = []
        self.failing: Exception | None = None
        self.closed = False
        if not daemon:
            self.shown = self.shown._replace(origin="no daemon")

    def look(self) -> Screenful:
        if self.failing:
            raise self.failing
        return self.shown

    def why_not(self, act: Act, vgpu: VgpuView) -> str:
        if act in (Act.SUSPEND, Act.RESUME) and not self.daemon:
            return NEEDS_DAEMON
        if act is Act.KILL and not vgpu.leases:
            return "nobody holds a lease of it"
        return ""

    def history(self, vgpu: VgpuView) -> Sequence[tuple[float, float]]:
        """A wave around what it has now."""
        if vgpu.share is None or not self.daemon:
            return ()
        return [
            (
                vgpu.share * (0.8 + 0.3 * math.sin(n / 7)),
                (vgpu.waiting or 0) * (0.9 + 0.1 * (n % 3)),
            )
            for n in range(200)
        ]

    def resize(self, vgpu: VgpuView, size: NewSize) -> str:
        return self._did("resize", vgpu, size)

    def suspend(self, vgpu: VgpuView) -> str:
        return self._did("suspend", vgpu)

    def resume(self, vgpu: VgpuView) -> str:
        return self._did("resume", vgpu)

    def kill(self, vgpu: VgpuView) -> str:
        return self._did("kill", vgpu)

    def close(self) -> None:
        self.closed = True

    def _did(self, what: str, vgpu: VgpuView, size: object = None) -> str:
        if self.failing:
            raise self.failing
        self.done.append((what, vgpu.key, size))
        return f"{what} of {vgpu.name} is done"
