"""The units of systemd: they hold what workers need, and systemd's own checker finds no fault."""

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from aliquot.service import units
from aliquot.service.units import quoted, unit
from tests.absent import absent

KINDS = pytest.mark.parametrize("user", [False, True], ids=["system", "user"])
# Each takes from workers something of which docs/threat-model.md says that they have it.
TAKES_TOO_MUCH = {
    "MemoryDenyWriteExecute",
    "PrivateDevices",
    "PrivateUsers",
    "ProcSubset",
    "ProtectClock",
    "ProtectControlGroups",
    "ProtectKernelTunables",
    "ProtectProc",
    "RestrictNamespaces",
    "SystemCallFilter",
}


def sections(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


@KINDS
def test_the_service_lets_programs_live_on(user: bool) -> None:
    service = sections(unit("aliquot.service", user=user))["Service"]
    assert service["Type"] == "notify"
    assert service["KillMode"] == "process"
    assert service["RuntimeDirectoryPreserve"] == "yes"
    assert int(service["WatchdogSec"]) > 0
    assert service["Restart"] == "on-failure"
    assert service["NoNewPrivileges"] == "yes"
    assert not TAKES_TOO_MUCH & set(service)


@KINDS
def test_the_socket_is_open_to_whom_the_daemon_serves(user: bool) -> None:
    socket = sections(unit("aliquot.socket", user=user))["Socket"]
    modes = ("0600", "0700") if user else ("0666", "0711")
    assert (socket["SocketMode"], socket["DirectoryMode"]) == modes
    service = sections(unit("aliquot.service", user=user))["Service"]
    assert service["RuntimeDirectoryMode"] == socket["DirectoryMode"]


def test_the_system_s_daemon_keeps_the_capabilities_of_workers() -> None:
    text = unit("aliquot.service", user=False)
    dropped = set(re.findall(r"CAP_\w+", text))
    needed = {"CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_KILL", "CAP_SYS_PTRACE"}
    assert dropped
    assert not dropped & (needed | {"CAP_DAC_OVERRIDE", "CAP_CHOWN", "CAP_SYS_RESOURCE"})


def test_words_of_a_command_are_taken_literally() -> None:
    assert quoted("/opt/aliquot/bin/aliquot") == "/opt/aliquot/bin/aliquot"
    assert quoted("/opt/a b/aliquot") == '"/opt/a b/aliquot"'
    assert quoted('/opt/%h/$x/"\\') == '"/opt/%%h/$$x/\\"\\\\"'
    text = unit("aliquot.service", user=False, command=["/opt/a b/aliquot"])
    assert 'ExecStart="/opt/a b/aliquot" serve\n' in text
    assert "@" not in text


@KINDS
def test_systemd_finds_no_fault(tmp_path: Path, user: bool) -> None:
    for name in units.NAMES:
        (tmp_path / name).write_text(unit(name, user=user, command=["/bin/true"]))
    assert faults(tmp_path, user) == []
    service = tmp_path / "aliquot.service"
    service.write_text(service.read_text().replace("WatchdogSec=30", "WatchdogSec=often"))
    assert faults(tmp_path, user) != []


def faults(folder: Path, user: bool) -> list[str]:
    """What systemd's own checker says of the units in a folder."""
    if shutil.which("systemd-analyze") is None:
        absent("systemd-analyze is not installed here")
    # Man pages are looked for on the machine, where this one is not installed.
    done = subprocess.run(
        [
            "systemd-analyze",
            "verify",
            "--man=no",
            "--recursive-errors=no",
            *(["--user"] if user else []),
            *(str(folder / name) for name in units.NAMES),
        ],
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    told = [line for line in done.stderr.splitlines() if "aliquot" in line]
    return told if told or done.returncode == 0 else [done.stderr]
