"""What a dry run of `aliquot create` tells, for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from aliquot import words

if TYPE_CHECKING:
    from aliquot.model.api.vgpus import Candidate, Plan
    from aliquot.model.line import Line

_SHORT = 8  # characters of a UUID
_MOST_NAMED = 4


def lines(plan: Plan) -> Iterator[str]:
    """Where it would be, how it would be made, and of each device why or why not."""
    yield plan.why
    if plan.mode != "remoting" or plan.mode_lines:
        kind = f", type {plan.type}" if plan.type else ""
        yield f"mode {plan.mode}{kind}{_because(plan.mode_lines)}"
    for number, step in enumerate(plan.steps, 1):
        yield f"  {number}. {_said([step])}"
    for note in plan.notes:
        yield f"  note: {_said([note])}"
    if plan.leaves:
        yield f"  {_leaves(plan.leaves)}"
    for mode, why_not in plan.others.items():
        yield f"  not {mode}: {_said(why_not)}"
    alike: dict[tuple[bool, str], list[Candidate]] = {}
    for candidate in plan.candidates:
        alike.setdefault((candidate.fits, candidate.why), []).append(candidate)
    for (fits, why), told in alike.items():
        word = "fits" if fits else "doesn't fit"
        yield f"  {_names(told)}: {word}: {why}"
    if plan.changes:
        yield "One of these would make it fit:"
        yield from (f"  {change}" for change in plan.changes)
    if plan.queue_position is not None:
        yield f"With --wait it would be number {plan.queue_position} in the queue."


def _names(alike: list[Candidate]) -> str:
    """Devices of which the same is to be told, as one."""
    first = alike[0]
    if len(alike) == 1:
        return f"{first.device_name} ({first.device})"
    shown = [one.device[:_SHORT] for one in alike[:_MOST_NAMED]]
    more = f", {len(alike) - len(shown)} more" if len(alike) > len(shown) else ""
    name = first.device_name if len({one.device_name for one in alike}) == 1 else "devices"
    return f"{len(alike)} of them, {name} ({', '.join(shown)}{more})"


def _leaves(leaves: dict[str, int]) -> str:
    """How many more fit then: of each type alone, for one takes the place of another."""
    fitting = [f"{count} of {name}" for name, count in leaves.items() if count > 0]
    if not fitting:
        return "then nothing more fits beside it"
    return f"then still fit beside it: {', or '.join(fitting)}"


def _because(told: Iterable[Line]) -> str:
    listed = list(told)
    return f": {_said(listed)}" if listed else ""


def _said(told: Iterable[Line]) -> str:
    return words.sentence("en", list(told), "for a reason that this version doesn't know")
