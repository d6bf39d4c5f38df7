"""What `--json` prints of what the API told: the same fields, laid out."""

from __future__ import annotations

from typing import Any

import msgspec


def print_json(told: Any) -> None:
    """Print a struct, or what is made of structs, laid out."""
    print(msgspec.json.format(msgspec.json.encode(told), indent=2).decode())
