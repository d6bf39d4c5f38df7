"""What the command queues of a real program do, as its worker tells it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from aliquot.model.api.processes import VgpuProcesses
from aliquot.model.api.vgpus import VgpuWanted
from tests.absent import absent
from tests.contract.device_host_process import wait_until
from tests.system.compiled import compile_program
from tests.system.daemon import Daemon
from tools.programs.drivers import all_drivers


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    drivers = all_drivers()
    if not drivers:
        absent("no OpenCL driver is installed here")
    made = Daemon(drivers[:1])
    try:
        made.start()
        yield made
    finally:
        made.close()


def test_two_queues_of_a_program(daemon: Daemon, tmp_path: Path) -> None:
    program = compile_program("two_queues", tmp_path)
    with daemon.client() as client:
        client.vgpus.create(VgpuWanted(name="both", memory=64 << 20))
        assert client.vgpus.processes("both").processes == []
        command = ("exec", "both", "--quiet", "--", str(program), "600")
        with daemon.popen(*command, stdout=subprocess.PIPE) as running:
            try:
                assert running.stdout
                assert running.stdout.readline() == "working\n"
                told: list[VgpuProcesses] = []

                def both_have_computed() -> bool:
                    told.append(client.vgpus.processes("both"))
                    queues = told[-1].processes[0].queues if told[-1].processes else []
                    return len(queues) == 2 and all(queue.share for queue in queues)

                wait_until(both_have_computed, "both queues have a share")
                [process] = told[-1].processes
                first, second = process.queues
                assert told[-1].queues_told == "told"
                assert process.name == "two_queues"
                assert process.memory_used >= 32 << 10
                assert (first.in_order, second.in_order) == (True, False)
                assert abs(first.share + second.share - 100) < 0.01
                assert first.device_ns > second.device_ns > 0

                def it_waits() -> bool:
                    [now] = client.vgpus.processes("both").processes
                    if len(now.queues) != 2:  # the worker had no time to tell of them
                        return False
                    return now.queues[1].outstanding >= 1 and now.queues[1].oldest_ns > 10**9

                wait_until(it_waits, "the marker has waited for a second, and waits on")
                shown = daemon.run("show", "both").stdout
                assert "    queue 1, in order: " in shown
                assert "    queue 2, out of order: " in shown
            finally:
                running.terminate()
        wait_until(lambda: not client.vgpus.processes("both").processes, "the process is gone")
