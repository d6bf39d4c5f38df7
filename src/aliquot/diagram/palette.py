"""Colours, for light and dark, that people tell apart who see colours differently.

After Okabe and Ito (2008). None says anything that a word, a border or a hatch doesn't say as well.
"""

from __future__ import annotations

from typing import NamedTuple

from aliquot.model.api.picture import Look


class Theme(NamedTuple):
    """The colours of what isn't a vGPU."""

    paper: str
    band: str
    ink: str
    soft: str
    faint: str
    box: str
    device: str


THEMES = {
    "light": Theme("#ffffff", "#f6f8fa", "#1f2933", "#52606d", "#9aa5b1", "#ffffff", "#f1f3f5"),
    "dark": Theme("#12161c", "#1a2029", "#e8edf2", "#a9b4c0", "#5f6c7b", "#1d242e", "#242c37"),
}

LOOKS = {
    Look.SOFTWARE: "#0072b2",
    Look.HARDWARE: "#009e73",
    Look.HYBRID: "#aa4499",
    Look.PASSTHROUGH: "#d55e00",
    Look.DEVICE: "#7b8794",
    Look.QUEUE: "#b58900",
    Look.ABSENT: "#9aa5b1",
    Look.FRAME: "#7b8794",
}

_VGPUS = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#d55e00",
    "#9a8a00",
    "#7a5195",
)


def of_vgpu(vgpu: str) -> str:
    """The colour of a vGPU, the same wherever and whenever it is drawn; grey for others'."""
    return _VGPUS[int(vgpu[-4:], 16) % len(_VGPUS)] if vgpu else "#9aa5b1"
