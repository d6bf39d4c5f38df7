"""What a device host promises of its device's time, and what it refuses to."""

from __future__ import annotations

import contextlib
import struct

import pytest

from tests.contract.device_host_process import (
    BAD_RECORD,
    BAD_SHARE,
    DONE,
    ERROR,
    MIB,
    NO_SHARES,
    NO_SUCH_VGPU,
    POLICY,
    POLICY_GET,
    POLICY_SET,
    SHARE_UNAVAILABLE,
    VGPU_CREATED,
    VGPU_RESIZE,
    DeviceHostProcess,
    Peer,
)

BEST_EFFORT, EQUAL_SHARE, FIXED_SHARE = 0, 1, 2
MS = 1_000_000


def test_shares_are_told_as_they_were_given(host: DeviceHostProcess) -> None:
    control = host.control()
    wanted = (2500, 4000, 3, 1)
    assert control.try_create(name="one", shares=wanted).kind == VGPU_CREATED
    control.create(name="two")
    assert {one.name: one.shares for one in control.list()} == {"one": wanted, "two": NO_SHARES}


def test_guarantees_add_up_to_the_whole_device_and_no_more(host: DeviceHostProcess) -> None:
    control = host.control()
    assert control.try_create(1 * MIB, shares=(7000, 10_000, 1, 0)).kind == VGPU_CREATED
    code, told = control.try_create(1 * MIB, shares=(3001, 10_000, 1, 0)).error()
    assert code == SHARE_UNAVAILABLE
    assert "30.00 % are free" in told
    assert len(control.list()) == 1
    assert control.try_create(1 * MIB, shares=(3000, 10_000, 1, 0)).kind == VGPU_CREATED


def test_what_was_promised_is_free_again_when_its_vgpu_is_gone(host: DeviceHostProcess) -> None:
    control = host.control()
    created = control.try_create(1 * MIB, shares=(10_000, 10_000, 1, 0))
    number = struct.unpack_from("Q", created.payload)[0]
    assert control.try_create(1 * MIB, shares=(1, 10_000, 1, 0)).error()[0] == SHARE_UNAVAILABLE
    assert control.destroy(number).kind == DONE
    assert control.try_create(1 * MIB, shares=(10_000, 10_000, 1, 0)).kind == VGPU_CREATED


IMPOSSIBLE = [
    (10_001, 10_001, 1, 0),
    (0, 0, 1, 0),
    (0, 10_001, 1, 0),
    (2500, 2499, 1, 0),
    (0, 10_000, 0, 0),
    (0, 10_000, 1001, 0),
    (0, 10_000, 1, 3),
    (0xFFFFFFFF, 10_000, 1, 0),
    (0, 10_000, 0xFFFFFFFF, 0xFFFFFFFF),
]


@pytest.mark.parametrize("shares", IMPOSSIBLE)
def test_impossible_shares_are_refused(
    host: DeviceHostProcess, shares: tuple[int, int, int, int]
) -> None:
    control = host.control()
    assert control.try_create(shares=shares).error()[0] == BAD_SHARE
    vgpu = control.create()
    assert control.resize(vgpu.number, shares).error()[0] == BAD_SHARE
    assert [one.shares for one in control.list()] == [NO_SHARES]


def test_a_resize_counts_what_others_were_promised(host: DeviceHostProcess) -> None:
    control = host.control()
    one, two = control.create(1 * MIB), control.create(1 * MIB)
    assert control.resize(one.number, (6000, 10_000, 1, 0)).kind == DONE
    assert control.resize(two.number, (4001, 10_000, 1, 0)).error()[0] == SHARE_UNAVAILABLE
    assert control.resize(one.number, (6500, 7000, 2, 2)).kind == DONE
    assert control.resize(two.number, (3500, 10_000, 1, 0)).kind == DONE
    assert sorted(status.shares for status in control.list()) == [
        (3500, 10_000, 1, 0),
        (6500, 7000, 2, 2),
    ]
    assert control.resize(99, NO_SHARES).error()[0] == NO_SUCH_VGPU


def test_a_policy_is_kept_and_told(host: DeviceHostProcess) -> None:
    control = host.control()
    assert control.policy() == (BEST_EFFORT, 1, 2 * MS)
    assert control.set_policy(EQUAL_SHARE, 4, 5 * MS).kind == POLICY
    assert host.control().policy() == (EQUAL_SHARE, 4, 5 * MS)
    answer = control.set_policy(FIXED_SHARE, 60, 0)
    assert struct.unpack_from("IIQ", answer.payload) == (FIXED_SHARE, 60, 2 * MS)


@pytest.mark.parametrize(
    "policy",
    [
        (3, 1, 0),
        (BEST_EFFORT, 0, 0),
        (BEST_EFFORT, 61, 0),
        (BEST_EFFORT, 1, 1),
        (BEST_EFFORT, 1, MS - 1),
        (BEST_EFFORT, 1, 30 * MS + 1),
        (0xFFFFFFFF, 0xFFFFFFFF, 2**64 - 1),
    ],
)
def test_an_impossible_policy_changes_nothing(
    host: DeviceHostProcess, policy: tuple[int, int, int]
) -> None:
    control = host.control()
    assert control.set_policy(*policy).error()[0] == BAD_SHARE
    assert control.policy() == (BEST_EFFORT, 1, 2 * MS)


def test_none_of_it_before_the_greeting(host: DeviceHostProcess) -> None:
    for kind, payload in (
        (VGPU_RESIZE, struct.pack("Q4IQ", 1, *NO_SHARES, 0)),
        (POLICY_SET, struct.pack("IIQ", EQUAL_SHARE, 1, 0)),
        (POLICY_GET, b""),
    ):
        with contextlib.closing(Peer(host.control_path)) as peer:
            answer = peer.ask(kind, payload)
            assert (answer.kind, answer.error()[0]) == (ERROR, BAD_RECORD)
