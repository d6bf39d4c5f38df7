"""A request with all that decides where it may go beside its size."""

from __future__ import annotations

import msgspec

from aliquot.model.shares import PriorityClass
from aliquot.placement.engine.cluster import Request
from aliquot.placement.engine.neighbours import Label, Rule


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks for what, and who may be beside it.

    `labels` are what the rules of others look for, `rules` its own. `nodes` are the only ones that
    will do, by their numbers; None: any.
    """

    request: Request
    labels: frozenset[Label] = frozenset()
    rules: tuple[Rule, ...] = ()
    tenant: str = ""
    priority: PriorityClass = PriorityClass.NORMAL
    nodes: frozenset[int] | None = None
