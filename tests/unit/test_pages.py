"""A vGPU's page as the command line reads it: all of one moment, or not at all."""

from __future__ import annotations

import os

import pytest

from aliquot.client import pages
from aliquot.client.pages import MappedPage, Page
from aliquot.client.watch import as_of
from aliquot.errors import BadRecord, VersionMismatch
from aliquot.model.vgpu import VgpuUsage


def page(**fields: int) -> Page:
    empty = Page(*[0] * len(Page._fields))
    return empty._replace(version=pages.PAGE_VERSION, weight=1, limit=10_000)._replace(**fields)


def mapped(what: Page, size: int = pages.PAGE_SIZE) -> tuple[MappedPage, int]:
    """The page, and a descriptor to write to it by."""
    descriptor = os.memfd_create("page")
    os.truncate(descriptor, size)
    os.pwrite(descriptor, pages.LAYOUT.pack(*what)[:size], 0)
    return MappedPage(os.dup(descriptor)), descriptor


def test_what_is_written_is_read() -> None:
    reading, writing = mapped(page(sequence=2, held_ns=5))
    assert reading.read().held_ns == 5
    os.pwrite(writing, pages.LAYOUT.pack(*page(sequence=4, held_ns=6)), 0)
    assert reading.read().held_ns == 6
    reading.close()
    os.close(writing)


def test_a_page_in_the_midst_of_being_written_is_not_believed() -> None:
    reading, writing = mapped(page(sequence=3))
    with pytest.raises(BadRecord):
        reading.read()
    reading.close()
    os.close(writing)


def test_other_versions_and_sizes_are_refused() -> None:
    with pytest.raises(VersionMismatch):
        mapped(page(version=2))
    with pytest.raises(BadRecord):
        mapped(page(), size=100)


def test_what_goes_on_is_reckoned_up_to_now() -> None:
    usage = VgpuUsage(1, "one", "device", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    told = page(at_ns=100, held_ns=50, spared_ns=5, withheld_ns=3, waited_ns=20)
    assert as_of(usage, told._replace(state=pages.HOLDING), 140).turns.held_ns == 82
    assert as_of(usage, told._replace(state=pages.AWAY), 140).turns.held_ns == 42
    for state in (pages.WAITING, pages.LIMITED):
        assert as_of(usage, told._replace(state=state), 140).turns.waited_ns == 60
    # The clock is read before the page may be written once more.
    assert as_of(usage, told._replace(state=pages.HOLDING), 90).turns.held_ns == 42
