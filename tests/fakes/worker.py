"""A worker in Python that only probes: what it prints is in FAKE_PROBE, by the library's name."""

import json
import os
import sys
import time
from pathlib import Path


def device(index: int = 0, **changes: object) -> dict[str, object]:
    """A device as the worker prints it."""
    return {
        "index": index,
        "name": "Fake CPU",
        "vendor": "Fake",
        "version": "OpenCL 3.0",
        "driver_version": "1.0",
        "type": ["cpu"],
        "compute_units": 2,
        "clock_mhz": 1000,
        "global_memory": 8 << 30,
        "max_allocation": 2 << 30,
        "unified_memory": True,
        "uuid": None,
        "extensions": ["cl_khr_icd"],
        **changes,
    }


def answer(*devices: dict[str, object], library: str | None = None) -> dict[str, object]:
    """A whole answer with one platform."""
    platform = {"name": "Fake platform", "vendor": "Fake", "version": "OpenCL 3.0"}
    return {
        "library": library,
        "platforms": [{**platform, "devices": list(devices)}],
        "error": None,
    }


def main() -> int:
    assert sys.argv[1:3] == ["probe", "--driver"]
    library = sys.argv[3]
    if log := os.environ.get("FAKE_PROBE_LOG"):
        with Path(log).open("a") as file:
            file.write(library + "\n")
    told = json.loads(os.environ["FAKE_PROBE"]).get(
        Path(library).name, {"platforms": [], "error": "not one of the test's drivers"}
    )
    if told == "crash":
        os.abort()
    if told == "hang":
        time.sleep(60)
    print(told if isinstance(told, str) else json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
