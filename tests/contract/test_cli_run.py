"""`aliquot run` with stand-ins for the native programs: status, signals, environment, errors."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fakes import worker
from tests.fakes.installation import FakeInstallation


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.01)


def test_the_slice_is_told_in_one_line(fakes: FakeInstallation) -> None:
    done = fakes.run("run", "--memory", "2GiB", "--name", "mine", "--", "echo", "hello")
    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert done.stderr == (
        "aliquot: vGPU mine: 2 GiB of 8 GiB on device 0 (Fake CPU), mode remoting, advisory\n"
    )
    done = fakes.run("run", "--quiet", "--", "true")
    assert done.stderr == ""


def test_the_slice_as_json(fakes: FakeInstallation) -> None:
    done = fakes.run("run", "--json", "--memory", "1G", "--", "true")
    told, end = (json.loads(line) for line in done.stderr.splitlines())
    assert (told["memory"], told["mode"], told["lease"]) == (1 << 30, "remoting", "advisory")
    receipt = end["receipt"]
    assert receipt["promised"]["memory"] == 1 << 30
    assert sum(receipt["parts_ns"].values()) == receipt["wall_ns"]
    assert (receipt["parts_ns"]["kernels"], receipt["received"]["turns"]) == (3_000_000, 7)


def test_the_receipt_in_words(fakes: FakeInstallation) -> None:
    done = fakes.run("run", "--quiet", "--receipt", "--name", "mine", "--", "sh", "-c", "exit 3")
    assert done.returncode == 3
    lines = done.stderr.splitlines()
    assert lines[0] == "aliquot: receipt of vGPU mine"
    assert any("own syncs (40 waits)" in line and "1.00 ms" in line for line in lines)
    assert any("waiting for others" in line and "2.00 ms" in line for line in lines)
    assert any("2 processes used it" in line for line in lines)


def test_a_receipt_that_is_not_to_be_had_changes_no_exit_status(fakes: FakeInstallation) -> None:
    fakes.environment["FAKE_DEVICE_HOST"] = "no-receipt"
    done = fakes.run("run", "--quiet", "--receipt", "--", "sh", "-c", "exit 3")
    assert (done.returncode, "ALQ-E106" in done.stderr) == (3, True)


def test_options_reach_the_device_host(fakes: FakeInstallation) -> None:
    options = ["--memory=1MiB", "--strict-sync", "--transfer", "staged", "--device-type", "gpu"]
    done = fakes.run("run", *options, "--kernel-limit", "500ms", "--name", "n", "true", "--", "-x")
    assert done.returncode == 0, done.stderr
    (created,) = fakes.log_of_device("created")
    assert created == (
        "VgpuCreate(memory_bytes=1048576, flags=3, kernel_limit_ms=500, device_type=4, "
        "shares=Shares(guarantee=0, limit=10000, weight=1, priority=0), copy_limit=0, name=b'n', "
        "id_high=0, id_low=0, owner_uid=4294967295)"
    )


def test_without_memory_all_that_is_unreserved(fakes: FakeInstallation) -> None:
    done = fakes.run("run", "--", "true")
    assert ": 8 GiB of 8 GiB on" in done.stderr
    (created,) = fakes.log_of_device("created")
    assert "memory_bytes=0," in created
    assert "name=b'true-" in created


def test_one_device_host_for_many(fakes: FakeInstallation) -> None:
    gate = fakes.directory / "gate"  # all are there at once, however slowly they start
    script = f"while [ ! -e {gate} ]; do sleep 0.02; done"
    processes = [fakes.popen(["run", "--memory", "1M", "--", "sh", "-c", script]) for _ in range(8)]
    deadline = time.monotonic() + 60
    while len(fakes.log_of_device("created")) < 8:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    gate.touch()
    assert [process.wait(60) for process in processes] == [0] * 8
    assert len(fakes.log_of_device("starts")) == 1
    assert len(fakes.log_of_device("created")) == 8


@pytest.mark.parametrize("status", [0, 1, 2, 77, 255])
def test_the_command_s_own_exit_status(fakes: FakeInstallation, status: int) -> None:
    assert fakes.run("run", "--", "sh", "-c", f"exit {status}").returncode == status


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGPIPE])
def test_death_by_signal(fakes: FakeInstallation, number: int) -> None:
    done = fakes.run("run", "--", "sh", "-c", f"kill -{int(number)} $$")
    assert done.returncode == 128 + number


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2"])
def test_signals_are_passed_on(fakes: FakeInstallation, name: str) -> None:
    ready = fakes.directory / "ready"
    script = f"trap 'echo got {name}; exit 9' {name}; : > {ready}; while :; do sleep 0.01; done"
    process = fakes.popen(["run", "--quiet", "--", "bash", "-c", script], stdout=subprocess.PIPE)
    wait_for(ready)
    process.send_signal(getattr(signal, f"SIG{name}"))
    output, _ = process.communicate(timeout=60)
    assert (process.returncode, output) == (9, f"got {name}\n")


def test_an_unhandled_signal_ends_the_command(fakes: FakeInstallation) -> None:
    ready = fakes.directory / "ready"
    process = fakes.popen(["run", "--quiet", "--", "sh", "-c", f": > {ready}; exec sleep 60"])
    wait_for(ready)
    process.terminate()
    assert process.wait(60) == 128 + signal.SIGTERM


def state_of(process: int) -> str:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


def test_stop_and_continue(fakes: FakeInstallation) -> None:
    ready = fakes.directory / "ready"
    script = f"echo $$ > {ready}.new; mv {ready}.new {ready}; exec sleep 60"
    process = fakes.popen(["run", "--quiet", "--", "sh", "-c", script], start_new_session=True)
    wait_for(ready)
    child = int(ready.read_text())
    # In an orphaned process group the default action of SIGTSTP is off; SIGSTOP never is.
    process.send_signal(signal.SIGTSTP)
    deadline = time.monotonic() + 60
    while state_of(process.pid) != "T":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(child, signal.SIGSTOP)
    while state_of(child) != "T":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGCONT)
    while state_of(child) == "T" or state_of(process.pid) == "T":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.terminate()
    assert process.wait(60) == 128 + signal.SIGTERM


def test_ctrl_c_reaches_the_command_once(fakes: FakeInstallation) -> None:
    # A terminal sends SIGINT to the whole foreground process group.
    script = (
        "import signal, sys, time\n"
        "hits = []\n"
        "signal.signal(signal.SIGINT, lambda *_: hits.append(1))\n"
        "print('ready', flush=True)\n"
        "end = time.monotonic() + 30\n"
        "while not hits and time.monotonic() < end: time.sleep(0.05)\n"
        "time.sleep(0.5)\n"  # a second one would come now
        "print('hits', len(hits), flush=True)\n"
    )
    import pty

    child, terminal = pty.fork()
    if child == 0:
        command = fakes.command("run", "--quiet", "--", sys.executable, "-c", script)
        os.execvpe(command[0], command, fakes.environment)
    output = b""
    while b"ready" not in output:
        output += os.read(terminal, 1024)
    os.write(terminal, b"\x03")
    try:
        while chunk := os.read(terminal, 1024):
            output += chunk
    except OSError:
        pass
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert b"hits 1" in output
    assert os.waitstatus_to_exitcode(status) == 0


def test_the_command_sees_one_driver(fakes: FakeInstallation) -> None:
    fakes.environment["ALIQUOT_TRACE"] = "from outside"
    done = fakes.run("run", "--quiet", "--", "env")
    seen = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    guest_driver = str(fakes.native / "libaliquot-opencl.so")
    assert seen["OCL_ICD_VENDORS"] == seen["OCL_ICD_FILENAMES"] == guest_driver
    assert seen["ALIQUOT_VGPU_SOCKET"].startswith(str(fakes.runtime))
    assert "ALIQUOT_TRACE" not in seen
    assert seen["HOME"] == fakes.environment["HOME"]


def test_a_trace_file(fakes: FakeInstallation) -> None:
    done = fakes.run(
        "run", "--trace", "t.log", "--", "sh", "-c", "echo $ALIQUOT_TRACE", cwd=fakes.directory
    )
    assert done.stdout == f"{fakes.directory}/t.log\n"
    assert (fakes.directory / "t.log").exists()


def test_the_command_has_its_own_signals_and_descriptors(fakes: FakeInstallation) -> None:
    native = subprocess.run(
        ["grep", "^Sig", "/proc/self/status"], capture_output=True, text=True, check=True
    )
    done = fakes.run("run", "--quiet", "--", "grep", "^Sig", "/proc/self/status")

    def signals(text: str, name: str) -> int:
        found = next(line for line in text.splitlines() if line.startswith(name))
        # glibc's posix_spawn leaves its own two internal signals ignored.
        return int(found.split()[1], 16) & ~(1 << 31 | 1 << 32)

    for name in ("SigBlk", "SigIgn"):
        assert signals(done.stdout, name) == signals(native.stdout, name)
    done = fakes.run("run", "--quiet", "--", "ls", "/proc/self/fd")
    assert done.stdout.split() == ["0", "1", "2", "3"]


def test_the_device_host_holds_none_of_our_descriptors(fakes: FakeInstallation) -> None:
    reading, writing = os.pipe()
    process = fakes.popen(["run", "--quiet", "--", "true"], pass_fds=[writing])
    os.close(writing)
    assert process.wait(60) == 0
    # End of file comes only when nobody holds the other end, the device host included.
    assert os.read(reading, 1) == b""
    os.close(reading)


@pytest.mark.parametrize("closed", ["1", "2", "12"])
def test_closed_outputs_change_no_exit_status(fakes: FakeInstallation, closed: str) -> None:
    closing = " ".join(f"{number}>&-" for number in closed)
    done = subprocess.run(
        ["sh", "-c", f'"$@" {closing}', "sh", *fakes.command("run", "--", "sh", "-c", "exit 3")],
        env=fakes.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_that_died_is_told_afterwards(fakes: FakeInstallation) -> None:
    fakes.environment["FAKE_DEVICE_HOST"] = "late"
    done = fakes.run("run", "--", "sh", "-c", "exit 5")
    assert done.returncode == 5
    assert done.stderr.splitlines()[-1].startswith("aliquot: ALQ-E110: it died; ")


ERRORS = {
    "size": (["--memory", "2XB", "--", "true"], "ALQ-E202"),
    "no size": (["--memory", "--", "true"], "ALQ-E201"),
    "above the device": (["--memory", "9GiB", "--", "true"], "ALQ-E208"),
    "unknown device": (["--device", "7", "--", "true"], "ALQ-E206"),
    "unknown name": (["--device", "nvidia", "--", "true"], "ALQ-E206"),
    "duration": (["--kernel-limit", "soon", "--", "true"], "ALQ-E203"),
    "name": (["--name", "../x", "--", "true"], "ALQ-E213"),
    "long name": (["--name", "x" * 64, "--", "true"], "ALQ-E213"),
    "type": (["--device-type", "fpga", "--", "true"], "ALQ-E201"),
    "option": (["--memroy", "1G", "--", "true"], "ALQ-E201"),
    "no command": (["--memory", "1G"], "ALQ-E201"),
    "no command after the dashes": (["--"], "ALQ-E201"),
    "share of nothing": (["--compute", "0", "--", "true"], "ALQ-E217"),
    "negative share": (["--compute", "-5", "--", "true"], "ALQ-E217"),
    "share above all": (["--compute", "100.01", "--", "true"], "ALQ-E217"),
    "share too fine": (["--compute", "33.333", "--", "true"], "ALQ-E217"),
    "share in words": (["--compute-limit", "half", "--", "true"], "ALQ-E217"),
    "limit below guarantee": (
        ["--compute", "40", "--compute-limit", "25", "--", "true"],
        "ALQ-E217",
    ),
    "weight": (["--weight", "0", "--", "true"], "ALQ-E217"),
    "priority class": (["--priority", "urgent", "--", "true"], "ALQ-E218"),
    "trace": (["--trace", "/nowhere/at/all", "--", "true"], "ALQ-E215"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_what_cannot_be_is_one_sentence_with_a_code(fakes: FakeInstallation, case: str) -> None:
    arguments, code = ERRORS[case]
    done = fakes.run("run", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"aliquot: {code}: ")
    assert fakes.log_of_device("starts") == []
    if "--" in arguments:
        done = fakes.run("run", "--json", *arguments)
        assert json.loads(done.stderr)["error"]["code"] == code


def test_no_command_of_that_name(fakes: FakeInstallation) -> None:
    done = fakes.run("run", "--quiet", "--", "no-such-program-anywhere")
    assert (done.returncode, "ALQ-E211" in done.stderr) == (127, True)


def test_a_command_that_is_no_program(fakes: FakeInstallation) -> None:
    plain = fakes.directory / "plain"
    plain.write_text("text")
    done = fakes.run("run", "--quiet", "--", str(plain))
    assert (done.returncode, "ALQ-E212" in done.stderr) == (126, True)


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        ("version", "ALQ-E101"),
        ("refuse:1", "ALQ-E101"),
        ("refuse:4", "ALQ-E104"),
        ("refuse:5", "ALQ-E105"),
        ("refuse:7", "ALQ-E107"),
        ("refuse:11", "ALQ-E111"),
        ("refuse:12", "ALQ-E112"),
        ("refuse:999", "ALQ-E109"),
        ("fail", "ALQ-E120"),
    ],
)
def test_what_a_device_host_refuses(fakes: FakeInstallation, behaviour: str, code: str) -> None:
    fakes.environment["FAKE_DEVICE_HOST"] = behaviour
    done = fakes.run("run", "--", "echo", "never")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"aliquot: {code}: ")
    assert "\x1b" not in line


def test_a_device_host_that_cannot_start_says_why(fakes: FakeInstallation) -> None:
    fakes.environment["FAKE_DEVICE_HOST"] = "fail"
    done = fakes.run("run", "--", "true")
    assert "(exit status 3: It can't, for a test); " in done.stderr


def test_more_than_is_left(fakes: FakeInstallation) -> None:
    ready = fakes.directory / "ready"
    holder = fakes.popen(
        ["run", "--memory", "6GiB", "--", "sh", "-c", f": > {ready}; exec sleep 60"],
        stderr=subprocess.DEVNULL,
    )
    wait_for(ready)
    done = fakes.run("run", "--memory", "4GiB", "--", "true")
    assert (done.returncode, "ALQ-E104" in done.stderr) == (2, True)
    done = fakes.run("devices", "--json")
    (device,) = json.loads(done.stdout)["devices"]
    assert (device["reserved_memory"], device["vgpu_count"]) == (6 << 30, 1)
    holder.terminate()
    holder.wait(60)


def test_nothing_is_left(fakes: FakeInstallation) -> None:
    ready = fakes.directory / "ready"
    script = f": > {ready}; exec sleep 60"
    holder = fakes.popen(["run", "--quiet", "--", "sh", "-c", script])
    wait_for(ready)
    done = fakes.run("run", "--", "true")
    assert done.returncode == 2
    assert "ALQ-E104: all memory of the device is reserved by other vGPUs; " in done.stderr
    holder.terminate()
    holder.wait(60)


def test_missing_native_programs(fakes: FakeInstallation) -> None:
    (fakes.native / "libaliquot-opencl.so").unlink()
    done = fakes.run("run", "--quiet", "--", "true")
    assert (done.returncode, "ALQ-E210" in done.stderr) == (2, True)


def test_no_usable_driver(fakes: FakeInstallation) -> None:
    fakes.driver("one", worker.answer())
    done = fakes.run("run", "--", "true")
    assert (done.returncode, "ALQ-E216" in done.stderr) == (2, True), done.stderr
