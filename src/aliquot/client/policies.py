"""A device's policy as the user last set it, for device hosts that start later.

A device host ends soon after its last vGPU, and its policy with it; the user's choice lasts until
the runtime directory goes. The file is the user's own; a damaged one counts as missing.
"""

from __future__ import annotations

import contextlib
import os

from aliquot import runtime_directory
from aliquot.model.shares import (
    LONGEST_TURN_NS,
    MOST_AVERAGING,
    SHORTEST_TURN_NS,
    Policy,
    PolicyKind,
)


def remember(device_uuid: str, policy: Policy) -> None:
    """Keep a policy, atomically; where that can't be done, the old one is forgotten."""
    path = _path(device_uuid)
    temporary = f"{path}.{os.getpid()}"
    try:
        with open(temporary, "w", encoding="ascii", opener=_private) as file:
            file.write(f"{policy.kind.word} {policy.turn_ns} {policy.averaging}\n")
        os.replace(temporary, path)
    except OSError:
        for leftover in (temporary, path):
            with contextlib.suppress(OSError):
                os.unlink(leftover)


def remembered(device_uuid: str) -> Policy | None:
    """The policy that was last set for a device, or None."""
    try:
        with open(_path(device_uuid), encoding="ascii") as file:
            word, turn_ns, averaging = file.read(100).split()
        kinds = {kind.word: kind for kind in PolicyKind}
        policy = Policy(kinds[word], int(turn_ns), int(averaging))
    except (OSError, ValueError, KeyError):
        return None
    whole_turn = policy.turn_ns == 0 or SHORTEST_TURN_NS <= policy.turn_ns <= LONGEST_TURN_NS
    return policy if whole_turn and 1 <= policy.averaging <= MOST_AVERAGING else None


def _private(path: str, flags: int) -> int:
    """Others may pass through root's folder."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _path(device_uuid: str) -> str:
    return runtime_directory.policy_file(runtime_directory.path(), device_uuid)
