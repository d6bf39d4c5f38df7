"""Who may be beside whom: affinity, anti-affinity and spread over domains.

What is placed carries labels. A rule looks at one of them and leaves some nodes out, whatever the
policy thinks of these.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from enum import StrEnum

import msgspec

from aliquot.placement.engine.cluster import Node

Label = Hashable  # whatever rules and what is placed agree on


class Relation(StrEnum):
    """What a rule wants of those with its label."""

    APART = "apart"  # none of them there
    TOGETHER = "together"  # some of them there, once there are any
    SPREAD = "spread"  # about as many in each domain


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of one request. `by_domain`: `there` is the node's domain, and not the node alone.

    With `spread`, the fullest domain has at most `most_skew` more than the emptiest.
    """

    relation: Relation
    label: Label
    by_domain: bool = False
    most_skew: int = 1


class Neighbours:
    """Which labels are where."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        """Nothing is placed yet."""
        self._domains = [node.domain for node in nodes]
        self._on_node: Counter[tuple[Label, int]] = Counter()
        self._in_domain: Counter[tuple[Label, str]] = Counter()

    def copy(self) -> Neighbours:
        """The same, which goes its own way from now on."""
        copied = Neighbours.__new__(Neighbours)
        copied._domains = self._domains
        copied._on_node = self._on_node.copy()
        copied._in_domain = self._in_domain.copy()
        return copied

    def add(self, node: int, labels: Collection[Label]) -> None:
        """Something with these labels is on a node now."""
        self._change(node, labels, 1)

    def remove(self, node: int, labels: Collection[Label]) -> None:
        """It is there no more."""
        self._change(node, labels, -1)

    def allowed(self, rules: Sequence[Rule]) -> bytes:
        """A byte for each node: 1 where all rules let a request go."""
        found = bytearray(b"\x01") * len(self._domains)
        for rule in rules:
            counts = self._counts(rule)
            if rule.relation is Relation.APART:
                may = [not count for count in counts]
            elif rule.relation is Relation.TOGETHER:
                may = [bool(count) for count in counts] if any(counts) else [True] * len(counts)
            else:
                fewest = min(counts, default=0)
                may = [count + 1 - fewest <= rule.most_skew for count in counts]
            for node, allowed in enumerate(may):
                found[node] &= allowed
        return bytes(found)

    def _counts(self, rule: Rule) -> list[int]:
        """By node, how many with the rule's label are there."""
        if rule.by_domain or rule.relation is Relation.SPREAD:
            return [self._in_domain[rule.label, domain] for domain in self._domains]
        return [self._on_node[rule.label, node] for node in range(len(self._domains))]

    def _change(self, node: int, labels: Collection[Label], by: int) -> None:
        for label in set(labels):
            self._on_node[label, node] += by
            self._in_domain[label, self._domains[node]] += by
