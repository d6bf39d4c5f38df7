"""`aliquot bench daemon`: on daemons of its own, of which nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from aliquot.bench.daemon import process
from aliquot.bench.daemon.cases import CASES, Lengths
from aliquot.bench.daemon.measure import measure
from aliquot.errors import BenchmarkFailed, NoDriver
from aliquot.model.device import Device
from tests.contract.device_host_process import wait_until
from tests.fakes.installation import FakeInstallation
from tests.folders import short_folder

LITTLE = Lengths(made=3, lists=1, idle_seconds=0.1, runs=1)


def no_device() -> Device:
    raise NoDriver("no OpenCL driver is here")


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files go meanwhile: what other benchmarks have is elsewhere."""
    with short_folder() as folder:
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        yield folder


def test_watchers_are_counted(fakes: FakeInstallation) -> None:
    done = fakes.run("bench", "daemon", "--short", "--case", "watchers", "--json", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert [line["case"] for line in told["lines"]] == ["watchers", "watchers"]
    counted = told["lines"][0]
    assert (counted["value"], counted["bar"], counted["holds"]) == (200, 200, True)


def test_a_bar_that_does_not_hold_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from aliquot.bench.daemon import measure as measuring
    from aliquot.cli import bench

    monkeypatch.setattr(measuring, "WATCHERS", 3)
    monkeypatch.setattr(measuring, "watch", lambda *_: measuring_nothing())
    assert bench.main(["daemon", "--case", "watchers", "--quiet"]) == 1
    assert "NO" in capsys.readouterr().out


def measuring_nothing() -> object:
    from aliquot.bench.daemon.watching import Seen

    return Seen([[], [], []], 1)


def test_without_a_device_the_rest_is_measured(folder: Path) -> None:
    cases = [case for case in CASES if case.name in ("idle-0", "run", "device-host")]
    result = measure(cases, LITTLE, no_device, tolerance=10)
    assert {line.case for line in result.lines} == {"idle-0"}
    assert set(result.left_out) == {"run", "device-host"}
    assert "no OpenCL driver is here" in result.left_out["run"]
    assert not list(folder.iterdir())


def test_a_case_that_wants_a_device_alone_needs_one() -> None:
    with pytest.raises(NoDriver):
        measure([case for case in CASES if case.name == "run"], LITTLE, no_device)


def test_a_daemon_that_does_not_start_says_why(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_INVENTORY", "version: 9\n")
    with pytest.raises(BenchmarkFailed, match=r"did not start: .*version"):
        measure(CASES[:1], LITTLE, no_device)
    assert not list(folder.iterdir())


def test_one_that_is_told_to_end_leaves_nothing(folder: Path) -> None:
    bench = subprocess.Popen(
        [sys.executable, "-m", "aliquot.cli", "bench", "daemon", "--case", "idle-0", "--quiet"],
        env={**os.environ, "TMPDIR": str(folder)},
    )
    wait_until(lambda: list(folder.glob("*/api.sock")), "its daemon listens")
    bench.terminate()
    assert bench.wait(60) == 128 + signal.SIGTERM
    assert not list(folder.iterdir())
