"""Which GPU instances lie beside each other, exactly: the rules of placement and what follows.

An instance of a profile begins at one of the profile's start indexes and takes `size` memory
slices from there, which no other may overlap; all together take no more than the GPU's compute
slices, and each profile has at most so many instances (NVIDIA MIG User Guide, "Partitioning").
Only one instance has the media engines (profiles +me).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

import msgspec

State = frozenset["Placed"]


class GpuProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of GPU instance: `size` in memory slices, `compute` in compute slices."""

    id: int
    name: str
    size: int
    compute: int
    starts: tuple[int, ...]
    most: int
    memory: int | None = None  # bytes

    @property
    def media(self) -> bool:
        """Whether it takes the media engines, of which there is one lot."""
        return "+me" in self.name


class Placed(msgspec.Struct, frozen=True, order=True):
    """An instance: the id of its profile, and the memory slice at which it begins."""

    profile: int
    start: int


class Geometry(msgspec.Struct, frozen=True, kw_only=True):
    """A GPU's slices and profiles; `inferred`: not told by the GPU, nor captured from one."""

    memory_slices: int
    compute_slices: int
    profiles: tuple[GpuProfile, ...]
    inferred: bool = False

    def profile(self, profile_id: int) -> GpuProfile | None:
        """A profile by its id."""
        return next((one for one in self.profiles if one.id == profile_id), None)


EMPTY: State = frozenset()


def starts(geometry: Geometry, state: State, profile: GpuProfile) -> tuple[int, ...]:
    """Where one more instance of a profile could begin."""
    placed = [(one, geometry.profile(one.profile)) for one in state]
    known = [(one.start, other) for one, other in placed if other is not None]
    # An instance of a profile that we weren't told of may lie anywhere: then nothing is promised.
    if len(known) < len(placed):
        return ()
    if sum(other.compute for _, other in known) + profile.compute > geometry.compute_slices:
        return ()
    if sum(other.id == profile.id for _, other in known) >= profile.most:
        return ()
    if profile.media and any(other.media for _, other in known):
        return ()
    return tuple(
        start
        for start in profile.starts
        if start + profile.size <= geometry.memory_slices
        and all(
            start + profile.size <= begin or begin + other.size <= start for begin, other in known
        )
    )


@functools.lru_cache(maxsize=1 << 15)
def additions(geometry: Geometry, state: State) -> tuple[State, ...]:
    """Every state that one more instance leads to."""
    return tuple(
        state | {Placed(profile.id, start)}
        for profile in geometry.profiles
        for start in starts(geometry, state, profile)
    )


def reachable(geometry: Geometry, state: State = EMPTY) -> frozenset[State]:
    """Every state that more instances lead to, this one included."""
    found = {state}
    waiting = [state]
    while waiting:
        for next_state in additions(geometry, waiting.pop()):
            if next_state not in found:
                found.add(next_state)
                waiting.append(next_state)
    return frozenset(found)


def more(geometry: Geometry, state: State) -> dict[int, int]:
    """How many more of each profile would fit, were all that follows of that one profile."""
    return {profile.id: _most_of(geometry, state, profile) for profile in geometry.profiles}


def best_start(geometry: Geometry, state: State, profile: GpuProfile) -> int | None:
    """Where one more instance leaves most open; None where it fits nowhere.

    First the largest profiles are kept possible, as often as can be, then the next smaller: so no
    other start would leave as many of every profile and more of one. Of equals that from which more
    states can still be reached, then the last, for the larger profiles begin at the front.
    """
    by_size = sorted(geometry.profiles, key=lambda one: (-one.size, -one.compute, one.id))

    def openness(start: int) -> tuple[list[int], int, int]:
        after = state | {Placed(profile.id, start)}
        left = more(geometry, after)
        return [left[one.id] for one in by_size], _reachable(geometry, after), start

    return max(starts(geometry, state, profile), key=openness, default=None)


def legal(geometry: Geometry, state: Iterable[Placed]) -> bool:
    """Whether instances can lie beside each other; in which order they are made is the same."""
    so_far: State = EMPTY
    for one in sorted(state):
        profile = geometry.profile(one.profile)
        if profile is None or one.start not in starts(geometry, so_far, profile):
            return False
        so_far |= {one}
    return True


@functools.lru_cache(maxsize=4096)
def _reachable(geometry: Geometry, state: State) -> int:
    return len(reachable(geometry, state))


@functools.lru_cache(maxsize=1 << 15)
def _most_of(geometry: Geometry, state: State, profile: GpuProfile) -> int:
    found = starts(geometry, state, profile)
    return max(
        (1 + _most_of(geometry, state | {Placed(profile.id, start)}, profile) for start in found),
        default=0,
    )
