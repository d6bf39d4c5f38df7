"""`aliquot show`, against a stand-in for the device host."""

import json
import os
from pathlib import Path

from tests.contract.test_cli_shares import hold
from tests.fakes.installation import FakeInstallation


def test_a_vgpu_for_people(fakes: FakeInstallation) -> None:
    hold(fakes, "mine", "--compute", "25", "--copy-limit", "500MiB")
    done = fakes.run("show", "mine")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"vGPU mine, number 1 of user {os.geteuid()}, mode remoting"
    told = {line[:14].strip(): line[14:] for line in lines[1:] if not line.startswith("  ")}
    assert told["device"].startswith("Fake CPU (")
    assert told["promise"] == "at least 25 % of its time"
    assert told["copy limit"] == "500 MiB/s"
    assert told["copies"] == "300 MiB/s, 200 MiB/s, 1 B/s over 1, 10 and 60 s (claims)"
    assert told["fenced in by"] == "a filter of system calls (seccomp)"
    process = lines.index("  process 4711: 1 MiB used of 2 MiB lent")
    assert lines[process + 1 : process + 4] == [
        "    queue 1, in order: 3 outstanding, the oldest for 12.50 ms; "
        "1200 done in 4.00 s (claims)",
        "    queue 2, out of order: 0 outstanding; 34 done in 1.00 s (claims)",
        "    and another queue",
    ]
    # What a worker calls its kernel moves no terminal.
    (kernel,) = [line for line in lines if line.startswith("  hist")]
    assert kernel.startswith(
        "  hist\N{REPLACEMENT CHARACTER}[31m: 12.50 ms, its source has atomics"
    )


def test_a_vgpu_as_json(fakes: FakeInstallation) -> None:
    hold(fakes, "mine", "--no-split")
    told = json.loads(fakes.run("show", "1", "--json").stdout)
    assert (told["name"], told["device_name"]) == ("mine", "Fake CPU")
    assert told["policy"]["policy"] == "best-effort"
    (process,) = told["processes"]
    queues = process.pop("queues")
    assert process == {
        "process_id": 4711, "connection": 1, "memory_lent": 2 << 20, "memory_used": 1 << 20
    }  # fmt: skip
    assert [(queue["number"], queue["in_order"]) for queue in queues] == [(1, True), (2, False)]
    assert (told["queues_told"], told["queues_left_out"]) == ("told", 1)
    (kernel,) = told["unsplit_kernels"]
    assert (kernel["longest_ns"], kernel["reason"]) == (12_500_000, "atomics")
    assert "a filter of system calls (seccomp)" in told["protections_on"]
    assert "no network" in told["protections_off"]


def test_a_worker_that_tells_of_no_queues(fakes: FakeInstallation) -> None:
    fakes.environment["FAKE_DEVICE_HOST"] = "silent-worker"
    hold(fakes, "mine")
    done = fakes.run("show", "mine")
    assert "  the worker doesn't tell of their command queues" in done.stdout.splitlines()


def test_a_vgpu_that_is_not_there(fakes: FakeInstallation) -> None:
    done = fakes.run("show", "nobody")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("aliquot: ALQ-E106: ")
    assert fakes.run("show").returncode == 2


def test_a_vgpu_of_a_driver_that_is_gone(fakes: FakeInstallation) -> None:
    hold(fakes, "mine")
    for icd in Path(fakes.directory).rglob("*.icd"):
        icd.unlink()
    done = fakes.run("show", "mine")
    assert done.returncode == 0, done.stderr
    assert "no driver offers it any more" in done.stdout
