"""A turn: the stretch of device time that one vGPU is granted at once."""

from __future__ import annotations

from typing import NamedTuple


class Turn(NamedTuple):
    """A turn as its device host tells of it; times in nanoseconds, of the monotonic clock.

    Where turns are many, a vGPU's that begin within some milliseconds are told as one, whether or
    not others had turns in between: then less is charged than lies between beginning and end.
    """

    vgpu: int  # its number
    begin_ns: int
    end_ns: int
    charged_ns: int  # without what handing the device over took, and what the system withheld
