"""Profiles: named sizes."""

from __future__ import annotations

import msgspec
from sqlalchemy import delete, insert, select, update

from aliquot.errors import BadName, ChangedMeanwhile, NoSuchEntry
from aliquot.model.profile import Profile
from aliquot.model.vgpu_record import NAME, VgpuSpec
from aliquot.store import codec, vgpus
from aliquot.store.change import Change, View
from aliquot.store.tables import profiles


def put(change: Change, profile: Profile, *, generation: int | None = None) -> Profile:
    """Make a profile or change it; `generation` as in lifecycle.want, 0 for a new one."""
    if not NAME.fullmatch(profile.name):
        raise BadName(f"{profile.name[:70]!r} is no name for a profile")
    vgpus.check(VgpuSpec(memory=profile.memory, shares=profile.shares))
    before = find(change, profile.name)
    had = before.generation if before else 0
    if generation is not None and generation != had:
        raise ChangedMeanwhile(f"profile {profile.name!r} has generation {had}, not {generation}")
    kept = msgspec.structs.replace(profile, generation=had + 1)
    values = {"body": codec.written(kept), "generation": kept.generation}
    if before is None:
        change.connection.execute(insert(profiles).values(name=kept.name, **values))
    else:
        change.connection.execute(
            update(profiles).where(profiles.c.name == kept.name).values(**values)
        )
    change.tell("profile.put", kept.name, body=codec.plain(kept))
    return kept


def remove(change: Change, name: str) -> None:
    """Forget a profile; vGPUs that were made from it stay as they are."""
    get(change, name)
    change.connection.execute(delete(profiles).where(profiles.c.name == name))
    change.tell("profile.removed", name)


def find(view: View, name: str) -> Profile | None:
    """The profile of a name, or None."""
    body = view.connection.execute(select(profiles.c.body).where(profiles.c.name == name)).scalar()
    return None if body is None else codec.read_profile(body)


def get(view: View, name: str) -> Profile:
    """The profile of a name; raises NoSuchEntry."""
    profile = find(view, name)
    if profile is None:
        raise NoSuchEntry(f"there is no profile {name[:40]!r}")
    return profile


def listed(view: View) -> list[Profile]:
    """All profiles by name."""
    bodies = view.connection.execute(select(profiles.c.body).order_by(profiles.c.name)).scalars()
    return [codec.read_profile(body) for body in bodies]
