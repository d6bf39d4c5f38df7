"""The page of a vGPU, mapped: what it has had of its device, read without asking anybody.

Mirror of native/protocol/vgpu_page.h; a unit test compares the layouts.
"""

from __future__ import annotations

import mmap
import os
import struct
from typing import NamedTuple

from aliquot.errors import BadRecord, VersionMismatch

PAGE_VERSION = 1
PAGE_SIZE = 4096
AWAY, WAITING, LIMITED, HOLDING = range(4)

_ATTEMPTS = 1000


class Page(NamedTuple):
    """What a page says; sums are as of `at_ns`, and the one that `state` names grows since then."""

    version: int
    sequence: int
    state: int
    gone: int
    at_ns: int
    held_ns: int
    spared_ns: int
    withheld_ns: int
    waited_ns: int
    limited_ns: int
    outside_ns: int
    turns: int
    balance_ns: int
    looked_ns: int
    guarantee: int
    limit: int
    weight: int
    priority: int
    share_1s: int
    share_10s: int
    share_60s: int
    wait_p50_us: int
    wait_p99_us: int
    guest_processes: int
    busy_ns: int
    kernels: int
    copied_bytes: int
    memory_limit: int
    memory_used: int


LAYOUT = struct.Struct("4I8QqQ10I5Q")
_SEQUENCE = struct.Struct("I")
_SEQUENCE_OFFSET = 4


class MappedPage:
    """A page that a device host sent, for as long as its vGPU is of interest."""

    def __init__(self, descriptor: int) -> None:
        """Map the page and close the descriptor; raises BadRecord or VersionMismatch."""
        try:
            self._memory = mmap.mmap(descriptor, PAGE_SIZE, prot=mmap.PROT_READ)
        except (OSError, ValueError) as error:
            raise BadRecord(
                f"the device host sent a page that can't be mapped ({error})"
            ) from error
        finally:
            os.close(descriptor)
        if self._memory[:4] != _SEQUENCE.pack(PAGE_VERSION):
            raise VersionMismatch("the device host's pages are of another version")

    def read(self) -> Page:
        """What the page says now, all of one moment."""
        for _ in range(_ATTEMPTS):
            data = self._memory[: LAYOUT.size]
            page = Page._make(LAYOUT.unpack(data))
            after = _SEQUENCE.unpack_from(self._memory, _SEQUENCE_OFFSET)[0]
            if page.sequence % 2 == 0 and page.sequence == after:
                return page
        raise BadRecord("the device host's page is being written all the time")

    def close(self) -> None:
        """Let go of the page."""
        self._memory.close()
