"""Peers of a device host that send what they shouldn't, or don't read."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.device_host_process import (
    ARENA_REQUEST,
    BAD_RECORD,
    CREDIT_REQUEST,
    GUEST_HELLO,
    MIB,
    VGPU_CREATED,
    DeviceHostProcess,
    Peer,
    pack,
)


@pytest.mark.parametrize("data", [b"x", b"\0" * 256, b"x" * 257, pack(4711), pack(VGPU_CREATED)])
def test_odd_records_end_that_connection_alone(host: DeviceHostProcess, data: bytes) -> None:
    control = host.control()
    vgpu = control.create()
    guest = host.guest(vgpu)
    for path in (host.control_path, vgpu.socket_path):
        with Peer(path) as peer:
            peer.socket.send(data)
            while (answer := peer.receive()) is not None:
                assert answer.error()[0] == BAD_RECORD
    assert guest.borrow(4096) >= 4096
    assert len(control.list()) == 1


def test_a_guest_that_does_not_read_is_given_up(host: DeviceHostProcess) -> None:
    vgpu = host.control().create()
    deaf, other = host.guest(vgpu), host.guest(vgpu)

    def shout() -> None:
        for _ in range(100_000):
            deaf.send(CREDIT_REQUEST, struct.pack("Q", 0))

    with pytest.raises(OSError):  # the device host has closed its end
        shout()
    assert other.borrow(4096) >= 4096
    host.wait_for_log("doesn't read its socket")


def test_a_guest_that_never_greets_is_given_up(host: DeviceHostProcess) -> None:
    """It would keep the vGPU alive."""
    control = host.control()
    silent = host.silent_guest(control.create())
    control.close()
    assert silent.receive() is None
    host.wait_for_log("said nothing for 10 s")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=300),
            st.tuples(st.integers(0, 80), st.binary(max_size=240)).map(lambda pair: pack(*pair)),
            st.tuples(
                st.sampled_from([GUEST_HELLO, CREDIT_REQUEST, ARENA_REQUEST]),
                st.integers(0, 2**64 - 1), st.integers(0, 2),
            ).map(lambda parts: pack(parts[0], struct.pack("QI", parts[1], parts[2]))),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_random_records_hurt_nobody(records: list[bytes]) -> None:
    host = random_records_host()
    control = host.control()
    vgpu = control.create(8 * MIB)
    bystander = host.guest(vgpu)
    for path in (vgpu.socket_path, host.control_path):
        with Peer(path) as peer:
            try:
                for record in records:
                    peer.socket.send(record)
            except OSError:
                pass  # given up already
    assert bystander.borrow(4096) >= 4096
    for peer in (bystander, control):
        peer.close()


_random_hosts: list[DeviceHostProcess] = []


def random_records_host() -> DeviceHostProcess:
    if not _random_hosts:
        _random_hosts.append(DeviceHostProcess().start())
    return _random_hosts[0]


@pytest.fixture(scope="module", autouse=True)
def _close_random_hosts() -> Iterator[None]:
    yield
    while _random_hosts:
        _random_hosts.pop().close()
