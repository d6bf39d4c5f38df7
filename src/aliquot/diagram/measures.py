"""The lengths of the picture, in pixels at a scale of 1; all are multiples of 4."""

from __future__ import annotations

from aliquot.model.api.picture import Layer

MARGIN = 24
LABELS = 112  # the names of the layers, at the left
SLOT = 152
SLOT_GAP = 16
COLUMN_PAD = 12  # at both sides within a device's column
COLUMN_GAP = 24
ROW_GAP = 40
NODE_PAD = 16
NODE_HEADER = 36
WIDEST_ROW = 1760  # columns beyond that go into the next row, if they aren't alone

CONSUMER = 52
GUEST = 44
WORKER = 96
HOST = 44
DEVICE = 176
LAYER_GAP = 36
HOST_GAP = 20
CHIP = 22
CHIP_GAP = 6
LABEL_GAP = 8  # between an edge and what is written beside it
LABEL = 12

# Of a row of devices, from its top: where each layer begins, and its height.
_CONSUMERS_AT = 0
_GUEST_AT = _CONSUMERS_AT + CONSUMER + LAYER_GAP
_VIRTUALIZATION_AT = _GUEST_AT + GUEST + LAYER_GAP
HOST_AT = _VIRTUALIZATION_AT + WORKER + HOST_GAP
_DEVICES_AT = HOST_AT + HOST + LAYER_GAP
ROW = _DEVICES_AT + DEVICE

LAYERS: dict[Layer, tuple[int, int]] = {
    Layer.CONSUMERS: (_CONSUMERS_AT, CONSUMER),
    Layer.GUEST: (_GUEST_AT, GUEST),
    Layer.VIRTUALIZATION: (_VIRTUALIZATION_AT, WORKER + HOST_GAP + HOST),
    Layer.DEVICES: (_DEVICES_AT, DEVICE),
}


# Where vGPUs stand in groups: the height of a group's row, and the space for edges to devices.
GROUP_ROW = _VIRTUALIZATION_AT + WORKER
CROSSING = 96
LANES = 8  # edges that go across at different heights
LANE = 8
# And of a row of devices below, from its top.
BARE_DEVICE_AT = HOST + LAYER_GAP
BARE_ROW = BARE_DEVICE_AT + DEVICE


# Where one vGPU is drawn by its processes: the heights of these and their command queues, and
# where layers begin, from the top of its row.
PROCESS = 84
COMMAND_QUEUE = 132
_QUEUES_AT = PROCESS + LAYER_GAP
_OPENED_AT = _QUEUES_AT + COMMAND_QUEUE + LAYER_GAP
OPENED_SHIFT = _OPENED_AT - _VIRTUALIZATION_AT  # by which all stands lower from there on
OPENED_LAYERS: dict[Layer, tuple[int, int]] = {
    Layer.CONSUMERS: (0, PROCESS),
    Layer.GUEST: (_QUEUES_AT, COMMAND_QUEUE),
    Layer.VIRTUALIZATION: (_OPENED_AT, WORKER + HOST_GAP + HOST),
    Layer.DEVICES: (_DEVICES_AT + OPENED_SHIFT, DEVICE),
}
OPENED_ROW = ROW + OPENED_SHIFT


def slots_width(slots: int) -> int:
    """The width of so many slots with the gaps between them."""
    return slots * SLOT + (slots - 1) * SLOT_GAP


def column_width(slots: int) -> int:
    """The width of a device's column."""
    return slots_width(slots) + 2 * COLUMN_PAD
