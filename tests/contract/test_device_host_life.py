"""A device host's life: in the background, for as long as it is needed, leaving nothing behind."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

import pytest

from tests.contract.device_host_process import (
    CONTROL_HELLO,
    CREDIT_REPLY,
    CREDIT_REQUEST,
    Control,
    DeviceHostProcess,
    Guest,
    wait_until,
)


def process_exists(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


def test_ends_when_nobody_needs_it_and_leaves_nothing(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create()
    host.guest(vgpu).close()
    control.close()
    assert host.wait_for_end() == 0
    assert not process_exists(vgpu.worker)
    left = {path.name for path in host.device_folder.iterdir()}
    assert left == {"lock", "view"}
    assert not list((host.device_folder / "view").iterdir())


def test_all_end_with_a_killed_supervisor(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create()
    guest = host.guest(vgpu)
    device_host = control.device_host()
    assert host.process is not None
    host.process.kill()
    host.process.wait()
    assert guest.receive() is None
    wait_until(lambda: not process_exists(device_host), "the device host is gone")
    wait_until(lambda: not process_exists(vgpu.worker), "the worker is gone")
    # The next one clears up and serves.
    assert Path(vgpu.socket_path).exists()
    host.start()
    assert not Path(vgpu.socket_path).exists()
    host.guest(host.control().create())


def test_terminated_device_host_clears_up(host: DeviceHostProcess) -> None:
    vgpu = host.control().create()
    guest = host.guest(vgpu)
    assert host.process is not None
    host.process.terminate()
    assert host.wait_for_end() == 0
    assert guest.receive() is None
    assert not process_exists(vgpu.worker)
    assert not host.control_path.exists()


def test_goes_to_the_background_once() -> None:
    host = DeviceHostProcess()
    try:
        runs = [
            subprocess.Popen(host.command(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            for _ in range(5)
        ]
        assert [run.communicate(timeout=30) for run in runs] == [(b"", None)] * 5
        assert [run.returncode for run in runs] == [0] * 5
        processes: set[int] = set()
        for _ in range(5):
            with Control(host.control_path) as control:
                processes.add(control.device_host())
        assert len(processes) == 1
        process = processes.pop()
        wait_until(lambda: not process_exists(process), "it ends by itself")
        assert not host.control_path.exists()
        assert (host.device_folder / "log").stat().st_mode & 0o077 == 0
    finally:
        host.close()


@pytest.mark.parametrize(
    "change", [{"--uuid": "../x"}, {"--memory": "-1"}, {"--worker": "w"}, {"--nonsense": "1"}]
)
def test_bad_command_lines_are_one_sentence(change: dict[str, str]) -> None:
    host = DeviceHostProcess()
    try:
        command = host.command()
        for name, value in change.items():
            if name in command:
                command[command.index(name) + 1] = value
            else:
                command += [name, value]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        assert run.returncode == 2
        assert run.stderr.startswith("aliquot-device: ")
        assert run.stderr.count("\n") == 1
    finally:
        host.close()


def test_no_descriptor_is_lost(host: DeviceHostProcess) -> None:
    control = host.control()
    vgpu = control.create()

    def open_descriptors() -> int:
        return struct.unpack_from("I", control.ask(CONTROL_HELLO).payload, 96)[0]

    def cycle() -> None:
        guest: Guest = host.guest(vgpu)
        guest.arena(4096)
        guest.close()
        other = control.create(name="other")
        host.guest(other).close()
        control.destroy(other.number)
        wait_until(lambda: [status.guests for status in control.list()] == [0], "settled")
        # Its worker holds some until it has ended, a moment after its vGPU.
        host.wait_for_log(rf"vgpu={other.number} worker=\d+ ended")

    cycle()
    before = open_descriptors()
    if host.process is not None and os.geteuid() == 0:
        assert before == len(list(Path(f"/proc/{control.device_host()}/fd").iterdir()))
    for _ in range(10):
        cycle()
    wait_until(lambda: open_descriptors() <= before, "descriptors are as many as before")
    assert guest_reply_still_works(host.guest(vgpu))


def guest_reply_still_works(guest: Guest) -> bool:
    return guest.ask(CREDIT_REQUEST, struct.pack("Q", 1)).kind == CREDIT_REPLY
