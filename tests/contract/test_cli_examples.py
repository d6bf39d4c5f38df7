"""Every example of docs/cli.md is run, in the order of the page, beside a real `aliquot serve`.

They build on each other, as they do for who reads the page: one alone may fail for want of another.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aliquot.model.api.vgpus import VgpuWanted
from tests.absent import absent
from tests.short_lists import NODES, PODS
from tests.system.daemon import Daemon
from tools.docs.commands import examples
from tools.programs.drivers import all_drivers

PAGE = (Path(__file__).resolve().parents[2] / "docs/cli.md").read_text()
EXAMPLES = examples(PAGE)
# Stands in the documents for whatever id one has.
AN_ID = "01a2193c865f24c4965ad49b8286c4bd"

PROGRAMS = {
    "train.py": "print('trained')\n",
    "train": "#!/bin/sh\nexec sleep 1\n",
    "serve": "#!/bin/sh\nexec sleep 1\n",
}
LISTS = {"nodes.csv": NODES, "pods.csv": PODS, "queue.csv": PODS}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Daemon]:
    drivers = all_drivers()
    if len(drivers) < 2:
        absent("the examples want two devices, and PoCL or Intel's CPU runtime is not here")
    daemon = Daemon(drivers, "--listen", "127.0.0.1:0")  # the port is for the dashboard
    try:
        for name, text in PROGRAMS.items():
            (daemon.work / name).write_text(text)
            (daemon.work / name).chmod(0o755)
        for name, text in LISTS.items():
            (daemon.work / name).write_text(text)
        # The system log of a machine, where this daemon has not written.
        log = daemon.folder / "bin" / "journalctl"
        log.write_text("#!/bin/sh\nexit 0\n")
        log.chmod(0o755)
        daemon.start()
        yield daemon
        print(daemon.log[-4000:])
    finally:
        daemon.close()


def test_there_are_examples() -> None:
    named = {example.split()[1] for example in EXAMPLES if example.startswith("aliquot ")}
    assert {"run", "create", "exec", "move", "serve", "restore", "token"} <= named
    assert len(EXAMPLES) > 50


@pytest.mark.parametrize(
    ("number", "example"),
    list(enumerate(EXAMPLES)),
    ids=[f"{number}-{example}" for number, example in enumerate(EXAMPLES)],
)
def test_an_example(sandbox: Daemon, number: int, example: str) -> None:
    for pattern, special in SPECIAL.items():
        if re.match(pattern, example):
            special(sandbox, example)
            return
    run(sandbox, example)


def run(sandbox: Daemon, example: str, allowed: tuple[int, ...] = (0,)) -> None:
    done = sandbox.shell(["bash", "-c", example])
    assert done.returncode in allowed, f"{example}\n{done.stdout}\n{done.stderr}"


def in_the_background(sandbox: Daemon, example: str) -> None:
    done = sandbox.shell(["bash", "-c", f"{example}\nwait $!"])
    assert done.returncode == 0, done.stderr


def with_a_program(sandbox: Daemon, example: str) -> None:
    """While a program runs on the vGPU."""
    ready = sandbox.work / "ready"
    ready.unlink(missing_ok=True)
    program = sandbox.popen(
        "exec", "train", "--quiet", "--", "sh", "-c", f": > {ready}; exec sleep 60"
    )
    deadline = time.monotonic() + 60
    while not ready.exists():
        assert program.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    try:
        run(sandbox, example)
    finally:
        program.terminate()
        program.wait(60)


def move(sandbox: Daemon, example: str) -> None:
    with sandbox.client() as client:
        here = client.vgpus.show("train").device
        target = client.devices.show("1")
    run(sandbox, example if target.uuid != here else example.replace("--device 1", "--device 0"))


def release(sandbox: Daemon, example: str) -> None:
    ready = sandbox.work / "ready"
    ready.unlink(missing_ok=True)
    program = sandbox.popen(
        "run", "--memory", "64MiB", "--quiet", "--", "sh", "-c", f": > {ready}; exec sleep 60"
    )
    deadline = time.monotonic() + 60
    while not ready.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with sandbox.client() as client:
        (lease,) = [
            lease for lease in client.leases.list().items if lease.process_id == program.pid
        ]
    run(sandbox, example.replace(AN_ID, lease.id))
    program.terminate()
    program.wait(60)


def revoke(sandbox: Daemon, example: str) -> None:
    run(sandbox, example)
    assert (sandbox.work / "ci.token").stat().st_mode & 0o777 == 0o600


def backup(sandbox: Daemon, example: str) -> None:
    (sandbox.work / example.split()[-1]).unlink(missing_ok=True)
    run(sandbox, example)


def without_the_daemon(sandbox: Daemon, example: str) -> None:
    assert sandbox.stop() == 0
    run(sandbox, example)
    sandbox.start()


def serve(sandbox: Daemon, example: str) -> None:
    assert sandbox.stop() == 0
    words = example.replace(":7070", ":0").split()[1:]
    daemon = sandbox.popen(*words, stdout=subprocess.PIPE)
    assert daemon.stdout
    assert daemon.stdout.readline().startswith("aliquot serve: ready")
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(60) == 0
    sandbox.start()


def vm_stream(sandbox: Daemon, example: str) -> None:
    """Beside a socket of this test's own."""
    words = example.replace("/dev/shm/", f"{sandbox.work}/").split()[1:]
    stream = sandbox.popen(*words, stdout=subprocess.PIPE)
    assert stream.stdout
    qemu = stream.stdout.readline()
    assert "name=org.aliquot.0" in qemu
    assert "ivshmem-plain,memdev=" in qemu
    assert stream.stdout.readline() == "ready\n"
    plane = sandbox.work / "train.sock.plane"
    assert (plane.stat().st_size, plane.stat().st_mode & 0o777) == (64 << 20, 0o600)
    stream.send_signal(signal.SIGTERM)
    assert stream.wait(60) == 0
    assert not plane.exists()


