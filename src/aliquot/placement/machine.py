"""The devices of a machine, as the engine sees them: where a demand goes, and what keeps it away.

To the engine each device is a node of one device: those of a machine differ, and a vGPU has one of
them. Software devices stand in for GPUs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from aliquot.model.shares import WHOLE
from aliquot.model.vgpu_record import Placement
from aliquot.placement.demand import Demand, moving
from aliquot.placement.engine import Claim, Engine, Node, Placer, Policy, Request
from aliquot.placement.engine.obstacles import Obstacle
from aliquot.placement.engine.policy import FULL
from aliquot.placement.engine.quotas import Quota
from aliquot.placement.marks import marks, rules
from aliquot.placement.unfit import Unfit, unfit
from aliquot.placement.views import DeviceView, VgpuView

# What time, a move or a suspension can mend.
OF_ROOM = frozenset({Obstacle.RULE, Obstacle.MIX, Obstacle.DEVICE_MEMORY, Obstacle.SHARE})

_DEVICE = (0,)  # the only one of its node


class Choice(NamedTuple):
    """A device, how much memory the demand gets there, and how full the device is then (0 to 1).

    What is kept for those who wait counts as taken.
    """

    device: DeviceView
    memory: int
    fullness: float


class Machine:
    """Devices, and what has a place there. `devices` are as they are by now."""

    def __init__(
        self,
        devices: Sequence[DeviceView],
        movable: Callable[[VgpuView], bool] | None = None,
    ) -> None:
        """As the views tell; those that are `movable` can be made to go elsewhere."""
        self.devices = list(devices)
        self.vgpus: dict[int, VgpuView] = {}  # the movable ones, by their places
        self._unnoted: list[tuple[int, VgpuView]] = []
        self.placer = Placer(
            Engine([_node(device) for device in devices], Policy.PACK),
            mixes=[device.mix for device in devices],
        )
        self._mixed = any(device.mix for device in devices)
        for at, device in enumerate(devices):
            # What is taken of it that isn't told by vGPUs one by one; more than there is where more
            # is kept for those who wait than is free.
            share = WHOLE - device.free_guarantee + device.held_guarantee
            memory = device.memory - device.free_memory + device.held_memory
            for vgpu in device.vgpus:
                if movable and movable(vgpu) and self._put(vgpu, at):
                    share -= vgpu.guarantee
                    memory -= vgpu.memory
                else:
                    self._unnoted.append((at, vgpu))
            self.placer.engine.hold(at, 0, share, memory)
            for priority in device.held_classes:
                self.placer.add(at, (), priority)
        if movable:
            self._note()

    def choose(self, demand: Demand) -> Choice | None:
        """The device for a demand, None where none fits."""
        if demand.memory is None:
            return next(iter(self.ranked(demand)), None)
        place = self.placer.preview(self.claim(demand))
        return None if place is None else self.choice(demand, place.node, place.score)

    def ranked(self, demand: Demand) -> list[Choice]:
        """Every device that fits, the best first: where it would go is the first."""
        found = [self.choice(demand, *rank) for rank in self.placer.ranked(self.claim(demand))]
        if demand.memory is None:  # it takes what is free, whatever is promised of time there
            found.sort(key=_least_taken)
        return found

    def obstacles(self, demand: Demand, at: int) -> tuple[Unfit | Obstacle, ...]:
        """All that keeps a demand from a device, by its number; nothing where it fits."""
        found = self.placer.obstacles(self.claim(demand), at)
        return (
            *unfit(demand, self.devices[at], self.devices),
            *(one for one in found if one is not Obstacle.NODE),
        )

    def claim(self, demand: Demand) -> Claim:
        """What a demand asks of the engine, which knows its tenant's quota from then on.

        Without a size it goes where the most is free.
        """
        self.placer.quotas.allow(demand.tenant, demand.quota)
        wanted = rules(demand)
        if wanted or self._mixed:
            self._note()
        fit = [not unfit(demand, device, self.devices) for device in self.devices]
        return Claim(
            request=_request(demand),
            labels=marks(demand),
            rules=wanted,
            tenant=demand.tenant,
            priority=demand.priority,
            nodes=None if all(fit) else frozenset(at for at, one in enumerate(fit) if one),
        )

    def choice(self, demand: Demand, at: int, score: int) -> Choice:
        """A device for a demand, by its number and the engine's score."""
        device = self.devices[at]
        if demand.memory is None:
            return self._all_of(device, demand.quota)
        spread = demand.placement is Placement.SPREAD
        return Choice(device, demand.memory, (FULL - score if spread else score) / FULL)

    def _all_of(self, device: DeviceView, quota: Quota) -> Choice:
        """All that is free of a device, as far as a quota goes."""
        memory = device.room_memory
        if quota.device_memory is not None:
            memory = min(memory, quota.device_memory)
        return Choice(device, memory, (device.memory - device.room_memory + memory) / device.memory)

    def put(self, demand: Demand, choice: Choice) -> None:
        """Give a demand its place: whoever comes next finds that much less."""
        at = self._number(choice.device.uuid)
        vgpu = demand.placed(choice.memory)
        self.placer.engine.hold(at, 0, vgpu.guarantee, vgpu.memory)
        self._unnoted.append((at, vgpu))
        self.devices[at] = self.devices[at].with_vgpu(vgpu)

    def hold(self, demand: Demand, uuid: str) -> None:
        """Keep room for a demand on a device: whoever comes next finds that much less."""
        at = self._number(uuid)
        self.placer.engine.hold(at, 0, demand.guarantee, demand.memory or 0)
        # Nobody whose class its own can't be beside gets there before it.
        self.placer.add(at, (), demand.priority)
        self.devices[at] = self.devices[at].holding(demand)

    def leaving(self, uuid: str, ids: Sequence[str]) -> None:
        """These vGPUs of a device are on their way out: what they have is not free yet."""
        at = self._number(uuid)
        self.devices[at] = self.devices[at].leaving(frozenset(ids))

    def _note(self) -> None:
        """Tell the placer who is where: thousands may be there, and few who ask have rules."""
        for at, vgpu in self._unnoted:
            self.placer.add(at, marks(vgpu), vgpu.priority)
        self._unnoted.clear()

    def _number(self, uuid: str) -> int:
        return next(at for at, one in enumerate(self.devices) if one.uuid == uuid)

    def _put(self, vgpu: VgpuView, at: int) -> bool:
        """Give a movable vGPU its place; False where the device has become too small for it."""
        homes = frozenset(
            number
            for number, device in enumerate(self.devices)
            if device.simulated == self.devices[at].simulated
            and device.present
            and device.remotable
        )
        claim = Claim(
            request=_request(moving(vgpu)),
            labels=marks(vgpu),
            rules=rules(vgpu),
            priority=vgpu.priority,  # and nobody's: of its tenant's quota it has its part already
            nodes=homes,
        )
        place = self.placer.place_at(claim, at, _DEVICE)
        if place is None:
            return False
        self.vgpus[place.id] = vgpu
        return True


def choose(demand: Demand, devices: Sequence[DeviceView]) -> Choice | None:
    """The device for a demand, None where none fits."""
    return Machine(devices).choose(demand)


def _least_taken(choice: Choice) -> tuple[bool, float]:
    return (choice.device.software, -choice.memory / choice.device.memory)


def _request(demand: Demand) -> Request:
    spread = demand.memory is None or demand.placement is Placement.SPREAD
    return Request(
        devices=1,
        share=demand.guarantee,
        device_memory=demand.memory or 1,  # all that is free has to be something
        policy=Policy.SPREAD if spread else Policy.PACK,
    )


def _node(device: DeviceView) -> Node:
    return Node(
        name=device.uuid,
        cpu=0,
        memory=0,
        devices=1,
        device_memory=device.memory,
        stands_in=device.software,
    )
