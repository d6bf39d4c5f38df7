"""Drivers are found, probed out of process, remembered and told apart."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from aliquot.devices import cache, drivers, identity
from aliquot.devices.choose import choose_device
from aliquot.devices.drivers import Driver
from aliquot.devices.opencl import discover, examine, find_device
from aliquot.errors import AmbiguousDevice, IncompatibleDriver, NoDriver, UnknownDevice
from tests.fakes import worker
from tests.fakes.installation import FakeInstallation


@pytest.fixture
def fakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeInstallation]:
    fakes = FakeInstallation(tmp_path)
    for name, value in fakes.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.prefix", str(tmp_path / "prefix"))
    monkeypatch.setattr(drivers, "SYSTEM_VENDORS", str(tmp_path / "system"))
    yield fakes
    fakes.close()


def install(fakes: FakeInstallation, monkeypatch: pytest.MonkeyPatch, **told: object) -> None:
    for name, answer in told.items():
        fakes.driver(name, answer)
    monkeypatch.setenv("FAKE_PROBE", fakes.environment.get("FAKE_PROBE", "{}"))


def test_icd_files_are_read_in_order(fakes: FakeInstallation) -> None:
    second, first = fakes.driver("b"), fakes.driver("a")
    (fakes.vendors / "empty.icd").write_text("\n")
    (fakes.vendors / "note.txt").write_text("libnothing.so")
    assert [found.library for found in drivers.find_drivers()] == [str(first), str(second)]


def test_one_icd_file_a_library_and_file_names(
    fakes: FakeInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = fakes.driver("a")
    monkeypatch.setenv("OCL_ICD_VENDORS", str(fakes.vendors / "a.icd"))
    assert [found.library for found in drivers.find_drivers()] == [str(library)]
    monkeypatch.setenv("OCL_ICD_VENDORS", "libother.so")
    monkeypatch.setenv("OCL_ICD_FILENAMES", f"{library}:libthird.so")
    found = [driver.library for driver in drivers.find_drivers()]
    assert found == ["libother.so", str(library), "libthird.so"]


def test_our_own_driver_is_never_listed(
    fakes: FakeInstallation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    system = tmp_path / "system"
    system.mkdir()
    (system / "real.icd").write_text("libreal.so\n")
    ours = str(fakes.native / "libaliquot-opencl.so")
    (system / "aliquot.icd").write_text(ours + "\n")
    # As it is under `aliquot run`: what is installed counts.
    monkeypatch.setenv("OCL_ICD_VENDORS", ours)
    monkeypatch.setenv("OCL_ICD_FILENAMES", ours)
    assert [found.library for found in drivers.find_drivers()] == ["libreal.so"]


def test_the_software_gpu_beside_python(fakes: FakeInstallation, tmp_path: Path) -> None:
    library = tmp_path / "prefix/lib/libintelocl.so"
    library.parent.mkdir(parents=True)
    library.write_bytes(b"")
    assert [found.library for found in drivers.find_drivers()] == [str(library)]
    (fakes.vendors / "intel.icd").write_text(f"{library}\n")
    assert len(drivers.find_drivers()) == 1


def test_no_driver(fakes: FakeInstallation) -> None:
    with pytest.raises(NoDriver):
        discover()


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("crash", "signal 6"),
        ("not json", "exit status 0"),
        ({"platforms": [{"name": 3}]}, "exit status 0"),
        ({"platforms": [], "error": "it is no driver"}, "it is no driver"),
        (worker.answer(), "no device"),
    ],
)
def test_a_bad_driver_is_a_sentence(
    fakes: FakeInstallation, monkeypatch: pytest.MonkeyPatch, told: object, reason: str
) -> None:
    install(fakes, monkeypatch, bad=told)
    with pytest.raises(IncompatibleDriver, match=reason) as raised:
        discover()
    assert "\n" not in str(raised.value)


def test_a_bad_driver_neither_hides_a_good_one_nor_is_asked_each_time(
    fakes: FakeInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(fakes, monkeypatch, bad="crash", good=worker.answer(worker.device()))
    for _ in range(3):
        assert [device.name for device in discover()] == ["Fake CPU"]
    assert len(fakes.probed()) == 2
    # It is asked again where that could help.
    with pytest.raises(UnknownDevice):
        find_device("mended")
    assert len(fakes.probed()) == 3
    mended = worker.answer(worker.device(name="Mended"))
    install(fakes, monkeypatch, bad=mended)
    assert find_device("mended")[1].name == "Mended"


def test_where_nothing_worked_everything_is_asked_again(
    fakes: FakeInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(fakes, monkeypatch, bad="crash")
    with pytest.raises(IncompatibleDriver):
        discover()
    install(fakes, monkeypatch, bad=worker.answer(worker.device()))
    assert discover()


def test_a_driver_that_hangs(fakes: FakeInstallation, monkeypatch: pytest.MonkeyPatch) -> None:
    from aliquot.devices import probe

    install(fakes, monkeypatch, slow="hang")
    answer = probe.probe(str(fakes.directory / "libslow.so"), timeout=0.5)
    assert answer.error
    assert "did not answer" in answer.error


def test_answers_are_kept_until_the_driver_changes(
    fakes: FakeInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = fakes.driver("one")
    install(fakes, monkeypatch)
    first = discover()
    assert discover() == first
    assert len(fakes.probed()) == 1
    os.utime(library, ns=(1, 1))
    assert discover() == first
    assert len(fakes.probed()) == 2
    discover(fresh=True)
    assert len(fakes.probed()) == 3


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"key": [], "resolved": 3, "devices": []}'])
def test_a_damaged_cache_counts_as_none(
    fakes: FakeInstallation, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    fakes.driver("one")
    install(fakes, monkeypatch)
    discover()
    (kept,) = (fakes.directory / "cache").rglob("*.json")
    kept.write_text(damage)
    assert discover()
    assert json.loads(kept.read_text())["devices"]


def test_a_cache_that_cannot_be_written_is_no_error(
    fakes: FakeInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes.driver("one")
    install(fakes, monkeypatch)
    (fakes.directory / "cache").write_text("a file where a directory should be")
    assert discover()
    assert cache.load(str(fakes.directory / "libone.so")) is None


def test_uuids_are_stable_distinct_and_the_vendor_s_where_it_means_hardware(
    fakes: FakeInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = "0123456789abcdef0123456789abcdef"
    gpu = worker.device(2, type=["gpu"], uuid=told, name="Fake GPU")
    answer = worker.answer(worker.device(0), worker.device(1, uuid=told), gpu)
    install(fakes, monkeypatch, one=answer, two=answer)
    devices = discover()
    uuids = [device.uuid for device in devices]
    assert len(set(uuids)) == 6
    assert uuids[2] == "01234567-89ab-cdef-0123-456789abcdef"
    assert [device.uuid for device in discover(fresh=True)] == uuids
    monkeypatch.setattr(identity, "machine_id", lambda: "another machine")
    other = [device.uuid for device in discover(fresh=True)]
    assert [a == b for a, b in zip(uuids, other, strict=True)] == [False, False, True] + [False] * 3


def test_choosing(fakes: FakeInstallation, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = worker.answer(
        worker.device(0, name="AMD EPYC"),
        worker.device(1, name="pthread AMD EPYC"),
        worker.device(2, name="Big GPU", type=["gpu"]),
        worker.device(3, name="Big GPU", type=["gpu"]),
    )
    install(fakes, monkeypatch, one=answer)
    devices = discover()
    cpu, pthread, gpu, twin = devices
    assert choose_device(devices, None) is gpu
    assert choose_device([cpu, pthread], None) is cpu
    assert choose_device(devices, "1") is pthread
    assert choose_device(devices, twin.uuid.upper()) is twin
    assert choose_device(devices, "amd epyc") is cpu
    assert choose_device(devices, "PTHREAD") is pthread
    with pytest.raises(AmbiguousDevice, match="2, 3"):
        choose_device(devices, "big")
    with pytest.raises(AmbiguousDevice):
        choose_device(devices, "fake platform")
    for wanted in ("4", "99999999999999999999", "nvidia", "", "-1", gpu.uuid[:-1] + "?"):
        with pytest.raises(UnknownDevice):
            choose_device(devices, wanted)


def test_examine_tells_why(fakes: FakeInstallation, monkeypatch: pytest.MonkeyPatch) -> None:
    install(fakes, monkeypatch, one=worker.answer())
    devices, problem = examine(Driver(str(fakes.directory / "libone.so"), "here"))
    assert devices == []
    assert problem == "the driver offers no device"
