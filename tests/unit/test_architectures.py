"""Architectures by the vendors' ids; what isn't known says so, with the id."""

import pytest

from aliquot.devices import architectures as a


@pytest.mark.parametrize(
    ("major", "minor", "name", "cores", "units"),
    [
        (7, 0, "Volta", 5120, 80),  # V100
        (7, 5, "Turing", 2560, 40),  # T4
        (8, 0, "Ampere", 6912, 108),  # A100
        (8, 6, "Ampere", 10752, 84),  # A40
        (8, 9, "Ada Lovelace", 18176, 142),  # L40S
        (9, 0, "Hopper", 16896, 132),  # H100 SXM
        (6, 0, "Pascal", 3584, 56),  # P100
    ],
)
def test_nvidia(major: int, minor: int, name: str, cores: int, units: int) -> None:
    assert a.of_compute_capability(major, minor).name == name
    assert a.multiprocessors(cores, major, minor) == units


def test_nvidia_that_is_not_known() -> None:
    assert str(a.of_compute_capability(42, 1)) == "unknown (compute capability 42.1)"
    assert a.multiprocessors(1000, 42, 1) is None
    assert a.multiprocessors(1000, 8, 0) is None  # no whole number of SMs
    assert a.multiprocessors(0, 8, 0) is None


@pytest.mark.parametrize(
    ("gfx", "name"),
    [
        ("gfx906", "GCN 5"),
        ("gfx908", "CDNA"),
        ("gfx90a", "CDNA 2"),
        ("gfx90a:sramecc+:xnack-", "CDNA 2"),
        ("gfx942", "CDNA 3"),
        ("gfx950", "CDNA 4"),
        ("gfx1030", "RDNA 2"),
        ("gfx1100", "RDNA 3"),
        ("gfx1151", "RDNA 3.5"),
        ("gfx1201", "RDNA 4"),
        ("gfx9ff", "unknown"),
        ("gfx2000", "unknown"),
        ("radeon", "unknown"),
        ("", "unknown"),
    ],
)
def test_amd_by_processor(gfx: str, name: str) -> None:
    assert a.of_gfx(gfx).name == name


@pytest.mark.parametrize(
    ("version", "gfx"),
    [
        (90402, "gfx942"),
        (90010, "gfx90a"),
        (90006, "gfx906"),
        (110000, "gfx1100"),
        (100302, "gfx1032"),
        (0, None),
        (-90402, None),
        (99999999, None),
        (91602, None),
    ],
)
def test_amd_s_target_versions(version: int, gfx: str | None) -> None:
    assert a.gfx_of_target_version(version) == gfx


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ((9, 4, 1), "CDNA"),
        ((9, 4, 2), "CDNA 2"),
        ((9, 4, 3), "CDNA 3"),
        ((9, 4, 9), "unknown"),
        ((10, 1, 10), "RDNA"),
        ((11, 0, 0), "RDNA 3"),
        ((13, 0, 0), "unknown"),
    ],
)
def test_amd_by_graphics_block(version: tuple[int, int, int], name: str) -> None:
    assert a.of_graphics_block(*version).name == name


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ("56a0", "Xe-HPG"),
        ("56c0", "Xe-HPG"),
        ("0bd5", "Xe-HPC"),
        ("9a49", "Xe-LP"),
        ("e20b", "Xe2-HPG"),
        ("64a0", "Xe2-LPG"),
        ("1912", "Gen9"),
        ("ffff", "unknown"),
    ],
)
def test_intel(device: str, name: str) -> None:
    assert str(a.of_intel_device(device)) == f"{name} (PCI device 0x{device})"
