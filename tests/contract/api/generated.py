"""schemathesis: requests generated from docs/openapi.json, good and bad, sent to a running API."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from aliquot.model.access_token import Role
from tests.contract.api.serving import Serving

DOCUMENT = Path(__file__).resolve().parents[3] / "docs/openapi.json"
_CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
CALLERS = ("nobody", "a-user", "an-admin")


def send(serving: Serving, who: str, folder: Path, *, examples: int, seconds: int) -> None:
    """Send so many of each operation, for so long; fails where an answer isn't as documented.

    The events' stream, which never ends, is left out.
    """
    headers: list[str] = []
    if who != "nobody":
        role = Role.USER if who == "a-user" else Role.ADMIN
        headers = ["--header", f"Authorization: Bearer {serving.token('alice', role)}"]
    finished = subprocess.run(
        [
            sys.executable,
            "-m",
            "schemathesis.cli",
            "--config-file",
            str(_CONFIGURATION),
            "run",
            str(DOCUMENT),
            "--url",
            f"http://127.0.0.1:{serving.port}",
            *headers,
            "--exclude-operation-id",
            "events.watch",
            "--checks",
            "all",
            "--mode",
            "all",
            "--max-examples",
            str(examples),
            "--max-time",
            str(seconds),
            "--generation-deterministic",
            "--suppress-health-check",
            "all",
            "--continue-on-failure",
            "--warnings",
            "off",
            "--no-color",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=seconds + 240,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-2000:]
    assert "passed" in finished.stdout
