"""Device hosts that don't answer, and vGPUs that fail again and again."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from aliquot import runtime_directory
from aliquot.client import records
from aliquot.client.connection import Silent
from aliquot.client.records import Kind
from aliquot.daemon import hosts
from aliquot.daemon.hosts import Hosts, NotRunning
from aliquot.errors import DeviceHostUnreachable
from tests.contract.daemon.house import house
from tests.folders import short_folder

_UUID = "11111111-0000-4000-8000-000000000001"


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where the device host of a device would listen."""
    with short_folder() as folder:
        monkeypatch.setenv("ALIQUOT_RUNTIME_DIR", str(folder))
        path = Path(runtime_directory.control_socket(str(folder), _UUID))
        path.parent.mkdir()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as found:
            found.bind(str(path))
            yield found


def test_nobody_listens(listener: socket.socket) -> None:
    with pytest.raises(NotRunning):
        Hosts().ask(_UUID, lambda host: host.list_vgpus(), start=False)


def test_one_that_hangs_up_still_has_its_vgpus(listener: socket.socket) -> None:
    """It is not taken for one that doesn't run: that would end the leases of all."""
    listener.listen()

    def hang_up() -> None:
        peer, _ = listener.accept()
        peer.close()

    thread = threading.Thread(target=hang_up)
    thread.start()
    with pytest.raises(DeviceHostUnreachable) as raised:
        Hosts().ask(_UUID, lambda host: host.list_vgpus(), start=False)
    thread.join()
    assert not isinstance(raised.value, NotRunning)


@pytest.mark.parametrize("greets", [False, True])
def test_one_that_hangs_is_soon_found_to_be_silent(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch, greets: bool
) -> None:
    """And is asked no more, until somebody finds that it answers again."""
    monkeypatch.setattr(hosts, "_SILENCE_SECONDS", 0.2)
    listener.listen()
    met: list[int] = []

    def greet() -> None:
        with suppress(OSError):
            while True:
                peer, _ = listener.accept()
                met.append(1)
                with peer:
                    told = records.unpack(peer.recv(records.RECORD_SIZE))
                    if greets:
                        welcome = records.ControlWelcome(1, 0, 1, 0, _UUID.encode(), b"fake")
                        answer = records.pack(Kind.CONTROL_WELCOME, welcome, sequence=told.sequence)
                        peer.send(answer)
                    while peer.recv(records.RECORD_SIZE):
                        pass

    thread = threading.Thread(target=greet)
    thread.start()
    asked = Hosts()
    try:
        with pytest.raises(Silent, match=r"within 0\.2 s"):
            asked.ask_apart(_UUID, lambda host: host.list_vgpus(), soon=True)
        with pytest.raises(Silent, match="does not answer"):
            asked.ask_apart(_UUID, lambda host: host.list_vgpus(), soon=True)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert len(met) == 1


def test_what_fails_for_long_is_tried_again_once(tmp_path: Path) -> None:
    with house(tmp_path) as made:
        reconciler = made.service.reconciler
        for _ in range(2000):
            reconciler._retry("some")
        assert reconciler.due() == ["some"]
