"""In which mode a vGPU is made: the one that is named, else by what is asked and what can be."""

from __future__ import annotations

from aliquot.daemon.choosing import line_of, lines
from aliquot.daemon.hardware_place import abilities_of
from aliquot.errors import NoModeSuits
from aliquot.model.api.vgpus import VgpuWanted
from aliquot.model.device_record import DeviceRecord
from aliquot.model.lease import LeaseKind
from aliquot.model.line import Line
from aliquot.model.modes import Mode, ModeAbility
from aliquot.model.why import Why, because
from aliquot.modes.choice import Choice, Isolation, Wish, choose
from aliquot.store import View
from aliquot.words.refusals import saying


def wished_mode(view: View, wanted: VgpuWanted, node: str) -> Choice:
    """The mode, why it, and why not each other; raises NoModeSuits, UnknownDevice."""
    if wanted.mode != "auto":
        return Choice(mode=Mode(wanted.mode), why=(), others={})
    wish = Wish(
        consumer=LeaseKind(wanted.consumer),
        isolation=Isolation(wanted.isolation),
        elastic=wanted.elastic,
        windows=wanted.windows,
    )
    if wanted.on is not None or _software_will_do(wish):
        # Whether a device can, placement tells, which also tells what would help.
        return Choice(mode=Mode.REMOTING, why=(because(Why.AUTO_REMOTING),), others={})
    found = choose(wish, _together(_devices(view, wanted, node)))
    if found.mode is None:
        reasons = [line for mode in found.others for line in _told(mode, found.others[mode])]
        raise saying(NoModeSuits, *found.why, *reasons)
    return found


def _software_will_do(wish: Wish) -> bool:
    return wish.consumer is not LeaseKind.VM and wish.isolation is Isolation.SOFTWARE


def _devices(view: View, wanted: VgpuWanted, node: str) -> list[DeviceRecord]:
    """Those that it could be made on."""
    if wanted.device is not None:
        return [line_of(view, node, wanted.device).record]
    present = [line.record for line in lines(view, node) if line.record.present]
    # Simulated ones are taken only where they are named, or where all are.
    return [one for one in present if not one.simulated] or present


def _together(devices: list[DeviceRecord]) -> list[ModeAbility]:
    """What at least one of the devices can; of the rest what the first says."""
    found: dict[Mode, ModeAbility] = {}
    for device in devices:
        for ability in abilities_of(device):
            known = found.get(ability.mode)
            if known is None or (ability.can and not known.can):
                found[ability.mode] = ability
    return list(found.values())


def _told(mode: Mode, lines: tuple[Line, ...]) -> list[Line]:
    return [because(Why.NOT_MODE, *lines, mode=mode.value)]
