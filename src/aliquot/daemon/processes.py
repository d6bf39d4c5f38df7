"""Processes that hold leases: whose they are, since when they run, whether they still do."""

from __future__ import annotations

import os
from typing import NamedTuple


class Process(NamedTuple):
    """A running process. `started` is in clock ticks since the machine's start."""

    id: int
    user_id: int
    groups: frozenset[int]
    started: int
    name: str


def look_up(process_id: int) -> Process | None:
    """A process that runs, or None: gone, or a zombie."""
    try:
        with open(f"/proc/{process_id}/stat", "rb") as file:
            before, _, after = file.read().rpartition(b")")
        with open(f"/proc/{process_id}/status", encoding="utf-8", errors="replace") as file:
            lines = dict(line.rstrip("\n").split(":", 1) for line in file if ":" in line)
    except OSError:
        return None
    fields = after.split()
    if not fields or fields[0] in (b"Z", b"X"):
        return None
    users = lines.get("Uid", "").split()
    groups = [*lines.get("Gid", "").split()[:1], *lines.get("Groups", "").split()]
    if not users:
        return None
    return Process(
        id=process_id,
        user_id=int(users[0]),
        groups=frozenset(int(group) for group in groups),
        started=int(fields[19]),
        name=before.partition(b"(")[2].decode("utf-8", "replace"),
    )


def end_watch(process_id: int) -> int | None:
    """A descriptor that is readable once the process has ended, or None where it is gone."""
    try:
        return os.pidfd_open(process_id)
    except OSError:
        return None
