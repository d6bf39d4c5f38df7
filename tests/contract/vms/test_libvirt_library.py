"""libvirt's real Python library, on libvirt's own driver for tests, which needs no daemon."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest

from aliquot.errors import HypervisorRefused, HypervisorUnreachable, NoSuchVm
from aliquot.leases.vm.libvirt import xml
from aliquot.leases.vm.libvirt.connection import NoDomain
from aliquot.leases.vm.libvirt.hypervisor import Libvirt
from aliquot.leases.vm.libvirt.library import Library
from aliquot.model.vm import VmState
from tests.contract.vms.given import function

if importlib.util.find_spec("libvirt") is None:
    # Debian's package is for Debian's own Python, and the one on PyPI is compiled against libvirt.
    pytest.skip("libvirt-python is not here", allow_module_level=True)

_NOBODY = "00000000-2222-3333-4444-555555555555"


@pytest.fixture
def library() -> Iterator[Library]:
    made = Library("test:///default")
    yield made
    made.close()


def test_domains_are_told(library: Library) -> None:
    (domain,) = library.domains()
    assert domain.name == "test"
    assert library.state(domain.uuid) is VmState.RUNNING
    assert library.state(_NOBODY) is VmState.GONE
    with pytest.raises(NoDomain):
        library.description(_NOBODY, at_start=True)
    for at_start in (True, False):
        root = xml.parse(library.description(domain.uuid, at_start=at_start))
        assert (root.tag, root.findtext("name")) == ("domain", "test")


def test_what_it_refuses_is_told_in_its_words(library: Library) -> None:
    libvirt = Libvirt(lambda: library)
    vm = libvirt.find("test")
    with pytest.raises(HypervisorRefused, match="virDomainAttachDeviceFlags"):
        libvirt.attach(vm, function(), lasting=False)
    assert not libvirt.attached(vm).now
    with pytest.raises(HypervisorRefused):
        library.define("<domain/>")
    with pytest.raises(NoSuchVm):
        libvirt.find("tes*")


def test_a_libvirt_that_isnt_there(library: Library) -> None:
    with pytest.raises((HypervisorUnreachable, HypervisorRefused)):
        Library("qemu+unix:///system?socket=/nowhere").domains()
