"""The client of the daemon's REST API: `Client`, and `AsyncClient` for asyncio.

One typed method a route, named as the service names it; every error that the daemon tells is
raised as the class of aliquot.errors that has its code. `aliquot run` uses `Client`: it needs
http.client and msgspec and nothing more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aliquot.client.rest.client import Client

if TYPE_CHECKING:
    from aliquot.client.rest.async_client import AsyncClient

__all__ = ["AsyncClient", "Client"]


def __getattr__(name: str) -> Any:
    if name == "AsyncClient":
        from aliquot.client.rest.async_client import AsyncClient

        return AsyncClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
