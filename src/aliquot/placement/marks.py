"""Who keeps away from whom, as labels and rules of the engine.

Only within a tenant: else labels would tell what others run, and keep them away.
"""

from __future__ import annotations

from typing import Protocol

from aliquot.placement.engine.neighbours import Label, Relation, Rule


class Neighbour(Protocol):
    """What of a demand or a vGPU decides who may be beside it."""

    @property
    def tenant(self) -> str:
        """Whose it is."""
        ...

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        ...

    @property
    def apart(self) -> str | None:
        """The key of a label: it shares no device with what has the same value of it."""
        ...

    @property
    def group(self) -> str | None:
        """It shares no device with another of this group."""
        ...


def marks(one: Neighbour) -> frozenset[Label]:
    """What the rules of others look for."""
    found: set[Label] = {(one.tenant, "has", *label) for label in one.labels.items()}
    if one.apart is not None and one.apart in one.labels:
        found.add((one.tenant, "avoids", one.apart, one.labels[one.apart]))
    if one.group is not None:
        found.add((one.tenant, "group", one.group))
    return frozenset(found)


def rules(one: Neighbour) -> tuple[Rule, ...]:
    """By its own word, by the word of those who avoid it, and of its group."""
    found: list[Label] = []
    if one.apart is not None and one.apart in one.labels:
        found.append((one.tenant, "has", one.apart, one.labels[one.apart]))
    found += ((one.tenant, "avoids", *label) for label in one.labels.items())
    if one.group is not None:
        found.append((one.tenant, "group", one.group))
    return tuple(Rule(relation=Relation.APART, label=label) for label in found)


def conflict(one: Neighbour, other: Neighbour) -> bool:
    """Whether the two must not share a device, by the word of either."""
    there = marks(other)
    return any(rule.label in there for rule in rules(one))
