"""Where a vGPU goes: pure functions over plain views, with no store and no machine behind them.

`Demand` is what is asked for, `DeviceView` what there is. `choose` finds the device for one demand,
`assign` the devices for a group (all or none), `victims` whom to suspend for one of a higher class,
`serve` whose turn it is in the queue; `verdicts` and `remedies` explain. docs/placement.md has the
rules. Where anything goes the engine decides (aliquot.placement.engine), to which a device is a
node: `Machine` is the one for the other.
"""

from aliquot.placement.demand import Demand, demand_of
from aliquot.placement.explain import Verdict, goes_to, verdicts, why_not
from aliquot.placement.groups import Assignment, assign, misfit
from aliquot.placement.machine import Choice, Machine, choose
from aliquot.placement.preempt import Preemption, victims
from aliquot.placement.remedies import Remedy, remedies
from aliquot.placement.views import DeviceView, VgpuView
from aliquot.placement.waiting import Round, Turn, Waiter, serve

__all__ = [
    "Assignment",
    "Choice",
    "Demand",
    "DeviceView",
    "Machine",
    "Preemption",
    "Remedy",
    "Round",
    "Turn",
    "Verdict",
    "VgpuView",
    "Waiter",
    "assign",
    "choose",
    "demand_of",
    "goes_to",
    "misfit",
    "remedies",
    "serve",
    "verdicts",
    "victims",
    "why_not",
]
