"""Aliquot divides physical GPUs into virtual GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aliquot.client.rest import AsyncClient, Client

__version__ = "0.1.0"
__all__ = ["AsyncClient", "Client", "__version__"]


def __getattr__(name: str) -> Any:
    """The clients are imported by who uses them: `aliquot run` starts without."""
    if name in ("AsyncClient", "Client"):
        from aliquot.client import rest

        return getattr(rest, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
