"""Audit rows: who did what, each row bound to the one before by its hash."""

from __future__ import annotations

import hashlib
import json
from typing import Any, NamedTuple

FIRST_PREVIOUS = "0" * 64


class AuditRow(NamedTuple):
    """A row of a node's chain. `body` is canonical JSON, kept as the text that was hashed."""

    node: str
    sequence: int
    at_ms: int
    actor: str
    action: str
    subject: str
    body: str
    previous: str
    hash: str

    def computed_hash(self) -> str:
        """The hash that the other fields, the previous row's hash included, must have."""
        fields = self._asdict()
        del fields["hash"]
        return hashlib.sha256(canonical_json(fields).encode("ascii")).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """The row for `--json`."""
        return {**self._asdict(), "body": json.loads(self.body)}


class AuditHead(NamedTuple):
    """The newest row of a node's chain. Kept elsewhere, it shows that rows were cut off."""

    node: str
    sequence: int
    hash: str


class AuditBreak(NamedTuple):
    """The first row of a node's chain that isn't as it was written, and what is wrong with it."""

    node: str
    sequence: int
    why: str


def canonical_json(value: Any) -> str:
    """One text for one value: sorted keys, no spaces, ASCII."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )
