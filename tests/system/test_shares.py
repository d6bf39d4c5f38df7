"""Shares on the whole stack: what is asked for is held by the device host and told by `top`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aliquot.errors import ShareUnavailable
from aliquot.model.shares import Policy, PolicyKind, PriorityClass, Shares
from tests.system.runtime import Runtime
from tools.programs.drivers import Driver

MIB = 1 << 20


def told(runtime: Runtime) -> dict[str, dict[str, Any]]:
    """What `aliquot top` says of each vGPU's turns."""
    done = runtime.aliquot("top", "--once", "--json")
    assert done.returncode == 0, done.stderr
    return {vgpu["name"]: vgpu["turns"] for vgpu in json.loads(done.stdout)["vgpus"]}


def test_shares_are_promised_resized_and_told(one_driver: Driver, runtime: Runtime) -> None:
    with runtime.host() as host:
        host.create_vgpu("one", 16 * MIB, shares=Shares(7000, 9000, 2, PriorityClass.LATENCY))
        host.create_vgpu("two", 16 * MIB)
        runtime.look(host)
        with pytest.raises(ShareUnavailable, match=r"30\.00 % are free"):
            host.create_vgpu("three", 16 * MIB, shares=Shares(3001))
        names = ("compute", "compute_limit", "weight", "priority")
        assert [told(runtime)["one"][name] for name in names] == [70.0, 90.0, 2, "latency"]
        done = runtime.aliquot("resize", "two", "--compute", "30.01")
        assert (done.returncode, "ALQ-E111" in done.stderr) == (2, True)
        done = runtime.aliquot("resize", "one", "--compute", "50", "--priority", "batch")
        assert (done.returncode, done.stderr) == (0, "")
        assert [told(runtime)["one"][name] for name in names] == [50.0, 90.0, 2, "batch"]
        assert runtime.aliquot("resize", "two", "--compute", "50").returncode == 0


def test_a_policy_is_set_and_outlives_its_device_host(one_driver: Driver, runtime: Runtime) -> None:
    done = runtime.aliquot("policy", "0", "equal-share", "--turn", "5ms", "--averaging", "4")
    assert done.returncode == 0, done.stderr
    runtime.wait_until_nothing_runs()
    with runtime.host() as host:
        assert host.policy() == Policy(PolicyKind.EQUAL_SHARE, 5_000_000, 4)


def test_device_time_is_counted(
    one_driver: Driver, runtime: Runtime, programs: dict[str, Path]
) -> None:
    with runtime.host() as host:
        vgpu = host.create_vgpu("busy", 64 * MIB, shares=Shares(2500, 5000))
        runtime.look(host)
        running = runtime.start(vgpu, [programs["every_command"]])
        _, errors = running.communicate(timeout=240)
        assert running.returncode == 0, errors
        (usage,) = host.list_vgpus()
        turns = usage.turns
        assert 0 < turns.busy_ns <= turns.held_ns
        assert turns.turns > 0
        assert turns.at_ns > 0
