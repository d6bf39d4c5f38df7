"""The receipt at the end of `aliquot run`. Imported only where one is wanted."""

from __future__ import annotations

import json
import os
import sys
import time

from aliquot.cli.receipt import Promise, receipt_lines
from aliquot.client.device_host import DeviceHost
from aliquot.model.receipt import divide
from aliquot.model.vgpu import Vgpu

_START_FIELD = 19  # of /proc/self/stat, counted from the one behind the name


def print_receipt(
    host: DeviceHost, vgpu: Vgpu, spawned_ns: int, *, as_json: bool, known_as: str | None = None
) -> None:
    """Print where the time of a command went that has just ended, on stderr.

    `spawned_ns`: when the command was started, by the monotonic clock; `known_as`: the daemon's id
    of the vGPU. Raises DeviceHostError.
    """
    ended_ns = time.monotonic_ns()
    began_ns = _process_start_ns()
    receipt = host.receipt(vgpu.id)
    spending = divide(receipt, ended_ns - began_ns, spawned_ns - began_ns)
    promise = Promise(vgpu.memory, vgpu.shares)
    if as_json:
        told = {"vgpu": known_as or vgpu.id, "name": vgpu.name, "promised": promise.as_dict()}
        print(json.dumps({"receipt": {**told, **spending.as_dict()}}), file=sys.stderr)
        return
    print(*receipt_lines(vgpu.name, promise, spending, sys.stderr), sep="\n", file=sys.stderr)


def _process_start_ns() -> int:
    """When this process began, by the monotonic clock, to about 10 ms."""
    with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
        ticks = int(file.read().rpartition(")")[2].split()[_START_FIELD])
    since_boot = (ticks + 0.5) / os.sysconf("SC_CLK_TCK")
    return time.monotonic_ns() - int((time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot) * 1e9)
