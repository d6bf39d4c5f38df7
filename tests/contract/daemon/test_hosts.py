"""Device hosts that don't answer, and vGPUs that fail again and again."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from aliquot import runtime_directory
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


def test_what_fails_for_long_is_tried_again_once(tmp_path: Path) -> None:
    with house(tmp_path) as made:
        reconciler = made.service.reconciler
        for _ in range(2000):
            reconciler._retry("some")
        assert reconciler.due() == ["some"]
