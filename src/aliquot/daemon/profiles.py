"""Profiles: named sizes, which admins make and everybody uses."""

from __future__ import annotations

from typing import cast

from aliquot.daemon.caller import Caller
from aliquot.model.api.vgpus import PriorityWord, ProfilePage, ProfileResource, ProfileWanted
from aliquot.model.profile import Profile
from aliquot.model.shares import PriorityClass, Shares
from aliquot.shares import checked
from aliquot.store import Store, profiles


class Profiles:
    """The service's part for profiles."""

    def __init__(self, store: Store) -> None:
        """Kept in `store`."""
        self._store = store

    def list(self, caller: Caller) -> ProfilePage:  # noqa: ARG002 - everybody may see them
        """All profiles by name."""
        with self._store.look() as view:
            return ProfilePage(items=[resource(kept) for kept in profiles.listed(view)])

    def show(self, caller: Caller, name: str) -> ProfileResource:  # noqa: ARG002
        """The profile of a name; raises NoSuchEntry."""
        with self._store.look() as view:
            return resource(profiles.get(view, name))

    def put(
        self, caller: Caller, name: str, wanted: ProfileWanted, *, generation: int | None = None
    ) -> ProfileResource:
        """Make or replace a profile; raises ChangedMeanwhile, BadSpec, ImpossibleShare."""
        shares = Shares(
            guarantee=round(wanted.compute * 100),
            limit=round(wanted.compute_limit * 100),
            weight=wanted.weight,
            priority=PriorityClass[wanted.priority.upper()],
        )
        profile = Profile(
            name=name, memory=wanted.memory, shares=checked(shares), description=wanted.description
        )
        with self._store.change(caller.actor) as change:
            return resource(profiles.put(change, profile, generation=generation))

    def remove(self, caller: Caller, name: str) -> ProfileResource:
        """Forget a profile and return what it was; raises NoSuchEntry."""
        with self._store.change(caller.actor) as change:
            before = profiles.get(change, name)
            profiles.remove(change, name)
            return resource(before)


def resource(kept: Profile) -> ProfileResource:
    """A profile as the API tells it."""
    return ProfileResource(
        name=kept.name,
        memory=kept.memory,
        compute=kept.shares.guarantee / 100,
        compute_limit=kept.shares.limit / 100,
        weight=kept.shares.weight,
        priority=cast(PriorityWord, kept.shares.priority.word),
        description=kept.description,
        generation=kept.generation,
    )
