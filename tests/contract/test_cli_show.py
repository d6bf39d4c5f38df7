"""`aliquot show`, against a stand-in for the device host."""

import json
from pathlib import Path

from tests.contract.test_cli_shares import hold
from tests.fakes.installation import FakeInstallation


def test_a_vgpu_for_people(fakes: FakeInstallation) -> None:
    hold(fakes, "mine", "--compute", "25", "--copy-limit", "500MiB")
    done = fakes.run("show", "mine")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "vGPU mine, number 1 of user 0, mode remoting"
    told = {line[:14].strip(): line[14:] for line in lines[1:] if not line.startswith("  ")}
    assert told["device"].startswith("Fake CPU (")
    assert told["promise"] == "at least 25 % of its time"
    assert told["copy limit"] == "500 MiB/s"
    assert told["copies"] == "300 MiB/s, 200 MiB/s, 1 B/s over 1, 10 and 60 s (claims)"
    assert told["fenced in by"] == "a filter of system calls (seccomp)"
    assert "  process 4711: 1 MiB used of 2 MiB lent" in lines
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
    assert told["processes"] == [
        {"process_id": 4711, "connection": 1, "memory_lent": 2 << 20, "memory_used": 1 << 20}
    ]
    (kernel,) = told["unsplit_kernels"]
    assert (kernel["longest_ns"], kernel["reason"]) == (12_500_000, "atomics")
    assert "a filter of system calls (seccomp)" in told["protections_on"]
    assert "no network" in told["protections_off"]


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
