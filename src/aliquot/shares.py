"""Shares, priority classes and policies, as people write and read them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aliquot.errors import (
    BadPriorityMix,
    BadSize,
    BadTurn,
    ImpossibleShare,
    UnknownPolicy,
    UnknownPriorityClass,
)
from aliquot.model.copies import LEAST_COPY_LIMIT
from aliquot.model.shares import (
    LONGEST_TURN_NS,
    MOST_AVERAGING,
    MOST_BESIDE,
    MOST_WEIGHT,
    SHORTEST_TURN_NS,
    WHOLE,
    PolicyKind,
    PriorityClass,
    PriorityMix,
    Shares,
)
from aliquot.sizes import duration_ns, format_size, parse_size

PRIORITY_CLASSES = ("latency", "normal", "batch")
POLICIES = tuple(kind.word for kind in PolicyKind)
AUTOMATIC = "auto"
NO_GUARANTEE = "none"
NO_LIMIT = "none"
NO_MIX = "none"

_PERCENT = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,9}))? ?%?", re.ASCII)
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


def parse_percent(text: str, option: str) -> int:
    """Hundredths of a percent in a string like `25`, `12.5` or `33.33%`; raises ImpossibleShare."""
    match = _PERCENT.fullmatch(text.strip())
    if match is None:
        raise ImpossibleShare(
            f"{option} {_shown(text)} is not a share in percent",
            remedy=f"write it like {option} 25 or {option} 12.5",
        )
    fraction = (match.group(2) or "").rstrip("0")
    if len(fraction) > 2:
        raise ImpossibleShare(
            f"{option} {_shown(text)} has more than two decimals",
            remedy="round it to hundredths of a percent",
        )
    share = int(match.group(1)) * 100 + int(fraction.ljust(2, "0"))
    if not 0 < share <= WHOLE:
        raise ImpossibleShare(
            f"{option} {_shown(text)} is {'more than the whole device' if share else 'nothing'}",
            remedy="give a share above 0 and up to 100 percent",
        )
    return share


def parse_guarantee(text: str) -> int:
    """The guarantee that --compute means, `none` included; raises ImpossibleShare."""
    return 0 if text.strip() == NO_GUARANTEE else parse_percent(text, "--compute")


def parse_weight(text: str) -> int:
    """A weight; raises ImpossibleShare."""
    if not _WHOLE_NUMBER.fullmatch(text.strip()) or not 1 <= int(text) <= MOST_WEIGHT:
        raise ImpossibleShare(
            f"--weight {_shown(text)} is not a whole number from 1 to {MOST_WEIGHT}",
            remedy="write it like --weight 2",
        )
    return int(text)


def parse_priority(text: str) -> PriorityClass:
    """A priority class by its word; raises UnknownPriorityClass."""
    if text not in PRIORITY_CLASSES:
        raise UnknownPriorityClass(f"there is no priority class {_shown(text)}")
    return PriorityClass[text.upper()]


def parse_priority_mix(text: str) -> dict[str, int]:
    """How many of a class may be beside one of another, by `FIRST:SECOND`, as the API takes it.

    In a string like `latency:batch=0,latency:latency=1`, or `none`; raises BadPriorityMix.
    """
    found: dict[str, int] = {}
    for part in text.split(",") if text.strip() != NO_MIX else ():
        pair, _, most = part.strip().partition("=")
        classes = pair.split(":")
        known = len(classes) == 2 and all(one in PRIORITY_CLASSES for one in classes)
        if not known or not _WHOLE_NUMBER.fullmatch(most) or int(most) > MOST_BESIDE:
            raise BadPriorityMix(f"--priority-mix {_shown(text)} is not understood")
        if pair in found:
            raise BadPriorityMix(f"--priority-mix {_shown(text)} tells of {pair} twice")
        found[pair] = int(most)
    return found


def format_priority_mix(mix: Mapping[str, int]) -> str:
    """A mix as --priority-mix takes it, `none` for one that bounds nothing."""
    return ",".join(f"{pair}={most}" for pair, most in mix.items()) or NO_MIX


def priority_mix(told: Mapping[str, int]) -> PriorityMix:
    """A mix by its classes, of one by their words."""
    found: dict[tuple[PriorityClass, PriorityClass], int] = {}
    for pair, most in told.items():
        first, _, second = pair.partition(":")
        found[PriorityClass[first.upper()], PriorityClass[second.upper()]] = most
    return found


def parse_copy_limit(text: str) -> int:
    """Bytes a second in a string like `500MiB`, 0 for `none`; raises BadSize, ImpossibleShare."""
    if text.strip() == NO_LIMIT:
        return 0
    remedy = "write it like --copy-limit 500MiB, or --copy-limit none"
    try:
        limit = parse_size(text.strip().removesuffix("/s"))
    except BadSize as error:
        raise BadSize(f"--copy-limit {_shown(text)} is not bytes a second", remedy) from error
    if limit < LEAST_COPY_LIMIT:
        least = format_size(LEAST_COPY_LIMIT)
        raise ImpossibleShare(f"--copy-limit {_shown(text)} is less than {least} a second", remedy)
    return limit


def format_copy_limit(limit: int) -> str:
    """What a vGPU may copy, in a few words; nothing where that has no limit."""
    return f"copies at most {format_size(limit)}/s" if limit else ""


def parse_policy(text: str) -> PolicyKind:
    """A policy by its word; raises UnknownPolicy."""
    if text not in POLICIES:
        raise UnknownPolicy(f"there is no policy {_shown(text)}")
    return PolicyKind[text.upper().replace("-", "_")]


def parse_turn_ns(text: str) -> int:
    """Nanoseconds of a turn like `2ms`, 0 for `auto`; raises BadTurn."""
    if text.strip() == AUTOMATIC:
        return 0
    turn = duration_ns(text)
    if turn is None or not SHORTEST_TURN_NS <= turn <= LONGEST_TURN_NS:
        raise BadTurn(
            f"--turn {_shown(text)} is not between 1 ms and 30 ms",
            remedy="write it like --turn 2ms, or --turn auto",
        )
    return turn


def parse_averaging(text: str) -> int:
    """Over how many turns a debt is paid back; raises BadTurn."""
    if not _WHOLE_NUMBER.fullmatch(text.strip()) or not 1 <= int(text) <= MOST_AVERAGING:
        raise BadTurn(
            f"--averaging {_shown(text)} is not a whole number from 1 to {MOST_AVERAGING}",
            remedy="write it like --averaging 4",
        )
    return int(text)


def checked(shares: Shares) -> Shares:
    """The same shares; raises ImpossibleShare where the limit is below the guarantee."""
    if shares.limit < shares.guarantee:
        raise ImpossibleShare(
            f"the limit of {format_percent(shares.limit)} is below the guarantee of "
            f"{format_percent(shares.guarantee)}",
            remedy="raise --compute-limit or lower --compute",
        )
    return shares


def format_percent(share: int) -> str:
    """Hundredths of a percent as people read them: `25 %`, `33.33 %`."""
    whole, hundredths = divmod(share, 100)
    return f"{whole}.{hundredths:02}".rstrip("0").rstrip(".") + " %"


def format_shares(shares: Shares) -> str:
    """What a vGPU was promised, in a few words; nothing where it was promised nothing special."""
    words: list[str] = []
    low, high = shares.guarantee, shares.limit
    if low and high < WHOLE:
        between = f"{format_percent(low)[:-2]} to " if low < high else ""
        words.append(between + format_percent(high))
    elif low:
        words.append(f"at least {format_percent(low)}")
    elif high < WHOLE:
        words.append(f"at most {format_percent(high)}")
    if words:
        words[0] += " of its time"
    if shares.weight != 1:
        words.append(f"weight {shares.weight}")
    if shares.priority is not PriorityClass.NORMAL:
        words.append(f"priority {shares.priority.word}")
    return ", ".join(words)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
