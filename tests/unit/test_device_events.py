"""Devices come, go, come back and change; readings once a second, and what two of them tell."""

import itertools
import threading
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from aliquot.devices import hotplug
from aliquot.devices.changes import Watcher, compare, watch
from aliquot.devices.discovery import Discoverer
from aliquot.devices.known_devices import KnownDevices
from aliquot.devices.readings import Sampler, combined, derived
from aliquot.devices.source import Listing
from aliquot.model.device_event import DeviceEvent
from aliquot.model.pci import PciFunction, PciLink
from aliquot.model.physical_device import PhysicalDevice
from aliquot.model.telemetry import Telemetry
from tests.fakes.sysfs import FakeSysfs


class NoOpencl:
    name = "opencl"

    def list_devices(self) -> Listing:
        return Listing([])

    def telemetry(self, device: PhysicalDevice) -> Telemetry | None:
        return None


def device(name: str, **changes: Any) -> PhysicalDevice:
    return PhysicalDevice(uuid=name, sources=("pci",), name=name, kind="gpu", **changes)


def told(events: Collection[DeviceEvent]) -> list[tuple[str, str]]:
    return [(event.kind.value, event.device.name) for event in events]


def test_events_between_two_discoveries() -> None:
    before = [device("stays"), device("goes"), device("changes", memory=1)]
    after = [device("stays"), device("changes", memory=2), device("comes"), device("again")]
    events = compare(before, after, lost={"again"})
    assert told(events) == [
        ("lost", "goes"),
        ("changed", "changes"),
        ("appeared", "comes"),
        ("returned", "again"),
    ]
    assert events[1].fields == ("memory",)
    assert events[0].as_dict()["uuid"] == "goes"


def test_a_fault_is_a_loss_and_its_end_a_return() -> None:
    well, ill = device("gpu"), device("gpu", fault="NVML: GPU is lost")
    (event,) = compare([well], [ill])
    assert (event.kind, event.why) == ("lost", "NVML: GPU is lost")
    assert compare([ill], [ill]) == []
    assert told(compare([ill], [])) == []  # that it is lost was said
    assert told(compare([ill], [well])) == [("returned", "gpu")]
    (event,) = compare([], [ill])
    assert (event.kind, event.why) == ("appeared", "NVML: GPU is lost")


def test_a_link_that_sleeps_is_no_change() -> None:
    def with_speed(speed: float) -> PhysicalDevice:
        link = PciLink(speed_gts=speed, most_speed_gts=16.0)
        return device("gpu", pci=PciFunction(address="0000:01:00.0", link=link))

    assert compare([with_speed(2.5)], [with_speed(16.0)]) == []
    bound = PciFunction(address="0000:01:00.0", driver="vfio-pci")
    assert compare([with_speed(2.5)], [device("gpu", pci=bound)])[0].fields == ("pci",)


def test_a_watcher_remembers_what_was_lost() -> None:
    seen: list[list[PhysicalDevice]] = [[device("a")], [], [], [device("a")], [device("a")]]
    watcher = Watcher(lambda: seen.pop(0))
    assert [told(watcher.look()) for _ in range(5)] == [
        [("appeared", "a")],
        [("lost", "a")],
        [],
        [("returned", "a")],
        [],
    ]


def test_watching_a_machine(tmp_path: Path) -> None:
    tree = FakeSysfs(tmp_path / "sys")
    tree.arc()
    discoverer = Discoverer(
        sysfs_root=str(tree.root),
        opencl=NoOpencl(),
        known=KnownDevices(str(tmp_path / "known.json")),
    )
    stop = threading.Event()
    steps = iter(
        [
            lambda: tree.rx7900(),
            lambda: tree.unplug("0000:07:00.0"),
            lambda: tree.bind("0000:03:00.0", "vfio-pci"),
            lambda: tree.arc(),
            stop.set,
        ]
    )
    events = watch(lambda: discoverer.discover().devices, stop, wait=lambda seconds: next(steps)())
    kinds = [(event.kind.value, event.device.pci_address) for event in events]
    arc, radeon = "0000:07:00.0", "0000:03:00.0"
    expected = [
        ("appeared", arc),
        ("appeared", radeon),
        ("lost", arc),
        ("changed", radeon),
        ("returned", arc),
    ]
    assert kinds == expected


