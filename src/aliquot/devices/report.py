"""What programs are told of a device, for vGPUs that shall be movable to it."""

from __future__ import annotations

import os
import subprocess

from aliquot import environment, native_programs
from aliquot.errors import NoDriver
from aliquot.model.device import Device

REPORT_SECONDS = 60.0


def device_report(device: Device) -> bytes:
    """The device's report in the worker's words, which nobody but a worker reads.

    Asked of its driver, out of process; raises NoDriver where that gives no answer.
    """
    worker = native_programs.find(native_programs.WORKER)
    command = [worker, "report", "--driver", device.library]
    command += ["--platform-index", str(device.platform_index)]
    command += ["--device-index", str(device.device_index)]
    try:
        finished = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=REPORT_SECONDS,
            check=False,
            env=environment.without_secrets(os.environ),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoDriver(f"the driver of {device.name} can't be asked: {error}") from error
    if finished.returncode != 0 or not finished.stdout:
        said = finished.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise NoDriver(f"the driver of {device.name} gave no report: {said}")
    return finished.stdout
