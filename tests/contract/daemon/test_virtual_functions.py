"""A virtual function that is made again is the one that it was: VMs know it by its address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aliquot.errors import FunctionTaken
from aliquot.model.api.vms import AttachWanted
from aliquot.model.lifecycle import VgpuState
from tests.contract.daemon.hardware_house import HardwareService
from tests.contract.daemon.house import ADMIN
from tests.contract.modes.houses import House, NvidiaSriovHouse, SriovHouse
from tests.fakes.kernel.machine import Machine


@pytest.fixture(params=[SriovHouse, NvidiaSriovHouse])
def service(
    request: pytest.FixtureRequest, tmp_path: Path, sysfs: str, machine: Machine
) -> Iterator[HardwareService]:
    kind: type[House] = request.param
    made = HardwareService(tmp_path, kind(tmp_path, sysfs, machine))
    yield made
    made.close()


def _bring(service: HardwareService, vgpu: str) -> None:
    """As who looks at hardware has it made again."""
    service.service.reconciler.converger.miss(vgpu)
    service.service.reconciler.bring(vgpu)


def test_in_whatever_order_they_are_made_again_each_is_what_it_was(
    service: HardwareService,
) -> None:
    made = [service.create(name) for name in ("a", "b")]
    service.restart_machine()
    for one in reversed(made):
        _bring(service, one.id)
    assert [service.show(one.id).hardware for one in made] == [one.hardware for one in made]


def test_one_that_a_vm_knows_by_a_function_gets_that_one_or_none(service: HardwareService) -> None:
    made = service.create("a")
    service.service.vms.attach(ADMIN, "a", AttachWanted(vm=None))
    service.restart_machine()
    other = service.create("other")  # somebody is quicker
    assert other.hardware == made.hardware
    with pytest.raises(FunctionTaken, match=made.hardware):
        _bring(service, made.id)
    lost = service.show("a")
    assert (lost.state, lost.reason_code) == (VgpuState.FAILED, FunctionTaken.code)
    assert set(service.core.hardware.adopt()) == {other.id}
    service.service.vgpus.delete(ADMIN, "other")
    _bring(service, made.id)
    after = service.show("a")
    assert (after.state, after.hardware) == (VgpuState.READY, made.hardware)
