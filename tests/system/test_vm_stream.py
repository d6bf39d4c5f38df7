"""Whole programs through the two ends of a guest VM's stream: what they compute, hold and leave."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aliquot.client.records import VERSION
from aliquot.errors import BadVmSocket
from aliquot.leases.vm import remoting_stream
from aliquot.model.shares import Shares
from tests.contract.device_host_process import wait_until
from tests.system.compiled import compile_program
from tests.system.runtime import Runtime
from tests.system.test_quota import wait_for_usage
from tests.system.test_rules import RULES
from tests.system.vm_stream import Ends, ends_of, start_guest_end
from tests.vm.remoting_vm import JOB
from tools.programs import running
from tools.programs.cases.clinfo import Clinfo
from tools.programs.drivers import Driver

MIB = 1 << 20
_REFUSED = -4  # CL_MEM_OBJECT_ALLOCATION_FAILURE
_RUN = b"\xa5"


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The compiled programs: path by name."""
    folder = tmp_path_factory.mktemp("rules")
    return {name: compile_program(name, folder) for name in RULES}


def test_the_rules_of_opencl_hold(driver: Driver, runtime: Runtime, rules: dict[str, Path]) -> None:
    """Every rule that holds on a vGPU does through the stream, on one vGPU after another."""
    with runtime.host() as host:
        vgpu = host.create_vgpu("rules", 1024 * MIB)
        with ends_of(vgpu.socket_path) as ends:
            for name, program in rules.items():
                if driver.name == "intel" and name == "user_event_rules":
                    continue  # a fault of the driver's own; see test_rules
                done = ends.run([program, "--specification"])
                assert (done.returncode, done.stderr) == (0, ""), name
                assert done.stdout.endswith(f"{name}: ok\n")
            wait_for_usage(host, lambda usage: usage.guest_processes == 0)


