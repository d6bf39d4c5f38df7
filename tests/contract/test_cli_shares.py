"""`aliquot run --compute`, `resize`, `policy` and `top`, against a stand-in for the device host."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.fakes import worker
from tests.fakes.installation import FakeInstallation


def hold(fakes: FakeInstallation, name: str, *options: str) -> subprocess.Popen[str]:
    """A vGPU that is in use until its process is ended."""
    ready = fakes.directory / f"ready-{name}-{len(fakes.started)}"
    script = f": > {ready}; exec sleep 60"
    arguments = ["run", "--quiet", "--memory", "1MiB", "--name", name, *options]
    process = fakes.popen([*arguments, "--", "sh", "-c", script])
    wait_for(ready)
    return process


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.01)


def shares_of(fakes: FakeInstallation) -> dict[str, tuple[object, ...]]:
    """Guarantee, limit, weight and class of each vGPU."""
    listed = json.loads(fakes.run("top", "--once", "--json").stdout)["vgpus"]
    names = ("compute", "compute_limit", "weight", "priority")
    return {vgpu["name"]: tuple(vgpu["turns"][name] for name in names) for vgpu in listed}


def test_shares_reach_the_device_host_and_are_told(fakes: FakeInstallation) -> None:
    options = ["--compute", "25", "--compute-limit", "40", "--weight", "2", "--priority", "latency"]
    done = fakes.run("run", *options, "--memory", "1GiB", "--name", "mine", "--", "true")
    assert done.returncode == 0
    assert done.stderr == (
        "aliquot: vGPU mine: 1 GiB of 8 GiB, 25 to 40 % of its time, weight 2, priority latency, "
        "on device 0 (Fake CPU), mode remoting, advisory\n"
    )
    (created,) = fakes.log_of_device("created")
    assert "shares=Shares(guarantee=2500, limit=4000, weight=2, priority=1)" in created
    done = fakes.run("run", "--json", *options, "--", "true")
    told = json.loads(done.stderr.splitlines()[0])
    assert (told["compute"], told["compute_limit"]) == (25.0, 40.0)
    assert (told["weight"], told["priority"]) == (2, "latency")


def test_guarantees_above_the_device_are_refused_with_what_is_free(
    fakes: FakeInstallation,
) -> None:
    hold(fakes, "most", "--compute", "70")
    done = fakes.run("run", "--memory", "1MiB", "--compute", "30.01", "--", "echo", "never")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("aliquot: ALQ-E111: 30 % of the device's time are unpromised; ")
    done = fakes.run("run", "--memory", "1MiB", "--compute", "30", "--", "echo", "fits")
    assert (done.returncode, done.stdout) == (0, "fits\n")


def test_resize_changes_what_is_given_and_nothing_else(fakes: FakeInstallation) -> None:
    hold(fakes, "one", "--compute", "25", "--weight", "3")
    done = fakes.run("resize", "one", "--compute-limit", "60")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "vGPU one: 25 to 60 % of its time, weight 3\n"
    assert shares_of(fakes) == {"one": (25.0, 60.0, 3, "normal")}
    done = fakes.run("resize", "1", "--compute", "none", "--priority", "batch", "--json")
    told = json.loads(done.stdout)
    assert (told["name"], told["compute"], told["priority"]) == ("one", 0.0, "batch")
    assert shares_of(fakes) == {"one": (0.0, 60.0, 3, "batch")}


def test_a_resize_gives_memory(fakes: FakeInstallation) -> None:
    hold(fakes, "one", "--compute", "25")
    done = fakes.run("resize", "one", "--memory", "2MiB")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "vGPU one: 2 MiB, at least 25 % of its time\n"

    def memory() -> int:
        (vgpu,) = json.loads(fakes.run("vgpus", "--json").stdout)["vgpus"]
        return vgpu["memory_limit"]

    assert memory() == 2 << 20
    told = json.loads(fakes.run("resize", "one", "--memory", "1M", "--json").stdout)
    assert (told["memory"], told["compute"], memory()) == (1 << 20, 25.0, 1 << 20)
    told = json.loads(fakes.run("resize", "one", "--weight", "2", "--json").stdout)
    assert told["memory"] == 1 << 20
    for size, code in (("64KiB", "ALQ-E114"), ("100TiB", "ALQ-E104"), ("0", "ALQ-E202")):
        done = fakes.run("resize", "one", "--memory", size, "--compute", "30")
        assert (done.returncode, code in done.stderr, memory()) == (2, True, 1 << 20)
    assert shares_of(fakes) == {"one": (25.0, 100.0, 2, "normal")}


def test_a_resize_that_cannot_be_changes_nothing(fakes: FakeInstallation) -> None:
    hold(fakes, "one", "--compute", "25")
    hold(fakes, "two", "--compute", "50")
    before = shares_of(fakes)
    for arguments, code in (
        (["one"], "ALQ-E201"),
        (["one", "--compute", "0"], "ALQ-E217"),
        (["one", "--compute-limit", "20"], "ALQ-E217"),
        (["one", "--compute", "50.01"], "ALQ-E111"),
        (["one", "--priority", "urgent"], "ALQ-E218"),
        (["three", "--compute", "5"], "ALQ-E106"),
        (["7", "--compute", "5"], "ALQ-E106"),
        (["one", "--device", "5", "--compute", "5"], "ALQ-E206"),
    ):
        done = fakes.run("resize", *arguments)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"aliquot: {code}: "), arguments
    assert shares_of(fakes) == before


def test_a_name_on_two_devices(fakes: FakeInstallation) -> None:
    fakes.driver("two", worker.answer(worker.device(0, name="Other CPU")))
    hold(fakes, "same", "--device", "0")
    hold(fakes, "same", "--device", "1")
    done = fakes.run("resize", "same", "--weight", "2")
    assert (done.returncode, "ALQ-E221" in done.stderr) == (2, True)
    assert fakes.run("resize", "same", "--device", "1", "--weight", "2").returncode == 0
    listed = json.loads(fakes.run("top", "--once", "--json").stdout)["vgpus"]
    assert sorted(vgpu["turns"]["weight"] for vgpu in listed) == [1, 2]


def test_a_limit_of_copies_is_given_changed_and_told(fakes: FakeInstallation) -> None:
    hold(fakes, "one", "--copy-limit", "500MiB", "--compute", "25")

    def told() -> tuple[int, float]:
        (vgpu,) = json.loads(fakes.run("vgpus", "--json").stdout)["vgpus"]
        return vgpu["copies"]["limit"], vgpu["turns"]["compute"]

    assert told() == (500 << 20, 25.0)
    done = fakes.run("resize", "one", "--compute", "30")
    assert done.stdout == "vGPU one: at least 30 % of its time, copies at most 500 MiB/s\n"
    assert told() == (500 << 20, 30.0)
    done = fakes.run("resize", "one", "--copy-limit", "2MiB/s", "--json")
    assert json.loads(done.stdout)["copy_limit"] == 2 << 20
    assert told() == (2 << 20, 30.0)
    assert fakes.run("resize", "one", "--copy-limit", "none").returncode == 0
    assert told() == (0, 30.0)
    done = fakes.run("run", "--copy-limit", "1GiB", "--memory", "1MiB", "--", "true")
    assert ", copies at most 1 GiB/s, on device 0" in done.stderr


def test_a_limit_of_copies_that_cannot_be(fakes: FakeInstallation) -> None:
    hold(fakes, "one", "--copy-limit", "2MiB")
    for text, code in (("fast", "ALQ-E202"), ("0", "ALQ-E202"), ("1023KiB", "ALQ-E217")):
        for arguments in (["run", "--copy-limit", text, "--", "true"],
                          ["resize", "one", "--copy-limit", text]):  # fmt: skip
            done = fakes.run(*arguments)
            assert (done.returncode, done.stdout) == (2, ""), arguments
            (line,) = done.stderr.splitlines()
            assert line.startswith(f"aliquot: {code}: --copy-limit '{text}' is "), arguments
            assert "write it like --copy-limit 500MiB" in line
    (vgpu,) = json.loads(fakes.run("vgpus", "--json").stdout)["vgpus"]
    assert vgpu["copies"]["limit"] == 2 << 20


def test_a_policy_is_shown_and_set(fakes: FakeInstallation) -> None:
    done = fakes.run("policy", "0")
    assert done.stdout == "device 0 (Fake CPU): best-effort, turns of 2 ms, averaging 1\n"
    done = fakes.run("policy", "Fake", "equal-share", "--turn", "5ms", "--averaging", "4")
    assert done.stdout == "device 0 (Fake CPU): equal-share, turns of 5 ms, averaging 4\n"
    told = json.loads(fakes.run("policy", "0", "--json").stdout)
    assert (told["policy"], told["turn_ms"], told["averaging"]) == ("equal-share", 5.0, 4)


def test_a_policy_outlives_its_device_host(fakes: FakeInstallation) -> None:
    assert fakes.run("policy", "0", "fixed-share", "--averaging", "4").returncode == 0
    deadline = time.monotonic() + 60
    while list(fakes.runtime.glob("*/control.sock")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert fakes.run("run", "--quiet", "--", "true").returncode == 0
    assert len(fakes.log_of_device("starts")) == 2
    assert set(fakes.log_of_device("policies")) == {"Policy(kind=2, averaging=4, turn_ns=0)"}
    assert len(fakes.log_of_device("policies")) == 2


@pytest.mark.parametrize(
    "damage", ["", "equal-share", "fair 0 1", "equal-share soon 1", "\0" * 300]
)
def test_a_damaged_policy_counts_as_none(fakes: FakeInstallation, damage: str) -> None:
    assert fakes.run("policy", "0").returncode == 0
    (directory,) = [path for path in fakes.runtime.iterdir() if path.is_dir()]
    (directory / "policy").write_text(damage)
    assert fakes.run("run", "--quiet", "--", "true").returncode == 0
    assert fakes.log_of_device("policies") == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["0", "fair"], "ALQ-E219"),
        (["0", "equal-share", "--turn", "31ms"], "ALQ-E220"),
        (["0", "equal-share", "--turn", "soon"], "ALQ-E220"),
        (["0", "equal-share", "--averaging", "61"], "ALQ-E220"),
        (["0", "--turn", "2ms"], "ALQ-E201"),
        (["7", "equal-share"], "ALQ-E206"),
        ([], "ALQ-E201"),
    ],
)
def test_a_policy_that_cannot_be(fakes: FakeInstallation, arguments: list[str], code: str) -> None:
    done = fakes.run("policy", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"aliquot: {code}: ")
    assert fakes.log_of_device("policies") == []


def test_top(fakes: FakeInstallation) -> None:
    assert fakes.run("top", "--once").stdout == "no vGPU is in use here\n"
    limits = ["--compute-limit", "40", "--copy-limit", "500MiB"]
    hold(fakes, "first", "--compute", "25", *limits)
    hold(fakes, "second")
    done = fakes.run("top", "--once")
    heading, first, second = done.stdout.splitlines()
    assert heading.split()[:3] == ["vGPU", "device", "promised"]
    for part in (
        "25 to 40 %",
        "25.12 %",
        "24.98 %",
        "0.25 ms",
        "4.00 ms",
        "1.50 ms",
        "1 MiB",
        "75.25 %",
    ):
        assert part in first
    assert second.split()[2] == "-"
    assert ("200 MiB/s" in first, "500 MiB/s" in first, "500 MiB/s" in second) == (
        True,
        True,
        False,
    )
    lines = fakes.run("top", "--json", "--interval", "100ms", "--rounds", "2").stdout.splitlines()
    assert [len(json.loads(line)["vgpus"]) for line in lines] == [2, 2]
    # Between lists it reads the pages.
    assert json.loads(lines[0])["vgpus"][0]["turns"]["held_ns"] == 3_000_000_000
    assert json.loads(lines[0])["vgpus"][0]["turns"]["share_1s"] == 12.34
    live = fakes.run("top", "--interval", "100ms", "--rounds", "2")
    assert (live.returncode, "first" in live.stdout) == (0, True)


def test_turns_without_their_vgpu_are_a_fault(fakes: FakeInstallation) -> None:
    fakes.environment["FAKE_DEVICE_HOST"] = "early"
    hold(fakes, "odd")
    done = fakes.run("top", "--once", "--json")
    assert (done.returncode, json.loads(done.stderr)["error"]["code"]) == (2, "ALQ-E102")
