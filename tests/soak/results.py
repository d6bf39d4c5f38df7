"""Dated results of the long tests, one JSON file each under docs/soak (in part: build/soak).

A file says what ran, when, on what sort of machine, how loaded that was, and what came of it: the
figures that the test gave with `record_property`.
"""

from __future__ import annotations

import json
import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

from tests.soak import length
from tools.setup.report import BUILD, ROOT

FOLDER = ROOT / "docs" / "soak" if length.SCALE == 1 else BUILD / "soak"


def write(name: str, seconds: float, outcome: str, figures: dict[str, object]) -> Path:
    """Writes the result of one test that has just ended; the path of the file."""
    now = datetime.now(UTC)
    result = {
        "test": name,
        "ended": now.isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "outcome": outcome,
        "part_of_the_whole": length.SCALE,
        "figures": figures,
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
            "kernel": platform.release(),
            "load_at_the_end": [round(load, 1) for load in os.getloadavg()],
        },
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    short = re.sub(r"[^a-z0-9]+", "-", name.rpartition("::")[2].lower()).strip("-")
    path = FOLDER / f"{now:%Y-%m-%d}-{short}.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    return path


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
