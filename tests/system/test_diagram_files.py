"""`aliquot diagram` into files that can't be or that others read, and until something ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from aliquot.model.api.vgpus import VgpuWanted
from tests.system.daemon import Daemon

_INVENTORY = """\
version: 1
nodes:
  - name: planned
    devices:
      - {id: gpu, name: Made-up GPU, memory: 80GiB, modes: [remoting]}
"""
_SECONDS = 60


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """With one simulated device, and no port for a browser."""
    inventory = tmp_path / "planned.yaml"
    inventory.write_text(_INVENTORY)
    made = Daemon([], "--inventory", str(inventory))
    try:
        made.start()
        yield made
    finally:
        made.close()


def until(found: Callable[[], object], daemon: Daemon) -> None:
    deadline = time.monotonic() + _SECONDS
    while not found():
        assert time.monotonic() < deadline, daemon.log[-4000:]
        time.sleep(0.02)


def follow(daemon: Daemon, *options: str) -> subprocess.Popen[str]:
    return daemon.popen(
        "diagram", "--follow", "--interval", "100ms", *options,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def is_whole(path: Path) -> bool:
    """Whether a file is a picture from its beginning to its end."""
    return ElementTree.fromstring(path.read_text()).tag.endswith("svg")


def left_over(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir() if entry.name.startswith(".aliquot")]


@pytest.mark.parametrize(
    "output",
    [
        "absent/gpus.svg", "folder", "folder/", "gpus.svg/", "", "/proc/gpus.svg", "/dev/full",
        "n" * 300 + ".svg",
    ],
)  # fmt: skip
def test_what_can_not_be_written_is_said(daemon: Daemon, output: str) -> None:
    (daemon.work / "folder").mkdir()
    (daemon.work / "gpus.svg").write_text("before")
    done = daemon.run("diagram", "--output", output)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("aliquot: ALQ-E222: ")
    assert len(done.stderr.splitlines()) == 1
    assert (daemon.work / "gpus.svg").read_text() == "before"
    assert left_over(daemon.work) == left_over(daemon.work / "folder") == []


def test_a_full_disk_leaves_what_was_there(daemon: Daemon) -> None:
    """A bound on the size of files stands in for it: both refuse the rest of a write."""
    target = daemon.work / "gpus.svg"
    target.write_text("before")
    program = str(daemon.folder / "bin" / "aliquot")
    bounded = ["bash", "-c", 'ulimit -f 1; exec "$0" "$@"', program]
    done = daemon.shell([*bounded, "diagram", "--output", "gpus.svg"])
    assert done.returncode == 2
    assert "ALQ-E222" in done.stderr
    assert target.read_text() == "before"
    assert left_over(daemon.work) == []


@pytest.mark.parametrize("form", ["svg", "json", "mermaid"])
def test_a_full_disk_behind_stdout_is_said(daemon: Daemon, form: str) -> None:
    with open("/dev/full", "w") as full:
        program = str(daemon.folder / "bin" / "aliquot")
        done = daemon.shell(
            [program, "diagram", "--format", form],
            capture_output=False, stdout=full, stderr=subprocess.PIPE,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("aliquot: ALQ-E222: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_link_stays_one_and_a_pipe_is_written_into(daemon: Daemon) -> None:
    (daemon.work / "link.svg").symlink_to("real.svg")
    assert daemon.run("diagram", "--output", "link.svg").returncode == 0
    assert (daemon.work / "link.svg").is_symlink()
    assert is_whole(daemon.work / "real.svg")
    os.mkfifo(daemon.work / "pipe.svg")
    writer = daemon.popen("diagram", "--output", "pipe.svg")
    assert is_whole(daemon.work / "pipe.svg")
    assert writer.wait(_SECONDS) == 0


def test_whoever_reads_while_two_follow_sees_whole_pictures(daemon: Daemon) -> None:
    target = daemon.work / "gpus.svg"
    followers = [follow(daemon, "--output", "gpus.svg") for _ in range(2)]
    until(target.exists, daemon)
    (daemon.work / "kept.svg").hardlink_to(target)
    first = target.read_text()
    seen: set[str] = set()
    with daemon.client() as client:
        for number in range(8):
            client.vgpus.create(VgpuWanted(name=f"v{number}", memory=1 << 30))
            deadline = time.monotonic() + 0.3
            while time.monotonic() < deadline:
                assert is_whole(target)
                seen.add(target.read_text())
        until(lambda: "v7" in target.read_text(), daemon)
    assert len(seen) > 1
    assert (daemon.work / "kept.svg").read_text() == first  # replaced, never written over
    for one in followers:
        one.send_signal(signal.SIGINT)
    for one in followers:
        out, err = one.communicate(timeout=_SECONDS)
        assert (one.returncode, out, err) == (130, "", "")
    assert left_over(daemon.work) == []


def test_lines_of_json_are_whole_up_to_the_interrupt(daemon: Daemon) -> None:
    following = follow(daemon, "--json")
    assert following.stdout
    lines = [following.stdout.readline()]
    with daemon.client() as client:
        client.vgpus.create(VgpuWanted(name="new", memory=1 << 30))
    lines.append(following.stdout.readline())
    following.send_signal(signal.SIGINT)
    rest, err = following.communicate(timeout=_SECONDS)
    assert (following.returncode, err) == (130, "")
    for line in [*lines, *rest.splitlines()]:
        assert json.loads(line)["node"]


def test_who_has_read_enough_ends_it_without_a_word(daemon: Daemon) -> None:
    following = follow(daemon, "--json")
    assert following.stdout
    following.stdout.readline()
    following.stdout.close()
    with daemon.client() as client:
        client.vgpus.create(VgpuWanted(name="new", memory=1 << 30))
    assert following.wait(_SECONDS) == 1
    assert following.stderr
    assert following.stderr.read() == ""


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_the_daemon_ends_while_it_is_followed(daemon: Daemon, how: str) -> None:
    target = daemon.work / "gpus.svg"
    following = follow(daemon, "--output", "gpus.svg")
    until(target.exists, daemon)
    if how == "stop":
        assert daemon.stop() == 0
    else:
        daemon.kill()
    out, err = following.communicate(timeout=_SECONDS)
    assert (following.returncode, out) == (2, "")
    assert err.startswith("aliquot: ALQ-E")
    assert len(err.splitlines()) == 1
    assert is_whole(target)  # the last that there was
    assert left_over(daemon.work) == []


def test_the_folder_goes_away_while_it_is_followed(daemon: Daemon) -> None:
    folder = daemon.work / "gone"
    folder.mkdir()
    following = follow(daemon, "--output", "gone/gpus.svg")
    until((folder / "gpus.svg").exists, daemon)
    folder.rename(daemon.work / "elsewhere")
    with daemon.client() as client:
        client.vgpus.create(VgpuWanted(name="new", memory=1 << 30))
    _, err = following.communicate(timeout=_SECONDS)
    assert following.returncode == 2
    assert err.startswith("aliquot: ALQ-E222: ")


@pytest.mark.parametrize("option", [(), ("--print",), ("--json",)])
def test_without_a_port_there_is_no_dashboard(daemon: Daemon, option: tuple[str, ...]) -> None:
    # Were a browser started all the same, it would leave a file.
    browser = daemon.folder / "bin" / "browser"
    browser.write_text(f"#!/bin/sh\ntouch {daemon.work}/opened\n")
    browser.chmod(0o755)
    done = daemon.run("ui", *option, env={**daemon.environment, "BROWSER": str(browser)})
    assert (done.returncode, done.stdout) == (2, "")
    assert "ALQ-E498" in done.stderr
    assert "--listen" in done.stderr
    if option == ("--json",):
        assert json.loads(done.stderr)["error"]["code"] == "ALQ-E498"
    assert not (daemon.work / "opened").exists()


def test_without_a_daemon_there_is_no_dashboard_either(daemon: Daemon) -> None:
    assert daemon.stop() == 0
    done = daemon.run("ui", "--print")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("aliquot: ALQ-E")
