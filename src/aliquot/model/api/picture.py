"""The architecture picture: every box and edge with its place, for whoever draws it.

The browser, the SVG and the text forms draw the same description, so they can't disagree. It has
no words of a language in it: a line is a key of the catalogue with its values. Lengths are in
pixels at a scale of 1, from the upper left.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from aliquot.model.api.common import Milliseconds
from aliquot.model.line import Line as Line  # of a picture, as everything else here
from aliquot.model.line import Values as Values


class Layer(StrEnum):
    """Where things stand, from the top down."""

    CONSUMERS = "consumers"
    GUEST = "guest"
    VIRTUALIZATION = "virtualization"
    DEVICES = "devices"
    NODE = "node"


class Look(StrEnum):
    """What tells kinds apart at a glance."""

    SOFTWARE = "software"  # API remoting
    HARDWARE = "hardware"  # a partition: MIG, mdev, SR-IOV
    HYBRID = "hybrid"  # API remoting on a partition
    PASSTHROUGH = "passthrough"
    DEVICE = "device"
    QUEUE = "queue"
    ABSENT = "absent"  # can't be here, for a reason
    FRAME = "frame"


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A vGPU's part of a bar: how much it was promised and uses, and where each of both begins.

    `vgpu` is empty where it is another tenant's, and `count` says of how many it is the sum.
    """

    vgpu: str
    name: str
    promised_from: float
    promised: float
    used_from: float
    used: float
    count: int = 1


class Bar(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A device's memory (bytes) or time (percent), to scale from 0 to `total`.

    Of memory, what is used lies within what is reserved for it; of time, what was had is a track of
    its own, for it may be more than was promised.
    """

    kind: str
    total: float
    parts: list[Part] = []


class Box(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A box, in front of those before it. `subject` is what it is about: a vGPU, a device.

    `id` stays the same as long as the thing is there. `stale` ones have no figures of now.
    With `opens` among `opened` or `closed`, what a box stands for is drawn one by one, or as one.
    With `zooms` as `vgpu`, the processes and command queues of that vGPU are drawn instead.
    `reason` is why it can't be, or isn't as wanted, in English; `reason_lines` the same to be told
    in any language, and `reason_code` that of an error, where it is one.
    """

    id: str
    layer: Layer
    kind: str
    look: Look
    x: int
    y: int
    width: int
    height: int
    title: Line
    lines: list[Line] = []
    bars: list[Bar] = []
    subject: str = ""
    owner: str = ""
    state: str = ""
    simulated: bool = False
    stale: bool = False
    count: int = 1
    reason: str = ""
    reason_code: str = ""
    reason_lines: list[Line] = []
    opens: str = ""
    zooms: str = ""


class Edge(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What flows between two boxes: a share of the device's time, and copied bytes a second.

    `label` is where that is written: the left end of the text, halfway up.
    """

    id: str
    source: str
    target: str
    look: Look
    points: list[tuple[int, int]]
    label: tuple[int, int]
    share: float = 0.0
    bytes_per_second: float = 0.0
    active: bool = False


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the picture in which one layer of one row of devices stands."""

    layer: Layer
    y: int
    height: int


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. `sequence` is of the newest event in it, `at_ms` when it was drawn.

    `vgpu` is the one whose processes and command queues are drawn, or empty.
    """

    node: str
    at_ms: Milliseconds
    sequence: int
    width: int
    height: int
    bands: list[Band]
    boxes: list[Box]
    edges: list[Edge]
    vgpu: str = ""
