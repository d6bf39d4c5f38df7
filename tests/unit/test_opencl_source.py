"""OpenCL's drivers are asked again when that can matter, and only then."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from aliquot.devices import drivers
from aliquot.devices.opencl_source import OpenclSource
from aliquot.devices.sysfs import Sysfs
from tests.fakes import worker
from tests.fakes.installation import FakeInstallation
from tests.fakes.sysfs import FakeSysfs

RADEON = "0000:03:00.0"


class Setting:
    """A source over fake drivers and a fake sysfs."""

    def __init__(self, fakes: FakeInstallation, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fakes = fakes
        self.monkeypatch = monkeypatch
        self.tree = FakeSysfs(fakes.directory / "sys")
        self.source = self.new_source()

    def new_source(self) -> OpenclSource:
        return OpenclSource(Sysfs(str(self.tree.root)))

    def driver(self, name: str, answer: object) -> None:
        self.fakes.driver(name, answer)
        self.monkeypatch.setenv("FAKE_PROBE", self.fakes.environment["FAKE_PROBE"])

    def names(self) -> list[str | None]:
        return [seen.name for seen in self.source.list_devices().sightings]

    def probes(self) -> int:
        return len(self.fakes.probed())


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Setting]:
    fakes = FakeInstallation(tmp_path)
    for name, value in fakes.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.prefix", str(tmp_path / "prefix"))
    monkeypatch.setattr(drivers, "SYSTEM_VENDORS", str(tmp_path / "system"))
    yield Setting(fakes, monkeypatch)
    fakes.close()


def gpu(**changes: object) -> dict[str, object]:
    return worker.answer(worker.device(0, name="Radeon", type=["gpu"], **changes))


def test_a_quiet_machine_is_asked_once(setting: Setting) -> None:
    setting.driver("one", gpu())
    assert [setting.names() for _ in range(3)] == [["Radeon"]] * 3
    assert setting.probes() == 1


def test_a_driver_that_fails_is_not_asked_every_second(setting: Setting) -> None:
    setting.driver("one", "crash")
    for _ in range(3):
        assert setting.names() == []
    assert setting.source.error is not None
    probes = setting.probes()
    setting.names()
    assert setting.probes() == probes
    setting.driver("two", gpu())
    assert setting.names() == ["Radeon"]
    assert setting.source.error is None


def test_a_card_that_comes_or_goes_makes_drivers_be_asked(setting: Setting) -> None:
    setting.driver("one", worker.answer(worker.device()))
    assert setting.names() == ["Fake CPU"]
    setting.tree.rx7900()
    setting.driver("one", gpu())
    assert setting.names() == ["Radeon"]
    setting.driver("one", worker.answer(worker.device()))
    setting.tree.bind(RADEON, "vfio-pci")
    assert setting.names() == ["Fake CPU"]


def test_a_memory_that_contradicts_the_machine_is_not_believed(setting: Setting) -> None:
    setting.tree.rx7900()
    library = setting.fakes.directory / "libone.so"
    setting.driver("one", gpu(pci_address=RADEON))
    os.utime(library, ns=(1, 1))
    assert setting.names() == ["Radeon"]
    setting.driver("one", worker.answer(worker.device()))
    os.utime(library, ns=(1, 1))  # the same file: what it told is remembered
    setting.source = setting.new_source()
    assert setting.names() == ["Radeon"]
    setting.tree.bind(RADEON, "vfio-pci")
    setting.source = setting.new_source()  # say, another run of the command line
    assert setting.names() == ["Fake CPU"]


def test_a_place_that_is_none_counts_as_unknown(setting: Setting) -> None:
    setting.driver("one", gpu(pci_address="somewhere"))
    (seen,) = setting.source.list_devices().sightings
    assert seen.pci_address is None
