"""Processes that hold leases, watched by the kernel: their end is known at once."""

from __future__ import annotations

import logging
import os
import select
import threading
from collections.abc import Callable

from aliquot.daemon import processes

_LONGEST_SECONDS = 60


_log = logging.getLogger(__name__)


class Holders:
    """Calls `ended(lease)` once for each lease whose process has ended, on a thread of its own."""

    def __init__(self, ended: Callable[[str], object]) -> None:
        """Watch nothing yet."""
        self._ended = ended
        self._poll = select.epoll()
        self._lock = threading.Lock()
        self._watched: dict[int, str] = {}  # by the descriptor
        self._descriptors: dict[str, int] = {}  # by the lease
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll.register(self._wake, select.EPOLLIN)
        self._stopped = False

    def watch(self, lease: str, process_id: int, started: int) -> None:
        """Watch the process that holds a lease; one that is gone already has ended."""
        with self._lock:
            if lease in self._descriptors or self._stopped:
                return
            descriptor = processes.end_watch(process_id)
            there = processes.look_up(process_id)
            if descriptor is None or there is None or (started and there.started != started):
                if descriptor is not None:
                    os.close(descriptor)
                descriptor = os.eventfd(1, os.EFD_CLOEXEC)  # readable at once
            self._descriptors[lease] = descriptor
            self._watched[descriptor] = lease
            self._poll.register(descriptor, select.EPOLLIN | select.EPOLLONESHOT)

    def forget(self, lease: str) -> None:
        """The lease has ended."""
        with self._lock:
            descriptor = self._descriptors.pop(lease, None)
            if descriptor is not None:
                del self._watched[descriptor]
                self._poll.unregister(descriptor)
                os.close(descriptor)

    def leases(self) -> set[str]:
        """The leases whose holders are watched."""
        with self._lock:
            return set(self._descriptors)

    def run(self) -> None:
        """Wait for ends until `stop`."""
        while not self._stopped:
            for descriptor, _ in self._poll.poll(_LONGEST_SECONDS):
                with self._lock:
                    lease = self._watched.get(descriptor)
                if lease is not None:
                    try:
                        self._ended(lease)
                    except Exception:  # a thread outlives a fault of ours; the next look finds it
                        _log.exception("the end of lease %s met a fault", lease)
                    self.forget(lease)

    def stop(self) -> None:
        """Let `run` end."""
        with self._lock:
            self._stopped = True
            if not self._poll.closed:
                os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """Close all descriptors, once `run` has ended."""
        for lease in self.leases():
            self.forget(lease)
        with self._lock:
            self._stopped = True
            if not self._poll.closed:
                self._poll.close()
                os.close(self._wake)
