"""Mediated devices of the kernel with behaviour: types over one budget, as a vGPU's framebuffer."""

from __future__ import annotations

import errno
import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.fakes.kernel.tree import Dir, File, Link, Node, Refused, fixed

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_UUID_LENGTH = 36


@dataclass
class Type:
    """A type of mdev: what it takes of the budget; `description` is optional, as in the kernel."""

    name: str
    size: int
    description: str | None = None


class MdevBus:
    """All mdevs: UUIDs are unique among all parents."""

    def __init__(self) -> None:
        self.parents: dict[str, MdevParent] = {}
        self.driver = True  # whether vfio_mdev is there to take them

    def free_group(self) -> int:
        """The number of a new IOMMU group; the kernel, too, gives numbers again."""
        taken = {group for parent in self.parents.values() for _, group in parent.made.values()}
        return next(number for number in itertools.count(901) if number not in taken)

    def find(self, number: str) -> MdevParent | None:
        return next((p for p in self.parents.values() if number in p.made), None)

    def devices(self) -> Dir:
        def entries() -> dict[str, Node]:
            found = {u: p for p in self.parents.values() if p.shown() for u in p.made}
            return {u: Link(f"../../../class/mdev_bus/{p.name}/{u}") for u, p in found.items()}

        return Dir(entries)

    def classes(self) -> Dir:
        def entries() -> dict[str, Node]:
            return {
                name: Link(parent.place) if parent.place else Dir(parent.entries)
                for name, parent in self.parents.items()
                if parent.shown()
            }

        return Dir(entries)


class MdevParent:
    """A device whose driver makes mdevs."""

    def __init__(
        self, bus: MdevBus, name: str, types: Mapping[str, Type], budget: int, place: str = ""
    ) -> None:
        """`place`: where its link leads from class/mdev_bus; none for a virtual parent."""
        self.bus = bus
        self.name = name
        self.types = types
        self.budget = budget
        self.place = place
        self.made: dict[str, tuple[str, int]] = {}
        self.shown: Callable[[], bool] = lambda: True
        bus.parents[name] = self

    def left(self) -> int:
        return self.budget - sum(self.types[kind].size for kind, _ in self.made.values())

    def create(self, kind: str, text: str) -> None:
        # As the kernel: what follows a UUID is taken for the line's end, whatever it is.
        if not _UUID.match(text) or len(text) > _UUID_LENGTH + 1:
            raise Refused(errno.EINVAL)
        number = text[:_UUID_LENGTH].lower()
        if self.bus.find(number):
            raise Refused(errno.EEXIST)
        if self.types[kind].size > self.left():
            raise Refused(errno.ENOSPC)
        self.made[number] = (kind, self.bus.free_group())

    def remove(self, number: str) -> None:
        if self.made.pop(number, None) is None:
            raise Refused(errno.ENODEV)

    def entries(self) -> dict[str, Node]:
        shown: dict[str, Node] = {
            "mdev_supported_types": fixed({k: self._type(k) for k in self.types})
        }
        for number, (kind, group) in self.made.items():
            shown[number] = self._device(number, kind, group)
        return shown

    def _type(self, kind: str) -> Node:
        told = self.types[kind]
        files: dict[str, Node] = {
            "name": File(told.name),
            "device_api": File("vfio-pci"),
            "available_instances": File(lambda: str(self.left() // told.size)),
            "create": File(write=lambda text: self.create(kind, text)),
        }
        if told.description is not None:
            files["description"] = File(told.description)
        return fixed(files)

    def _device(self, number: str, kind: str, group: int) -> Node:
        files: dict[str, Node] = {
            "remove": File(write=lambda _: self.remove(number)),
            "mdev_type": Link(f"../mdev_supported_types/{kind}"),
            "iommu_group": Link(f"../../../kernel/iommu_groups/{group}"),
        }
        if self.bus.driver:
            files["driver"] = Link("../../../bus/mdev/drivers/vfio_mdev")
        return fixed(files)