def to_a_vm(sandbox: Daemon, example: str) -> None:
    """Refused: software's vGPUs are no devices of VMs. tests/contract/vms attaches hardware's."""
    with sandbox.client() as client:
        made = client.vgpus.create(VgpuWanted(name="team-a", memory=1 << 24, device="0"))
        done = sandbox.shell(["bash", "-c", example])
        client.vgpus.delete(made.id)
    assert done.returncode == 2, done.stdout
    assert "ALQ-E775" in done.stderr or "ALQ-E776" in done.stderr


def zsh(sandbox: Daemon, example: str) -> None:
    shell = shutil.which("zsh")
    if shell is None:
        absent("zsh is not installed here")
    folder = sandbox.folder / "home/zsh"
    folder.mkdir()
    done = sandbox.shell([shell, "-fc", f"fpath=({folder})\n{example}"])
    assert done.returncode == 0, done.stderr
    assert "#compdef aliquot" in (folder / "_aliquot").read_text()


def fish(sandbox: Daemon, example: str) -> None:
    folder = sandbox.folder / "home/.config/fish/completions"
    folder.mkdir(parents=True)
    run(sandbox, example)
    # What somebody put there by hand `aliquot setup` would leave alone.
    (folder / "aliquot.fish").unlink()


def a_bar_may_be_missed(sandbox: Daemon, example: str) -> None:
    run(sandbox, example, allowed=(0, 1))  # on a machine that does other things


# What an example wants beside what came before it, by how it begins.
SPECIAL: dict[str, Callable[[Daemon, str], None]] = {
    r".* &$": in_the_background,
    r"aliquot why-slow ": with_a_program,
    r"aliquot move ": move,
    r"aliquot release ": release,
    r"aliquot token revoke ": revoke,
    r"aliquot backup ": backup,
    r"aliquot restore ": without_the_daemon,
    r"aliquot serve --listen": serve,
    r"aliquot vm-stream ": vm_stream,
    r"aliquot (attach|detach) ": to_a_vm,
    r"aliquot completion zsh": zsh,
    r"aliquot completion fish": fish,
    r"aliquot bench ": a_bar_may_be_missed,
}
