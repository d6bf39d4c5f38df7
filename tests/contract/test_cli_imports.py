"""`aliquot run` has 250 ms to start: what it imports is held here."""

import subprocess
import sys

from tests.fakes.installation import FakeInstallation

# Slow themselves, or the sign that a whole stack came along.
FORBIDDEN = {
    "asyncio",
    "ctypes",
    "cyclopts",
    "dataclasses",
    "email",
    "fastapi",
    "http",
    "httpx",
    "importlib.metadata",
    "inspect",
    "logging",
    "msgspec",
    "numpy",
    "pathlib",
    "pydantic",
    "requests",
    "rich",
    "shutil",
    "sqlalchemy",
    "ssl",
    "subprocess",
    "urllib",
    "uuid",
    "uvicorn",
    "yaml",
}

PROGRAM = """
import sys
before = set(sys.modules)
from aliquot.cli import main
status = main(["run", "--quiet", "--", "true"])
assert status == 0, status
print(*sorted(set(sys.modules) - before))
"""


def imported(fakes: FakeInstallation) -> set[str]:
    # Without site: what a .pth file of the machine's Python imports is not ours.
    finished = subprocess.run(
        [sys.executable, "-S", "-c", PROGRAM],
        env=fakes.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(finished.stdout.split())


def test_the_run_path_imports_nothing_slow(fakes: FakeInstallation) -> None:
    # The first run probes, and may import what that needs.
    assert fakes.run("run", "--", "true").returncode == 0
    modules = imported(fakes)
    assert "aliquot.leases.process" in modules
    assert not modules & FORBIDDEN
    # The whole machine is looked at only by who wants to see it.
    assert "aliquot.devices.discovery" not in modules
    assert "aliquot.model.physical_device" not in modules
    assert len(modules) <= 105, sorted(modules)


def test_help_and_version_import_almost_nothing(fakes: FakeInstallation) -> None:
    program = (
        "import sys\nbefore = set(sys.modules)\nfrom aliquot.cli import main\n"
        "main(['--version'])\nprint(*sorted(set(sys.modules) - before))"
    )
    finished = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env=fakes.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    version, modules = finished.stdout.splitlines()
    assert version.startswith("aliquot ")
    assert "argparse" not in modules.split()


# What the client of the daemon may bring along: http.client and msgspec, and what they need.
WITH_A_DAEMON = {"email", "http", "inspect", "msgspec", "ssl", "urllib", "uuid"}
HEAVY = {"alembic", "anyio", "h11", "httpx", "litestar", "sniffio", "textual", "prometheus_client"}

CLIENT = """
import sys
before = set(sys.modules)
import aliquot
assert "msgspec" not in sys.modules
client = aliquot.Client.connect()
assert client is None
print(*sorted(set(sys.modules) - before))
"""


def test_the_client_of_the_daemon_needs_http_client_and_msgspec_alone(
    fakes: FakeInstallation,
) -> None:
    # With site here, for msgspec is an installed package; what comes by itself is in `before`.
    finished = subprocess.run(
        [sys.executable, "-c", CLIENT],
        env=fakes.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    modules = set(finished.stdout.split())
    assert {"http.client", "msgspec", "aliquot.client.rest.client"} <= modules
    assert not modules & ((FORBIDDEN | HEAVY) - WITH_A_DAEMON)