def test_polling_stops_at_once() -> None:
    stop = threading.Event()
    events = watch(lambda: [device("a")], stop, interval=3600)
    assert next(events).kind == "appeared"
    stop.set()
    assert list(events) == []


def test_without_pyudev_there_is_no_waiter(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    assert hotplug.waiter() is None


def test_the_kernel_s_events_are_waited_for_until_they_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    polled: list[float] = []
    answers = iter([None, "add", "add", None])

    class Monitor:
        filters: list[str] = []  # noqa: RUF012

        @classmethod
        def from_netlink(cls, context: object) -> "Monitor":
            return cls()

        def filter_by(self, subsystem: str) -> None:
            self.filters.append(subsystem)

        def start(self) -> None: ...

        def poll(self, timeout: float | None = None) -> str | None:
            assert timeout is not None
            polled.append(timeout)
            return next(answers)

    pyudev = SimpleNamespace(Monitor=Monitor, Context=object)
    monkeypatch.setattr("importlib.import_module", lambda name: pyudev)
    wait = hotplug.waiter()
    assert wait is not None
    assert "pci" in Monitor.filters
    wait(5.0)
    assert polled == [5.0]
    wait(5.0)
    assert polled == [5.0, 5.0, 0.1, 0.1]


def reading(time: float, **fields: Any) -> Telemetry:
    return Telemetry(time=time, sources=("x",), **fields)


def test_readings_of_several_sources_are_one() -> None:
    one = Telemetry(time=1.0, sources=("nvml",), use=10.0, corrected_errors=0)
    two = Telemetry(time=2.0, sources=("other",), use=99.0, temperature=40.0)
    both = combined([one, two])
    assert both is not None
    assert (both.time, both.sources) == (1.0, ("nvml", "other"))
    assert (both.use, both.temperature, both.corrected_errors) == (10.0, 40.0, 0)
    assert combined([]) is None
    assert set(both.as_dict()) == {"time", "sources", "use", "temperature", "corrected_errors"}


def test_power_and_time_awake_follow_from_two_readings() -> None:
    before = reading(10.0, energy_joules=100.0, asleep_ms=5000)
    now = derived(before, reading(12.0, energy_joules=150.0, asleep_ms=6500))
    assert (now.power_watts, now.awake) == (25.0, 25.0)
    # A driver that was loaded anew counts from zero; a source that tells power is believed.
    now = derived(before, reading(12.0, energy_joules=1.0, asleep_ms=0))
    assert (now.power_watts, now.awake) == (None, None)
    now = derived(before, reading(12.0, energy_joules=150.0, power_watts=7.0))
    assert now.power_watts == 7.0
    assert derived(before, reading(10.01, energy_joules=150.0)).power_watts is None
    assert derived(before, reading(9.0, energy_joules=150.0)).power_watts is None


def test_a_device_is_read_once_an_interval() -> None:
    clock = iter([0.0, 0.5, 1.0, 1.1])
    energies = itertools.count(0, 10)
    reads: list[str] = []

    def read(of: PhysicalDevice) -> Telemetry | None:
        reads.append(of.name)
        return None if of.name == "dark" else reading(len(reads), energy_joules=next(energies))

    sampler = Sampler(read, interval=1.0, clock=lambda: next(clock))
    gpu = [device("gpu")]
    first = sampler.sample(gpu)
    assert sampler.sample(gpu) == first
    second = sampler.sample(gpu)
    assert reads == ["gpu", "gpu"]
    assert second["gpu"].power_watts == 10.0
    assert sampler.sample([device("dark")]) == {}


def test_telemetry_says_nothing_of_what_is_not_known() -> None:
    empty = reading(1.0)
    assert empty.as_dict() == {"time": 1.0, "sources": ("x",)}
    zero = msgspec.structs.replace(empty, use=0.0)
    assert zero.as_dict()["use"] == 0.0
