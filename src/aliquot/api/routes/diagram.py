"""The architecture picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote

import msgspec
from msgspec import UNSET, UnsetType

from aliquot.api.authorization import covers
from aliquot.api.operation import Query, Routes
from aliquot.api.parameters import DeviceReference, VgpuReference, Word
from aliquot.daemon.caller import Caller
from aliquot.diagram.explained.pictures import all_modes
from aliquot.diagram.scene import Choice, Collapse, Grouping
from aliquot.model.api.explained import ModesExplained
from aliquot.model.api.picture import Picture

if TYPE_CHECKING:
    from aliquot.daemon.service import Service

routes = Routes("diagram")

Uuids = Annotated[
    str,
    msgspec.Meta(
        max_length=4000,
        pattern=r"^[0-9A-Za-z:.,@_%!~*'()-]*$",
        description="What boxes have as `opens`, percent-encoded each, with commas between: UUIDs "
        "of devices, or keys of groups like owner:alice.",
    ),
]


class PictureQuery(Query, frozen=True, kw_only=True):
    """What of all that there is, and how.

    `group`: by what vGPUs stand together. `owner` and `device` leave out what is another's.
    `collapse`: whether a device's vGPUs, or a group's, are drawn as one; `auto` does so where
    there are many. `opened` and `closed` say it of some devices or groups. With `vgpu`, nothing is
    drawn but that one's processes and their command queues, and what they stand on.
    """

    group: Grouping = Grouping.NODE
    collapse: Collapse = Collapse.AUTO
    owner: Word | UnsetType = UNSET
    device: DeviceReference | UnsetType = UNSET
    opened: Uuids = ""
    closed: Uuids = ""
    vgpu: VgpuReference | UnsetType = UNSET


@routes.get("/diagram")
def show(service: Service, caller: Caller, query: PictureQuery) -> Picture:
    """The architecture picture: each box and edge with its place, and what flows now.

    A token that doesn't cover leases isn't told who uses what.
    """
    choice = Choice(
        grouping=query.group,
        collapse=query.collapse,
        owner=query.owner or None,
        device=query.device or None,
        opened=_keys(query.opened),
        closed=_keys(query.closed),
        vgpu=query.vgpu or None,
    )
    with_leases = not caller.scope or covers(caller.scope, "leases:read")
    return service.diagram.show(caller, choice, with_leases=with_leases)


@routes.get("/diagram/modes")
def modes(service: Service, caller: Caller) -> ModesExplained:  # noqa: ARG001 - the same for all
    """The modes explained: a picture of what stands where in each.

    It is of no device that there is; GET /devices says which modes each can do, and why not.
    """
    return all_modes()


def _keys(listed: str) -> frozenset[str]:
    """Owners may be called anything, so keys are percent-encoded within the list."""
    return frozenset(unquote(key) for key in listed.split(",") if key)
