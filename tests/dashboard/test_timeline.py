"""The timeline: who had the device, its memory, who waited, and receipts, as the API has them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aliquot.model.api.vgpus import VgpuWanted
from tests.dashboard.conftest import until
from tests.system.daemon import Daemon

if TYPE_CHECKING:
    from playwright.sync_api import Page

MIB = 1 << 20
Open = Callable[..., "Page"]


@pytest.fixture(scope="module")
def pair(daemon: Daemon, load: Path) -> Iterator[dict[str, str]]:
    """Two vGPUs of a device, 30 and 70, both computing: their ids by name."""
    programs: list[subprocess.Popen[str]] = []
    found: dict[str, str] = {}
    with daemon.client() as client:
        for name, compute in (("a", 30), ("b", 70)):
            wanted = VgpuWanted(name=name, memory=64 * MIB, compute=compute, device="0")
            found[name] = client.vgpus.create(wanted).id
            command = ("exec", name, "--quiet", "--", str(load), "600")
            programs.append(daemon.popen(*command, stdout=subprocess.DEVNULL))
        for name in found:
            shown = found[name]
            until(lambda of=shown: client.vgpus.show(of).measured.get("consumed", 0) > 5, daemon)
    yield found
    for program in programs:
        program.terminate()
        program.wait(60)


def test_bands_are_of_who_had_the_device(
    daemon: Daemon, pair: dict[str, str], open_page: Open
) -> None:
    page = open_page(at="#/timeline")
    page.get_by_label("Span").select_option("10")
    for vgpu in pair.values():
        band = page.locator(f"[data-band='{vgpu}']")
        until(lambda of=band: of.count() and float(of.get_attribute("data-mean") or 0) > 5, daemon)
    means = [
        float(page.locator(f"[data-band='{vgpu}']").get_attribute("data-mean") or 0)
        for vgpu in pair.values()
    ]
    assert sum(means) <= 101
    painted = page.locator(".bands canvas").evaluate(
        "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)"
        ".data.some((value) => value > 0)"
    )
    assert painted


def test_who_waited_and_who_owes_is_what_the_api_tells(
    daemon: Daemon, pair: dict[str, str], open_page: Open
) -> None:
    """Two that compute wait for each other; of debts, what the series have."""
    page = open_page(at="#/timeline")
    page.get_by_label("Span").select_option("60")
    with daemon.client() as client:
        for vgpu in pair.values():
            row = page.locator(f"[data-waits='{vgpu}']")
            waited = row.locator("[data-told=waiting]")
            until(lambda of=waited: of.inner_text() not in ("-", "0 %"), daemon)
            assert row.locator(".strip path").first.get_attribute("d")
            kept = client.vgpus.series(vgpu, step_seconds=1).points
            most = max(point.values["debt"][2] for point in kept)
            assert all(point.values["debt"][1] >= 0 for point in kept)
            told = row.locator("[data-told=debt]").inner_text()
            number, unit = told.split(" ")
            assert float(number) * {"ms": 1, "s": 1000}[unit] <= most + 50


def test_back_in_time(daemon: Daemon, pair: dict[str, str], open_page: Open) -> None:
    page = open_page(at="#/timeline")
    page.get_by_label("Span").select_option("600")
    band = page.locator(f"[data-band='{pair['a']}']")
    until(lambda: band.count() and float(band.get_attribute("data-mean") or 0) > 0, daemon)
    assert page.get_by_role("button", name="later").is_disabled()
    page.get_by_role("button", name="earlier").click()
    until(lambda: float(band.get_attribute("data-mean") or 1) == 0, daemon)
    page.get_by_role("button", name="later").click()
    until(lambda: float(band.get_attribute("data-mean") or 0) > 0, daemon)


def test_receipts_are_drawn(daemon: Daemon, load: Path, open_page: Open) -> None:
    with daemon.client() as client:
        client.vgpus.create(VgpuWanted(name="short", memory=64 * MIB, device="0"))
        assert daemon.run("exec", "short", "--quiet", "--", str(load), "1").returncode == 0
        until(lambda: client.receipts.list(vgpu="short").items, daemon)
        (receipt,) = client.receipts.list(vgpu="short").items
    page = open_page(at="#/timeline")
    drawn = page.locator(f"[data-receipt='{receipt.id}'] .track")
    drawn.wait_for()
    parts = receipt.spending["parts_ns"]
    long = drawn.evaluate("track => track.clientWidth")
    kernels = drawn.locator("i").first.evaluate("part => part.getBoundingClientRect().width")
    assert kernels == pytest.approx(long * parts["kernels"] / receipt.spending["wall_ns"], abs=2)


def test_the_table_is_what_the_api_tells(
    daemon: Daemon, pair: dict[str, str], open_page: Open
) -> None:
    page = open_page(at="#/timeline")
    row = page.locator(
        "tbody tr:not([data-waits])", has=page.get_by_role("rowheader", name="a", exact=True)
    )
    row.wait_for()
    assert "30 %" in row.inner_text()
    assert "64 MiB" in row.inner_text()


def test_modes_are_explained_with_what_is_here(daemon: Daemon, open_page: Open) -> None:
    page = open_page(at="#/modes")
    page.locator(".explain section").nth(5).wait_for()
    assert page.locator(".explain section").count() == 6
    with daemon.client() as client:
        for device in client.devices.list().items:
            for mode in device.facts["modes"]:
                if not mode["can"]:
                    assert page.get_by_text(mode["why_not"]).first.is_visible()


def test_a_timeline_that_is_not_live_says_so(daemon: Daemon, open_page: Open) -> None:
    page = open_page(at="#/timeline")
    fresh = page.locator(".timeline .fresh")
    fresh.wait_for()
    assert "late" not in (fresh.get_attribute("class") or "")
    page.context.set_offline(True)
    until(lambda: "late" in (fresh.get_attribute("class") or ""), daemon)
    assert "not live" in fresh.inner_text()
    assert page.locator(".timeline.late").count() == 1
    page.context.set_offline(False)
    until(lambda: "late" not in (fresh.get_attribute("class") or ""), daemon)


def test_of_another_device_nothing_of_the_first_is_shown(
    daemon: Daemon, pair: dict[str, str], open_page: Open
) -> None:
    """Not even until the daemon has answered of the other."""
    with daemon.client() as client:
        planned = next(one for one in client.devices.list().items if one.simulated)
    page = open_page(at="#/timeline")
    row = page.locator(f"[data-waits='{pair['a']}']")
    row.wait_for()
    page.route(f"**/api/v1/vgpus?device={planned.uuid}*", lambda route: None)  # no answer yet
    page.evaluate("at => { location.hash = at }", f"#/timeline/{planned.uuid}")
    until(lambda: row.count() == 0, daemon)
    assert page.locator("[data-band]").count() == 0
    page.unroute_all(behavior="ignoreErrors")
