"""docs/openapi.json, from the source tree and not from an Aliquot that happens to be installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def text() -> str:
    """The document."""
    return subprocess.run(
        [sys.executable, "-m", "aliquot.api.openapi"],
        env={**os.environ, "PYTHONPATH": str(_ROOT / "src")},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
