"""The names that completion offers for a value: what the daemon has of a kind, or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from aliquot.cli.daemon import connect_if_any
from aliquot.errors import AliquotError

if TYPE_CHECKING:
    from aliquot.client.rest import Client

# Who presses the tabulator waits no longer than this.
_PATIENCE_S = 0.2
# Shells take words of such lists apart, and expand what is in them.
_PLAIN = re.compile(r"[A-Za-z0-9._:-]+", re.ASCII)


def names(kind: str) -> list[str]:
    """The names, in the order of the API; none where no daemon answers in time."""
    try:
        client = connect_if_any(_PATIENCE_S)
        if client is None:
            return []
        with client:
            return [name for name in LISTS[kind](client) if _PLAIN.fullmatch(name)]
    except AliquotError:
        return []


def _devices(client: Client) -> Iterator[str]:
    for device in client.devices.list().items:
        yield str(device.index)
        yield device.uuid


LISTS: dict[str, Callable[[Client], Iterator[str]]] = {
    "vgpus": lambda client: (vgpu.name for vgpu in client.vgpus.list().items),
    "devices": _devices,
    "groups": lambda client: (group.name for group in client.groups.list().items),
    "profiles": lambda client: (profile.name for profile in client.profiles.list().items),
    "leases": lambda client: (lease.id for lease in client.leases.list().items),
    "tokens": lambda client: (token.id for token in client.tokens.list().items),
}
