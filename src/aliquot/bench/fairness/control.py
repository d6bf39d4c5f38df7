"""What the benchmark itself changes on the device: its policy, and the shares of tenants."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from aliquot.bench.fairness.tenants import name_of
from aliquot.bench.fairness.verdict import Moment
from aliquot.client import policies
from aliquot.client.device_host import DeviceHost
from aliquot.errors import BenchmarkFailed
from aliquot.model.shares import Policy, PolicyKind, Shares


@contextmanager
def shared_out_by(host: DeviceHost, kind: PolicyKind) -> Generator[None]:
    """Another policy for a while. What was there before comes back, whatever happens meanwhile.

    It isn't remembered for device hosts that start later, so a benchmark that is killed leaves
    nothing behind once its device host has ended.
    """
    before = host.policy()
    if kind is before.kind:
        yield
        return
    # A turn that was left to the device host is told with the length that it has now.
    remembered = policies.remembered(host.welcome.device_uuid)
    host.set_policy(Policy(kind))
    try:
        yield
    finally:
        host.set_policy(remembered or before._replace(turn_ns=0))


def resize(host: DeviceHost, wanted: Sequence[Shares]) -> Moment:
    """Give the tenants other shares, in their order; returns when that happened."""
    ids = {usage.name: usage.id for usage in host.list_vgpus()}
    began = time.monotonic_ns()
    for index, shares in enumerate(wanted):
        if name_of(index) not in ids:
            raise BenchmarkFailed("a tenant ended before it was resized")
        host.resize_vgpu(ids[name_of(index)], shares)
    return Moment(began, time.monotonic_ns())