def test_every_command_gives_native_results(
    driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    """A program that uses each function, and one with many threads."""
    for arguments in (["every_command"], ["many_threads", "4", "20"], ["copying"]):
        command = [str(programs[arguments[0]]), *arguments[1:]]
        native = subprocess.run(
            command, env=os.environ | driver.environment(), capture_output=True, text=True
        )
        with runtime.host() as host:
            vgpu = host.create_vgpu("commands", 512 * MIB)
            with ends_of(vgpu.socket_path) as ends:
                done = ends.run(command)
        assert (done.returncode, done.stdout) == (native.returncode, native.stdout)


def test_pyopencl_gives_native_results(driver: Driver, runtime: Runtime) -> None:
    """The job that guest VMs run in `make test-vm`: kernels, copies, a map."""
    job = [sys.executable, JOB, "compute"]
    native = subprocess.run(
        job, env=os.environ | driver.environment(), capture_output=True, text=True, check=True
    )
    with runtime.host() as host:
        vgpu = host.create_vgpu("job", 256 * MIB)
        with ends_of(vgpu.socket_path) as ends:
            done = ends.run(job)
    assert (done.returncode, done.stdout) == (0, native.stdout), done.stderr
    assert native.stdout.count("\n") == 3


def test_clinfo_says_what_it_says_natively(one_driver: Driver, runtime: Runtime) -> None:
    """But for what docs/clinfo.md lists."""
    case = Clinfo()
    native = running.run_natively(case, one_driver)
    with runtime.host() as host:
        vgpu = host.create_vgpu("clinfo", 1024 * MIB)
        with ends_of(vgpu.socket_path) as ends:
            variables = running.environment(case, one_driver, "remoted") | {
                name: value
                for name, value in ends.environment().items()
                if name.startswith(("OCL_", "ALIQUOT_VGPU"))
            }
            outcome = running.run_command(
                case.command(), variables, folder=case.folder(), seconds=case.time_limit
            )
    assert not case.differences(native, outcome)


@pytest.mark.parametrize(("processes", "threads"), [(1, 8), (8, 1), (4, 4)])
def test_the_quota_holds_to_the_byte(
    processes: int,
    threads: int,
    one_driver: Driver,
    runtime: Runtime,
    programs: dict[str, Path],
    tmp_path: Path,
) -> None:
    """Racing programs of one guest VM together get exactly what fits."""
    gate = tmp_path / "gate"
    command = [programs["racing_allocation"], str(threads), str(MIB), str(gate)]
    with runtime.host() as host:
        vgpu = host.create_vgpu("racing", 64 * MIB)
        with ends_of(vgpu.socket_path) as ends:
            racing = [ends.popen(command) for _ in range(processes)]
            for process in racing:
                assert process.stdout
                assert process.stdout.readline() == "ready\n"
            gate.touch()
            got = 0
            for process in racing:
                assert process.stdout
                got += int(process.stdout.readline().removeprefix("got "))
                assert process.stdout.readline() == f"refused {_REFUSED}\n"
            gate.unlink()
            for process in racing:
                stdout, stderr = process.communicate(timeout=120)
                assert (process.returncode, stderr, stdout) == (0, "", "again 0\n")
            assert got == 64
            wait_for_usage(
                host, lambda usage: usage.memory_used == 0 and usage.guest_processes == 0
            )


@pytest.mark.alone
def test_shares_hold(one_driver: Driver, runtime: Runtime) -> None:
    """Programs of two guest VMs that want all of the device get what their vGPUs were promised."""
    with runtime.host() as host:
        vgpus = [
            host.create_vgpu(f"share-{share}", 64 * MIB, shares=Shares(share))
            for share in (7500, 2500)
        ]
        with ends_of(vgpus[0].socket_path) as one, ends_of(vgpus[1].socket_path) as two:
            burning = [ends.popen([sys.executable, JOB, "burn", "14", "64"]) for ends in (one, two)]
            for process in burning:
                assert process.stdout
                assert process.stdout.readline() == "burns\n"
            time.sleep(11)
            usages = {usage.name: usage for usage in host.list_vgpus()}
            shares = [usages[vgpu.name].turns.share_10s for vgpu in vgpus]
            for process in burning:
                _, stderr = process.communicate(timeout=60)
                assert process.returncode == 0, stderr
    of_both = shares[0] / sum(shares)
    print("of both", of_both)
    assert 0.70 < of_both < 0.80, shares


def test_who_ends_frees_all(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path], tmp_path: Path
) -> None:
    """A program that is killed, the guest VM's end that is killed and comes back, the whole VM."""
    gate = tmp_path / "gate"
    command = [programs["racing_allocation"], "1", str(MIB), str(gate)]
    gate.touch()
    with runtime.host() as host:
        vgpu = host.create_vgpu("ends", 64 * MIB)
        with ends_of(vgpu.socket_path, stay=True) as ends:
            _hold_all(ends, command).kill()
            wait_for_usage(host, lambda usage: usage.memory_used + usage.guest_processes == 0)
            # aliquot-guest dies: with a socket in place of the port the host hears of it at once.
            holder = _hold_all(ends, command)
            ends.guest.kill()
            ends.guest.wait()
            wait_for_usage(host, lambda usage: usage.memory_used + usage.guest_processes == 0)
            holder.kill()
            holder.communicate()
            again = start_guest_end(Path(ends.socket_path).parent)
            try:
                ends._replace(guest=again).wait_for_host(2)
                assert ends.run([programs["every_command"]]).returncode == 0
            finally:
                again.kill()
                again.wait()


def _hold_all(ends: Ends, command: list[str | Path]) -> subprocess.Popen[str]:
    holder = ends.popen(command)
    assert holder.stdout
    assert holder.stdout.readline() == "ready\n"
    assert holder.stdout.readline() == "got 64\n"
    return holder


