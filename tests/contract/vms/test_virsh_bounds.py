"""A virsh that says too much, too slowly, or never ends: it is ended, and told of."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aliquot.errors import AliquotError, HypervisorMisspoke, HypervisorUnreachable
from aliquot.leases.vm.libvirt.virsh import Virsh

_UUID = "11111111-2222-3333-4444-555555555555"
_LIMIT = 64 << 10
_SECONDS = 1.0
_SOON = 30.0  # far less than who waits for its end would wait

Start = Callable[..., Virsh]


@pytest.fixture
def virsh(tmp_path: Path) -> Start:
    """A virsh that is this shell's program, and writes down its number first."""

    def made(program: str, seconds: float = _SECONDS) -> Virsh:
        path = tmp_path / "virsh"
        path.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/number\n{program}\n")
        path.chmod(0o755)
        return Virsh(str(path), "test:///default", seconds=seconds, most_bytes=_LIMIT)

    return made


def _refused(asked: Virsh, kind: type[AliquotError]) -> AliquotError:
    began = time.monotonic()
    with pytest.raises(kind) as caught:
        asked.description(_UUID, at_start=True)
    assert time.monotonic() - began < _SOON
    return caught.value


def _runs(file: Path) -> bool:
    try:
        told = Path(f"/proc/{file.read_text().strip()}/stat").read_text()
    except FileNotFoundError:
        return False
    return told.rpartition(")")[2].split()[0] != "Z"  # which is for its parent to read


def _has_ended(file: Path) -> bool:
    until = time.monotonic() + _SOON
    while _runs(file) and time.monotonic() < until:
        time.sleep(0.02)
    return not _runs(file)


@pytest.mark.parametrize("where", ["", ">&2"], ids=["output", "errors"])
def test_one_that_floods_is_ended(virsh: Start, tmp_path: Path, where: str) -> None:
    error = _refused(virsh(f"exec yes {where}", seconds=600), HypervisorMisspoke)
    assert (error.code, "64 KiB" in error.what) == ("ALQ-E773", True)
    assert _has_ended(tmp_path / "number")


def test_up_to_the_limit_all_of_it_is_read(virsh: Start) -> None:
    asked = virsh(f"head -c {_LIMIT} /dev/zero", seconds=600)
    assert len(asked.description(_UUID, at_start=True)) == _LIMIT
    _refused(virsh(f"head -c {_LIMIT + 1} /dev/zero", seconds=600), HypervisorMisspoke)


@pytest.mark.parametrize(
    "program",
    [
        "exec sleep 1000",
        "while :; do echo '<domain/>'; sleep 0.1; done",  # a little, and always in time
        "exec >&- 2>&-; exec sleep 1000",
        "sleep 1000 & exit 0",  # who was started by it holds its output open
    ],
    ids=["silent", "trickles", "closed", "left-behind"],
)
def test_one_that_hangs_is_ended_in_time(virsh: Start, tmp_path: Path, program: str) -> None:
    error = _refused(virsh(program), HypervisorUnreachable)
    assert (error.code, "within 1 s" in error.what) == ("ALQ-E771", True)
    assert _has_ended(tmp_path / "number")


@pytest.mark.parametrize("then", ["wait", "exit 0"])
def test_what_it_started_is_ended_with_it(virsh: Start, tmp_path: Path, then: str) -> None:
    started = tmp_path / "started"
    _refused(virsh(f"sleep 1000 & echo $! > {started}; {then}"), HypervisorUnreachable)
    assert _has_ended(started)


def test_one_that_reads_nothing_holds_nobody_up(virsh: Start) -> None:
    """A domain's description is larger than a pipe."""
    asked = virsh("exit 0", seconds=600)
    asked.define("<domain>" + " " * 1_000_000 + "</domain>")
