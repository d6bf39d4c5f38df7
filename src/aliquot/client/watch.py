"""Looks at the vGPUs again and again, mostly without asking anybody.

Which vGPUs there are is asked once a second. In between their pages tell the rest, so that ten
looks a second cost the device hosts nothing.
"""

from __future__ import annotations

import contextlib
import time

from aliquot import runtime_directory
from aliquot.client.device_host import DeviceHost, running_hosts
from aliquot.client.pages import HOLDING, LIMITED, WAITING, MappedPage, Page
from aliquot.errors import DeviceHostError, DeviceHostUnreachable, NoSuchVgpu
from aliquot.model.shares import PriorityClass, Shares, Turns
from aliquot.model.vgpu import VgpuState, VgpuUsage

LIST_SECONDS = 1.0

# By device and number. Of a vGPU without a worker nothing changes before it is listed again.
_Known = dict[tuple[str, int], tuple[VgpuUsage, MappedPage | None]]


class Watch:
    """The vGPUs of all device hosts that run here. A context manager: leaving forgets them."""

    def __init__(self, *, tolerant: bool = False) -> None:
        """Nothing is known before the first look.

        A `tolerant` watch leaves out device hosts that it can't speak with, say of another version;
        else a look raises what they said.
        """
        self._tolerant = tolerant
        self._listed_at = float("-inf")
        self._known: _Known = {}

    def look(self) -> list[VgpuUsage]:
        """The vGPUs as they are now, by device and number."""
        now = time.monotonic()
        if now - self._listed_at >= LIST_SECONDS:
            self._listed_at = now
            self._list()
        looks: list[VgpuUsage] = []
        for _, (usage, page) in sorted(self._known.items(), key=lambda entry: entry[0]):
            told = page.read() if page is not None else None
            if told is None:
                looks.append(usage)
            elif not told.gone:
                looks.append(as_of(usage, told, time.monotonic_ns()))
        return looks

    def close(self) -> None:
        """Let go of all pages."""
        for _, page in self._known.values():
            if page is not None:
                page.close()
        self._known.clear()

    def __enter__(self) -> Watch:
        """Nothing to prepare."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of all pages."""
        self.close()

    def _list(self) -> None:
        before, self._known = self._known, {}
        # A device host ends when its last vGPU does, perhaps while we ask.
        expected = DeviceHostError if self._tolerant else DeviceHostUnreachable
        for host in self._hosts():
            with host, contextlib.suppress(expected):
                self._list_of(host, before)
        for _, page in before.values():
            if page is not None:
                page.close()

    def _hosts(self) -> list[DeviceHost]:
        if not self._tolerant:
            return running_hosts()
        found: list[DeviceHost] = []
        for _, path in runtime_directory.device_hosts():
            with contextlib.suppress(DeviceHostError):
                host = DeviceHost.join(path)
                if host is not None:
                    found.append(host)
        return found

    def _list_of(self, host: DeviceHost, before: _Known) -> None:
        for usage in host.list_vgpus():
            key = (usage.device_uuid, usage.id)
            _, page = before.pop(key, (None, None))
            if page is not None and page.read().gone:  # another device host, and it counts anew
                page.close()
                page = None
            # A page is made for whoever asks for it, and a resting vGPU needs none.
            if page is None and usage.state != VgpuState.RESERVED:
                try:
                    page = host.page(usage.id)
                except NoSuchVgpu:
                    continue
            self._known[key] = (usage, page)


def as_of(usage: VgpuUsage, page: Page, now_ns: int) -> VgpuUsage:
    """What was known of a vGPU, with what its page says by now."""
    since = max(0, now_ns - page.at_ns)
    held = page.held_ns + (since if page.state == HOLDING else 0)
    turns = Turns(
        Shares(page.guarantee, page.limit, page.weight, PriorityClass(page.priority)),
        held_ns=held - page.spared_ns - page.withheld_ns,
        waited_ns=page.waited_ns + (since if page.state in (WAITING, LIMITED) else 0),
        outside_ns=page.outside_ns,
        overrun_ns=usage.turns.overrun_ns,
        balance_ns=page.balance_ns,
        turns=page.turns,
        busy_ns=page.busy_ns,
        at_ns=now_ns,
        wait_p50_us=page.wait_p50_us,
        wait_p99_us=page.wait_p99_us,
        share_1s=page.share_1s,
        share_10s=page.share_10s,
        share_60s=page.share_60s,
        holds=int(page.state == HOLDING),
    )
    return usage._replace(
        turns=turns,
        memory_used=page.memory_used,
        kernels=page.kernels,
        copied_bytes=page.copied_bytes,
        guest_processes=page.guest_processes,
    )