def test_a_vm_that_pauses_goes_on(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    """While it pauses nothing ends, and afterwards every result is right."""
    with runtime.host() as host:
        vgpu = host.create_vgpu("pausing", 256 * MIB)
        with ends_of(vgpu.socket_path) as ends:
            working = ends.popen([programs["enduring"], "5"])
            assert working.stdout
            assert working.stdout.readline() == "working\n"
            for _ in range(2):
                ends.guest.send_signal(signal.SIGSTOP)
                time.sleep(1)
                assert host.list_vgpus()[0].guest_processes == 1
                ends.guest.send_signal(signal.SIGCONT)
                time.sleep(0.2)
            stdout, stderr = working.communicate(timeout=60)
            assert (working.returncode, stderr) == (0, ""), stdout


def test_a_suspended_vgpu_goes_on(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    """A program of a guest VM notices a pause, as one of the host's does."""
    external_id = 0x5EED
    with runtime.host() as host:
        vgpu = host.create_vgpu("suspended", 128 * MIB, external_id=external_id)
        try:
            host.take_lease(external_id=external_id, process_id=os.getpid())
            with ends_of(vgpu.socket_path) as ends:
                working = ends.popen([programs["enduring"], "300"])
                assert working.stdout
                assert working.stdout.readline() == "working\n"
                for _ in range(2):
                    host.suspend_vgpu(external_id)
                    time.sleep(0.3)
                    assert working.poll() is None
                    host.resume_vgpu(external_id)
                    time.sleep(0.3)
                working.terminate()
                stdout, stderr = working.communicate(timeout=60)
                assert (working.returncode, stderr) == (0, ""), stdout
        finally:
            runtime.look(host)
            host.destroy_vgpu(vgpu.id)


def test_programs_see_the_end_of_host_and_worker(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path], tmp_path: Path
) -> None:
    """They get OpenCL errors, and don't hang."""
    with runtime.host() as host:
        vgpu = host.create_vgpu("gone", 64 * MIB)
        with ends_of(vgpu.socket_path) as ends:
            enduring = ends.popen([programs["enduring"], "60"])
            assert enduring.stdout
            assert enduring.stdout.readline() == "working\n"
            ends.host.process.send_signal(signal.SIGKILL)
            stdout, _ = enduring.communicate(timeout=60)
            assert enduring.returncode != 0, stdout
            wait_for_usage(host, lambda usage: usage.memory_used + usage.guest_processes == 0)


def test_the_hosts_end_is_shut_in(one_driver: Driver, runtime: Runtime) -> None:
    """By the kernel's word, while a program uses it."""
    with runtime.host() as host:
        vgpu = host.create_vgpu("fence", 64 * MIB)
        with ends_of(vgpu.socket_path, plane=MIB) as ends:
            filled = ends.run([sys.executable, JOB, "fill", str(MIB)]).stdout
            assert filled == "refused after 64 -4\n"
            status = Path(f"/proc/{ends.host.process.pid}/status").read_text()
            facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2")
    assert [int(facts[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")] == [0] * 4


def test_a_socket_that_is_taken_is_refused(one_driver: Driver, runtime: Runtime) -> None:
    """Nothing is taken from who listens there, and no file is removed."""
    with runtime.host() as host:
        vgpu = host.create_vgpu("taken", 16 * MIB)
        with ends_of(vgpu.socket_path) as ends:
            with pytest.raises(BadVmSocket):
                remoting_stream.start(vgpu.socket_path, ends.host.socket_path)
            assert ends.host.process.poll() is None
            with pytest.raises(BadVmSocket):
                remoting_stream.start(vgpu.socket_path, str(ends.log))
            assert ends.log.exists()
        assert not Path(ends.host.socket_path).exists()


def test_one_that_waits_for_its_vm_goes_on_when_another_wants_its_socket(
    one_driver: Driver, runtime: Runtime, tmp_path: Path
) -> None:
    """Who looks whether somebody listens there is not taken for a VM that comes and goes."""
    with runtime.host() as host:
        vgpu = host.create_vgpu("waits", 16 * MIB)
        first = remoting_stream.start(vgpu.socket_path, str(tmp_path / "s.sock"))
        try:
            for _ in range(3):
                with pytest.raises(BadVmSocket):
                    remoting_stream.start(vgpu.socket_path, first.socket_path)
            assert first.process.poll() is None
            assert Path(first.socket_path).is_socket()
        finally:
            remoting_stream.stop(first)


def test_its_files_go_however_it_ends(one_driver: Driver, runtime: Runtime, tmp_path: Path) -> None:
    """Those that it made; one that another has put in their place meanwhile stays."""
    with runtime.host() as host:
        vgpu = host.create_vgpu("ends", 16 * MIB)
        path = tmp_path / "s.sock"
        first = remoting_stream.start(vgpu.socket_path, str(path))
        assert path.is_socket()
        first.process.kill()
        first.process.wait()
        wait_until(lambda: not path.exists(), "the socket of one that was killed is gone")
        second = remoting_stream.start(vgpu.socket_path, str(path))
        path.unlink()
        path.write_text("another's")
        remoting_stream.stop(second)
        time.sleep(0.5)
        assert path.read_text() == "another's"


def test_a_stream_that_is_broken_ends_itself_and_nothing_else(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    """Garbage ends that VM's channels; a VM that begins anew is served; another never notices."""
    with runtime.host() as host:
        vgpu = host.create_vgpu("broken", 256 * MIB)
        with ends_of(vgpu.socket_path) as other, ends_of(vgpu.socket_path, stay=True) as ends:
            ends.guest.kill()
            ends.guest.wait()
            busy = other.popen([programs["many_threads"], "4", "50"])
            port = socket.socket(socket.AF_UNIX)
            port.settimeout(30)
            port.connect(ends.host.socket_path)
            port.sendall(_RUN * 131_088 + _hello(6, VERSION + 1))
            assert _until(port, _random(6))  # with what the host's version is, and no more
            port.sendall(_message(2, 1, 0, b""))
            for garbage in (b"\0" * 4096, os.urandom(100_000), b"\xff" * 64):
                port.sendall(_RUN * 131_088 + _hello(7))
                assert _until(port, _random(7))
                port.sendall(garbage)
            port.sendall(_RUN * 131_088 + _hello(8))
            assert _until(port, _random(8))
            # Open a channel, then say what can't be of it.
            port.sendall(_message(2, 1, 0, b""))
            wait_for_usage(host, lambda usage: usage.guest_processes >= 1)
            port.sendall(_message(5, 1, 400, b"\xff" * 400))
            port.sendall(_RUN * 131_088 + _hello(9))
            assert _until(port, _random(9))
            port.close()
            stdout, stderr = busy.communicate(timeout=240)
            assert (busy.returncode, stderr) == (0, ""), stdout
            wait_for_usage(host, lambda usage: usage.memory_used + usage.guest_processes == 0)


def _message(kind: int, channel: int, argument: int, payload: bytes) -> bytes:
    head = len(payload).to_bytes(4, "little") + kind.to_bytes(4, "little")
    return head + channel.to_bytes(4, "little") + argument.to_bytes(4, "little") + payload


def _random(number: int) -> bytes:
    return bytes([number]) * 16


def _hello(number: int, records: int = VERSION) -> bytes:
    versions = (2).to_bytes(4, "little") + records.to_bytes(4, "little")
    return _message(1, 0, 0, _random(number) + versions)


def _until(port: socket.socket, wanted: bytes) -> bool:
    """Whether these bytes come within half a minute."""
    seen = b""
    deadline = time.monotonic() + 30
    while wanted not in seen and time.monotonic() < deadline:
        seen = (seen + port.recv(65536))[-200_000:]
    return wanted in seen
