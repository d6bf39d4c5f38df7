"""What is asked for: what of a vGPU decides where it can go."""

from __future__ import annotations

import msgspec

from aliquot.model.shares import PriorityClass
from aliquot.model.vgpu import MODE_REMOTING
from aliquot.model.vgpu_record import Placement, VgpuSpec
from aliquot.placement.engine.quotas import Quota
from aliquot.placement.views import VgpuView


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """A vGPU that looks for a place.

    Without `memory` it takes all that is free on its device. `device` is the UUID of the only one
    that will do. `apart` is the key of a label: it goes to no device with a vGPU of its tenant
    that has the same value of it, and to none with another of its `group`. `quota` is what its
    tenant may have beside what it has. One that is `preemptible` is of class batch and stays so.
    `on`: its device is a partition, and was named by the vGPU that has that.
    """

    tenant: str
    memory: int | None
    guarantee: int = 0
    priority: PriorityClass = PriorityClass.NORMAL
    mode: str = MODE_REMOTING
    device: str | None = None
    placement: Placement = Placement.PACK
    apart: str | None = None
    labels: dict[str, str] = {}
    group: str | None = None
    id: str = ""
    name: str = ""
    quota: Quota = Quota()
    preemptible: bool = False
    on: bool = False

    def without_size(self) -> Demand:
        """The same, taking all that is free."""
        return msgspec.structs.replace(self, memory=None)

    def placed(self, memory: int) -> VgpuView:
        """The vGPU that this becomes with a place of this size."""
        return VgpuView(
            id=self.id or f"~{self.name}",
            name=self.name,
            tenant=self.tenant,
            memory=memory,
            guarantee=self.guarantee,
            priority=self.priority,
            labels=self.labels,
            apart=self.apart,
            group=self.group,
        )


def demand_of(
    spec: VgpuSpec,
    tenant: str,
    *,
    id: str = "",  # noqa: A002
    name: str = "",
    group: str | None = None,
) -> Demand:
    """The demand of a vGPU of a group, or of none, as it is kept."""
    return Demand(
        tenant=tenant,
        memory=spec.memory,
        guarantee=spec.shares.guarantee,
        priority=spec.shares.priority,
        mode=spec.mode,
        device=spec.device,
        placement=spec.placement,
        apart=spec.apart,
        labels=spec.labels,
        group=group if spec.own_device else None,
        id=id,
        name=name,
        preemptible=spec.preemptible,
        on=spec.on is not None,
    )


def moving(vgpu: VgpuView) -> Demand:
    """The demand of a vGPU that leaves its device for another."""
    return Demand(
        tenant=vgpu.tenant,
        memory=vgpu.memory,
        guarantee=vgpu.guarantee,
        priority=vgpu.priority,
        apart=vgpu.apart,
        labels=vgpu.labels,
        group=vgpu.group,
        id=vgpu.id,
        name=vgpu.name,
    )
