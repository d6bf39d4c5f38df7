"""Domains with our devices are what libvirt's own schema allows."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from aliquot.leases.vm.libvirt import xml
from aliquot.model.hardware import Attachment
from tests.absent import absent
from tests.contract.vms.given import OTHER, VGPU, card, function, mdev
from tests.fakes.libvirtd import FakeDomain
from tools.setup import libvirt_schemas

etree: Any = importlib.import_module("lxml.etree")  # it has no types
_INSTALLED = Path("/usr/share/libvirt/schemas/domain.rng")


@pytest.fixture(scope="module")
def schema() -> Any:
    """The schema of this machine's libvirt, else of Debian's package."""
    found = next((p for p in (_INSTALLED, libvirt_schemas.DOMAIN) if p.exists()), None)
    if found is None:
        absent("libvirt's schemas are not here (Debian's package libvirt0)")
    return etree.RelaxNG(etree.parse(str(found)))


@pytest.mark.parametrize(
    "attachments",
    [
        [card()],
        [card(rom="/usr/share/a&b.rom")],
        [function()],
        [mdev()],
        [card(), function(), mdev("3" * 32)],
    ],
    ids=["card", "rom", "function", "mdev", "all"],
)
def test_a_domain_with_devices_is_valid_and_one_without_again(
    schema: Any, attachments: list[Attachment]
) -> None:
    domain = FakeDomain("build-01").at_start
    before = xml.written(domain)
    for attachment in attachments:
        xml.add(domain, xml.hostdevs(attachment))
    assert _faults(schema, xml.written(domain)) == []
    for vgpu in (VGPU, OTHER, "3" * 32):
        xml.remove(domain, vgpu)
    assert xml.written(domain) == before
    assert _faults(schema, before) == []


def test_the_schema_refuses_what_is_wrong(schema: Any) -> None:
    domain = FakeDomain("build-01").at_start
    xml.add(domain, xml.hostdevs(card()))
    text = xml.written(domain)
    for right, wrong in (('managed="no"', 'managed="perhaps"'), ("ua-aliquot-", "no alias ")):
        assert _faults(schema, text.replace(right, wrong)) != []


def _faults(schema: Any, text: str) -> list[str]:
    schema.validate(etree.fromstring(text))
    return [str(error) for error in schema.error_log]
