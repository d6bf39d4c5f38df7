"""How much each tenant may have at once, of all nodes together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import msgspec

from aliquot.placement.engine.cluster import Request
from aliquot.placement.engine.obstacles import Obstacle


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant may have: memory of devices in bytes, shares of devices as requests tell them,
    and how many places. None: as much as there is."""

    device_memory: int | None = None
    share: int | None = None
    places: int | None = None


class Quotas:
    """What tenants may have, and what they have by now."""

    def __init__(self, of: Mapping[str, Quota] | None = None, default: Quota | None = None) -> None:
        """By tenant; `default` is everybody else's. Nobody has anything yet."""
        self._of = dict(of or {})
        self._default = default or Quota()
        self._memory: defaultdict[str, int] = defaultdict(int)
        self._share: defaultdict[str, int] = defaultdict(int)
        self._places: defaultdict[str, int] = defaultdict(int)

    def copy(self) -> Quotas:
        """The same, which goes its own way from now on."""
        copied = Quotas(self._of, self._default)
        copied._memory = self._memory.copy()
        copied._share = self._share.copy()
        copied._places = self._places.copy()
        return copied

    def allow(self, tenant: str, quota: Quota) -> None:
        """From now on a tenant may have this, whatever it has."""
        self._of[tenant] = quota

    def add(self, tenant: str, request: Request) -> None:
        """A tenant has this, too."""
        self._change(tenant, request, 1)

    def remove(self, tenant: str, request: Request) -> None:
        """A tenant has it no more."""
        self._change(tenant, request, -1)

    def lacking(self, tenant: str, request: Request) -> tuple[Obstacle, ...]:
        """What of its quota a tenant lacks for a request; nothing where there is enough."""
        left = self.left(tenant)
        found: list[Obstacle] = []
        if left.device_memory is not None and _memory(request) > left.device_memory:
            found.append(Obstacle.QUOTA_MEMORY)
        if left.share is not None and request.total > left.share:
            found.append(Obstacle.QUOTA_SHARE)
        if left.places is not None and left.places < 1:
            found.append(Obstacle.QUOTA_PLACES)
        return tuple(found)

    def left(self, tenant: str) -> Quota:
        """What a tenant may have beside what it has: never less than nothing."""
        quota = self._of.get(tenant, self._default)
        return Quota(
            device_memory=_beside(quota.device_memory, self._memory[tenant]),
            share=_beside(quota.share, self._share[tenant]),
            places=_beside(quota.places, self._places[tenant]),
        )

    def _change(self, tenant: str, request: Request, by: int) -> None:
        self._memory[tenant] += by * _memory(request)
        self._share[tenant] += by * request.total
        self._places[tenant] += by


def _memory(request: Request) -> int:
    return request.device_memory * request.devices


def _beside(most: int | None, had: int) -> int | None:
    return None if most is None else max(0, most - had)
