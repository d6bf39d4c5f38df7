"""A real `aliquot serve` and a program that computes: metrics, history, receipts and `top`."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.system.daemon import Daemon
from tests.unit.test_monitoring_files import DASHBOARD, NAME, PAGE, RULES, expressions
from tools.programs.drivers import Driver


@pytest.fixture
def daemon(one_driver: Driver) -> Iterator[Daemon]:
    made = Daemon([one_driver])
    try:
        made.start()
        yield made
    finally:
        made.close()


def until(found: Callable[[], object], daemon: Daemon) -> None:
    deadline = time.monotonic() + 120
    while not found():
        assert time.monotonic() < deadline, daemon.log
        time.sleep(0.2)


def computing(daemon: Daemon, programs: dict[str, Path]) -> subprocess.Popen[str]:
    """A program on a vGPU of its own, that computes until it is ended."""
    return daemon.popen(
        "run", "--name", "busy", "--memory", "64MiB", "--compute", "50", "--",
        str(programs["load"]), "600",
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def test_what_a_program_uses_is_measured_and_kept(
    daemon: Daemon, programs: dict[str, Path]
) -> None:
    program = computing(daemon, programs)
    with daemon.client() as client:
        until(lambda: client.leases.list().items, daemon)
        until(lambda: len(client.vgpus.series("busy", step_seconds=1).points) > 3, daemon)
        points = client.vgpus.series("busy", step_seconds=1).points
        assert max(point.values["consumed"][0] for point in points) > 10
        assert points[-1].values["granted"][0] == 50.0
        device = client.devices.series("0", step_seconds=1).points
        assert max(point.values["busy"][0] for point in device) > 10

        text = client.node.metrics().decode()
        told = set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
        assert list(text_string_to_metric_families(text))
        named = [*expressions(yaml.safe_load(RULES.read_text()))]
        named += expressions(json.loads(DASHBOARD.read_text()))
        for name in {name for expression in named for name in NAME.findall(expression)}:
            assert re.sub(r"_(bucket|sum|count)$", "", name) in told, name
        assert set(re.findall(r"^\| `(aliquot_\w+)`", PAGE.read_text(), re.MULTILINE)) == {
            name for name in told if name.startswith("aliquot_")
        }
        assert re.search(r'^aliquot_vgpu_consumed_seconds_total\{.*name="busy".*\} \d', text, re.M)
        assert re.search(r"^aliquot_daemon_audit_intact 1", text, re.M)
        assert 'aliquot_daemon_requests_total{operation="vgpus.series",status="2xx"}' in text

        program.terminate()
        until(lambda: client.receipts.list().items, daemon)
        (receipt,) = client.receipts.list().items
        assert receipt.vgpu_name == "busy"
        assert receipt.spending["received"]["held_ns"] > 0
        assert receipt.promise["compute"] == 50.0


def screen_of(daemon: Daemon, seconds: float) -> tuple[str, int]:
    """What `aliquot top` writes to a terminal until q is pressed, and how it ends."""
    child, terminal = pty.fork()
    if not child:
        os.chdir(daemon.work)
        program = str(daemon.folder / "bin" / "aliquot")
        os.execve(program, [program, "top"], {**daemon.environment, "TERM": "xterm-256color"})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    written, keys = b"", b"q"
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline + 60:
        if time.monotonic() >= deadline and keys:
            os.write(terminal, keys)
            keys = b""
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                written += os.read(terminal, 1 << 16)
            except OSError:  # it has ended
                break
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    return written.decode("utf-8", "replace"), os.waitstatus_to_exitcode(status)


def test_top_is_a_screen_on_a_terminal(daemon: Daemon, programs: dict[str, Path]) -> None:
    computing(daemon, programs)
    with daemon.client() as client:
        until(lambda: client.vgpus.list().items and client.leases.list().items, daemon)
        made = client.vgpus.list().items[0]
        written, status = screen_of(daemon, 8)
        assert status == 0
        command = str(programs["load"])[:16]
        for part in ("daemon at ", "busy", "leased", "/50", made.tenant[:6], command):
            assert part in written, part
        # Asked what it does not do: nothing is cleared once it is there.
        assert written.count("\x1b[2J") <= 1
