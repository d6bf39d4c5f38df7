"""The other commands with stand-ins for the native programs."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from aliquot.cli.commands import COMMANDS
from tests.fakes import worker
from tests.fakes.installation import FakeInstallation


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_help_has_an_example_and_exit_statuses(fakes: FakeInstallation, command: str) -> None:
    done = fakes.run(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"usage: aliquot {command}" in done.stdout
    assert "example:\n  " in done.stdout
    assert f"aliquot {command}" in done.stdout.partition("example:\n  ")[2].splitlines()[0]
    assert "exit status: " in done.stdout


@pytest.mark.parametrize(
    ("command", "verb"),
    [(command.name, verb) for command in COMMANDS for verb in command.load().build_parser().verbs],
)
def test_help_of_what_has_commands_of_its_own(
    fakes: FakeInstallation, command: str, verb: str
) -> None:
    done = fakes.run(command, verb, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"usage: aliquot {command} {verb}" in done.stdout
    assert f"example:\n  aliquot {command} {verb}" in done.stdout
    assert "exit status: " in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["create", "a"],
        ["create", "a", "--dry-run"],
        ["exec", "a", "--", "true"],
        ["suspend", "a"],
        ["resume", "a"],
        ["move", "a", "--device", "1"],
        ["delete", "a", "--yes"],
        ["leases"],
        ["release", "a"],
        ["queue"],
        ["receipts"],
        ["events"],
        ["group", "list"],
        ["profile", "list"],
        ["token", "list"],
        ["vgpus", "--label", "a=b"],
        ["run", "--wait", "1s", "--", "true"],
        ["resize", "a", "--ttl", "1h"],
    ],
)
def test_what_needs_the_daemon_says_how_to_start_it(
    fakes: FakeInstallation, arguments: list[str]
) -> None:
    done = fakes.run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("aliquot: ALQ-E440: ")
    assert "'aliquot serve', or 'systemctl start aliquot'" in line


def test_overview(fakes: FakeInstallation) -> None:
    done = fakes.run("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert f"\n  {command.name} " in done.stdout
    assert fakes.run().returncode == 2
    assert fakes.run("--version").stdout.startswith("aliquot ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["devices", "--frob"],
        ["vgpus", "--interval", "1ms"],
        ["vgpus", "--rounds", "0"],
        ["bench"],
        ["bench", "everything"],
        ["bench", "remoting", "--rounds", "0"],
        ["bench", "remoting", "--short"],
        ["bench", "fairness", "--rounds", "2"],
        ["bench", "fairness", "--tolerance", "0.5"],
        ["bench", "fairness", "--case", "nothing"],
        ["bench", "fairness", "--case", "watchers"],
        ["bench", "daemon", "--case", "limit-25-alone"],
        ["bench", "daemon", "--rounds", "2"],
        ["top", "--interval", "1ms"],
        ["top", "--rounds", "0"],
        ["resize"],
        ["show"],
        ["policy"],
        ["completion", "tcsh"],
        ["completion"],
        ["completion", "bash", "--names", "vgpus"],
        ["move", "a"],
        ["exec", "a"],
        ["exec"],
        ["group"],
        ["group", "frob"],
        ["group", "create", "a", "--count", "0"],
        ["profile", "put", "a"],
        ["receipts", "--limit", "0"],
        ["events", "--limit", "-1"],
        ["setup", "--user", "--root", "/nowhere"],
    ],
)
def test_bad_command_lines(fakes: FakeInstallation, arguments: list[str]) -> None:
    done = fakes.run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("aliquot: ALQ-E201: ")


def test_devices(fakes: FakeInstallation) -> None:
    gpu = worker.device(0, name="[bold]Fake GPU", type=["gpu"])
    fakes.driver("two", worker.answer(gpu))
    done = fakes.run("devices", "--json")
    devices = json.loads(done.stdout)["devices"]
    assert [(d["index"], d["name"], d["kind"]) for d in devices] == [
        (0, "Fake CPU", "software"),
        (1, "[bold]Fake GPU", "gpu"),
    ]
    done = fakes.run("devices")
    assert done.returncode == 0
    heading, first, second = done.stdout.splitlines()
    assert heading.split()[:3] == ["index", "name", "kind"]
    assert devices[0]["uuid"] in first
    assert "[bold]Fake GPU" in second
    assert "8 GiB" in second


def test_devices_asks_a_driver_that_failed_again(fakes: FakeInstallation) -> None:
    fakes.driver("two", "crash")
    assert len(json.loads(fakes.run("devices", "--json").stdout)["devices"]) == 1
    fakes.driver("two", worker.answer(worker.device(name="Mended")))
    names = [d["name"] for d in json.loads(fakes.run("devices", "--json").stdout)["devices"]]
    assert names == ["Fake CPU", "Mended"]


def test_vgpus(fakes: FakeInstallation) -> None:
    assert fakes.run("vgpus").stdout == "no vGPU is in use here\n"
    assert json.loads(fakes.run("vgpus", "--json").stdout) == {"vgpus": []}
    ready = fakes.directory / "ready"
    script = f": > {ready}; exec sleep 60"
    holder = fakes.popen(
        ["run", "--quiet", "--memory", "1GiB", "--name", "holder", "--", "sh", "-c", script]
    )
    deadline = time.monotonic() + 60
    while not ready.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (vgpu,) = json.loads(fakes.run("vgpus", "--json").stdout)["vgpus"]
    assert (vgpu["name"], vgpu["memory_limit"]) == ("holder", 1 << 30)
    assert "holder" in fakes.run("vgpus").stdout
    watched = fakes.run("vgpus", "--watch", "--json", "--interval", "100ms", "--rounds", "3")
    assert [len(json.loads(line)["vgpus"]) for line in watched.stdout.splitlines()] == [1, 1, 1]
    watched = fakes.run("vgpus", "--watch", "--interval", "100ms", "--rounds", "2")
    assert (watched.returncode, "holder" in watched.stdout) == (0, True)
    holder.terminate()
    holder.wait(60)
    deadline = time.monotonic() + 60
    while json.loads(fakes.run("vgpus", "--json").stdout)["vgpus"]:
        assert time.monotonic() < deadline


def test_a_reader_that_leaves_early(fakes: FakeInstallation) -> None:
    process = fakes.popen(
        ["vgpus", "--watch", "--json", "--interval", "100ms"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stderr
    assert process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) == 1
    assert process.stderr.read() == ""
    process.stderr.close()


def test_doctor_where_all_is_well(fakes: FakeInstallation) -> None:
    for name in ("aliquot-clbench", "aliquot-fairness-tenant"):
        (fakes.native / name).write_text("#!/bin/sh\n")
        (fakes.native / name).chmod(0o755)
    done = fakes.run("doctor", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["healthy"]) == (0, True), done.stdout
    found = {(f["area"], f["subject"]): f for f in report["findings"]}
    assert found["worker", "a vGPU on trial"]["level"] == "ok"
    assert found["worker", "no network"]["text"] == "on"
    done = fakes.run("doctor")
    assert (done.returncode, "a vGPU on trial" in done.stdout) == (0, True)


def test_doctor_tells_what_is_broken_and_what_mends_it(fakes: FakeInstallation) -> None:
    (fakes.native / "aliquot-device").unlink()
    fakes.driver("one", {"platforms": [], "error": "its symbols are missing"})
    done = fakes.run("doctor", "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert not report["healthy"]
    broken = [f for f in report["findings"] if f["level"] == "broken"]
    assert {f["subject"] for f in broken} == {"aliquot-device", "OpenCL", "a vGPU on trial"}
    assert all(f["remedy"] for f in broken)
    told = [f["text"] for f in report["findings"] if f["area"] == "drivers"]
    assert "its symbols are missing" in told


def test_doctor_when_a_vgpu_is_refused(fakes: FakeInstallation) -> None:
    fakes.environment["FAKE_DEVICE_HOST"] = "refuse:7"
    done = fakes.run("doctor")
    assert (done.returncode, "ALQ-E107" in done.stdout) == (1, True)


def test_doctor_when_the_device_is_full(fakes: FakeInstallation) -> None:
    fakes.environment["FAKE_DEVICE_HOST"] = "refuse:4"
    done = fakes.run("doctor", "--json")
    trial = json.loads(done.stdout)["findings"][-1]
    assert (trial["subject"], trial["level"]) == ("a vGPU on trial", "weak")


def test_a_driver_in_a_file_that_is_no_library(fakes: FakeInstallation, tmp_path: Path) -> None:
    (fakes.vendors / "odd.icd").write_bytes(b"\xff\xfe/odd\x1b[31m.so\n")
    done = fakes.run("devices")
    assert (done.returncode, "\x1b" in done.stdout + done.stderr) == (0, False)
