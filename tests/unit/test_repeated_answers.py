"""Answers that come twice, because a device host was killed when it had just sent them."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from aliquot.client import records
from aliquot.client.connection import Connection
from aliquot.client.device_host import DeviceHost
from aliquot.client.records import Kind, Payload
from aliquot.errors import MemoryUnavailable


class Peer:
    """A device host's end of a control connection."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream

    def say(self, sequence: int, kind: Kind, payload: Payload | None = None) -> None:
        """Sends a record at once: the socket keeps it until it is asked for."""
        self.stream.send(records.pack(kind, payload, sequence=sequence))

    def welcome(self, sequence: int, process: int) -> None:
        """Answers a greeting."""
        self.say(sequence, Kind.CONTROL_WELCOME, records.ControlWelcome(process_id=process))

    def vgpu(self, sequence: int, number: int) -> None:
        """Tells of one vGPU."""
        self.say(sequence, Kind.VGPU_STATUS, records.VgpuStatus(vgpu=number))
        self.say(sequence, Kind.VGPU_TURNS, records.VgpuTurns(vgpu=number))
        self.say(sequence, Kind.VGPU_COPIES, records.VgpuCopies(vgpu=number))


@pytest.fixture
def peer_and_host() -> Iterator[tuple[Peer, DeviceHost]]:
    """A greeted device host, and the end at which the test plays it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        peer = Peer(theirs)
        peer.welcome(1, 100)
        host = DeviceHost(Connection(ours, timeout=10))
        yield peer, host
        host.close()


def test_a_list_that_is_begun_anew(peer_and_host: tuple[Peer, DeviceHost]) -> None:
    peer, host = peer_and_host
    peer.vgpu(2, 7)
    peer.vgpu(2, 7)
    peer.vgpu(2, 8)
    peer.say(2, Kind.DONE)
    assert [usage.id for usage in host.list_vgpus()] == [7, 8]


def test_a_vgpu_of_which_is_told_anew(peer_and_host: tuple[Peer, DeviceHost]) -> None:
    peer, host = peer_and_host
    kernel = records.VgpuKernel(vgpu=7, longest_ns=9, reason=2, name=b"slow")
    for _ in range(2):
        peer.vgpu(2, 7)
        peer.say(2, Kind.VGPU_KERNEL, kernel)
    peer.say(2, Kind.VGPU_PROCESS, records.VgpuProcess(vgpu=7, process_id=100))
    peer.say(2, Kind.DONE)
    details = host.show_vgpu(7)
    assert [kernel.name for kernel in details.kernels] == ["slow"]
    assert [process.process_id for process in details.processes] == [100]


def test_answers_to_earlier_questions_are_passed_over(
    peer_and_host: tuple[Peer, DeviceHost],
) -> None:
    peer, host = peer_and_host
    peer.welcome(1, 100)
    peer.welcome(2, 200)
    assert host.look().process_id == 200
    refusal = records.Error(4, b"too much")
    peer.say(3, Kind.ERROR, refusal)
    with pytest.raises(MemoryUnavailable):
        host.create_vgpu("one", 1 << 30)
    peer.say(3, Kind.ERROR, refusal)
    peer.welcome(4, 200)
    assert host.look().process_id == 200
    peer.say(3, Kind.ERROR, refusal)
    assert host.late_error() is None
