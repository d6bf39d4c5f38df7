"""The daemon behind a command: the one that listens, or an error that says how to start one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aliquot import environment, runtime_directory
from aliquot.errors import NoDaemon

if TYPE_CHECKING:
    from aliquot.client.rest import Client


def connect() -> Client:
    """The daemon's client; raises NoDaemon where none listens."""
    client = connect_if_any()
    if client is None:
        raise NoDaemon("this needs the daemon, and none listens here")
    return client


def connect_if_any(patience_s: float | None = None) -> Client | None:
    """The daemon's client, which waits `patience_s` for answers; None where none listens.

    Without so much as a socket nothing is imported for it: `aliquot run` has no time to lose.
    """
    sockets = runtime_directory.api_sockets()
    if environment.API.get() is None and not any(os.path.exists(path) for path in sockets):
        return None
    from aliquot.client.rest import Client

    return Client.connect() if patience_s is None else Client.connect(timeout=patience_s)


def new_key() -> str:
    """An idempotency key: a request that is sent again after a lost answer is done once."""
    return os.urandom(16).hex()
