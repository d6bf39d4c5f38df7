"""What each driver told about itself, kept between runs of the command line.

An answer holds for the driver's file as it was (path, time, size) and for the worker that asked.
The files are the user's own; a damaged one counts as missing.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any, NamedTuple

from aliquot import __version__, environment, native_programs
from aliquot.model.device import Device

_FORMAT = 3


class Known(NamedTuple):
    """An answer: devices, and why there are none or some may be missing."""

    devices: list[Device]
    problem: str | None


def load(library: str) -> Known | None:
    """What a driver last answered, or None where that no longer holds."""
    try:
        with open(_path(library), encoding="utf-8") as file:
            kept: dict[str, Any] = json.load(file)
        if kept["key"] != _key(kept["resolved"]):
            return None
        return Known([Device(**fields) for fields in kept["devices"]], kept["problem"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _plain(device: Device) -> dict[str, Any]:
    """The device without variables: what a driver offers by itself has none."""
    return {name: value for name, value in device._asdict().items() if name != "variables"}


def store(library: str, resolved: str, answer: Known) -> None:
    """Keep an answer, atomically; where that can't be done, nothing is kept."""
    path = _path(library)
    temporary = f"{path}.{os.getpid()}"
    try:
        text = json.dumps(
            {
                "key": _key(resolved),
                "resolved": resolved,
                "devices": [_plain(device) for device in answer.devices],
                "problem": answer.problem,
            }
        )
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(temporary, "x", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    except OSError:
        # An old answer must not outlive a new one that could not be kept.
        for leftover in (temporary, path):
            with contextlib.suppress(OSError):
                os.unlink(leftover)


def _key(resolved: str) -> list[Any]:
    """Raises OSError where a file is gone."""
    driver = os.stat(resolved)
    worker = os.stat(native_programs.find(native_programs.WORKER))
    return [
        _FORMAT,
        __version__,
        resolved,
        driver.st_mtime_ns,
        driver.st_size,
        worker.st_mtime_ns,
        worker.st_size,
    ]


def _path(library: str) -> str:
    # The library's path as a file name: readable, and one file a driver.
    name = library.replace("%", "%25").replace("/", "%2F")
    if len(name) > 200:
        import hashlib

        name = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    return os.path.join(environment.cache_directory(), "drivers", name + ".json")
