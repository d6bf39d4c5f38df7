"""The lines of `aliquot bench remoting`: what is compared, the bar that holds and the aim."""

from __future__ import annotations

import enum
from typing import NamedTuple

SHARED = "shared"
STAGED = "staged"


class Better(enum.Enum):
    """Which way a ratio is good."""

    LESS = "less"
    MORE = "more"


class Bar(NamedTuple):
    """What must hold, and what is aimed at."""

    bar: float
    aim: float


class Promise(NamedTuple):
    """One line: vGPU against native, by one or more metrics of clbench (the worst one counts).

    `added` lines compare the difference in ms, all others the ratio to native.
    """

    name: str
    metrics: tuple[str, ...]
    better: Better
    shared: Bar
    staged: Bar
    added: bool = False

    def bar_for(self, transfer: str) -> Bar:
        """The bar for buffers in shared pages, or staged as for a discrete GPU."""
        return self.staged if transfer == STAGED else self.shared

    def holds(self, value: float, transfer: str, tolerance: float = 1.0) -> bool:
        """Whether a value is within the bar, which `tolerance` (1 or more) makes wider."""
        bar = self.bar_for(transfer).bar
        if self.better is Better.LESS:
            return value <= bar * tolerance
        return value >= bar / tolerance


def _less(name: str, *metrics: str, shared: Bar, staged: Bar | None = None) -> Promise:
    return Promise(name, metrics, Better.LESS, shared, staged or shared)


def _more(name: str, *metrics: str, shared: Bar, staged: Bar | None = None) -> Promise:
    return Promise(name, metrics, Better.MORE, shared, staged or shared)


PROMISES = (
    Promise(
        "set-up (platform, context, queue)",
        ("setup/platform+context+queue",),
        Better.LESS,
        Bar(20, 2),
        Bar(20, 2),
        added=True,
    ),
    _less(
        "empty kernel + clFinish",
        "rtt/ndrange+finish",
        shared=Bar(1.5, 0.9),
        staged=Bar(1.8, 0.9),
    ),
    _more(
        "async empty kernels, with clFinish",
        "async/enqueue_total",
        shared=Bar(0.9, 1.1),
        staged=Bar(0.85, 1.1),
    ),
    _more("4 setArg + enqueue", "args/4args+enqueue", shared=Bar(0.85, 1.1)),
    _more(
        "blocking write and read 4 KiB",
        "bw/write_4K",
        "bw/read_4K",
        shared=Bar(5, 300),
        staged=Bar(0.6, 1),
    ),
    _more(
        "blocking write and read 1 MiB",
        "bw/write_1024K",
        "bw/read_1024K",
        shared=Bar(1.2, 2),
        staged=Bar(0.65, 0.9),
    ),
    _more(
        "blocking write and read 64 MiB",
        "bw/write_65536K",
        "bw/read_65536K",
        shared=Bar(0.95, 1.05),
        staged=Bar(0.6, 0.8),
    ),
    _less("map + unmap 1 MiB", "map/map_rw+unmap_1M", shared=Bar(0.3, 0.01), staged=Bar(6, 2)),
    _more("create + write + release", "churn/create+write4B+release", shared=Bar(5, 500)),
    _less("event callback", "cb/event_callback", shared=Bar(1.1, 0.85)),
    _less("user event", "userev/userevent->done", shared=Bar(2.5, 1)),
    _less("compute-bound kernel", "compute/burn", shared=Bar(1.02, 1)),
    _more("info queries", "info/clGetDeviceInfo", shared=Bar(0.5, 1.2)),
    Promise(
        "`aliquot run -- true`, over `true`",
        ("start/true",),
        Better.LESS,
        Bar(250, 60),
        Bar(250, 60),
        added=True,
    ),
    Promise(
        "empty kernel + clFinish, machine busy",
        ("busy/ndrange+finish",),
        Better.LESS,
        Bar(2.5, 1.6),
        Bar(2.5, 1.6),
    ),
)
