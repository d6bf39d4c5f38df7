"""Screen readers and keyboards: axe finds nothing, on each page, in both themes and languages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aliquot.model.api.vgpus import VgpuWanted
from tests.absent import absent
from tests.dashboard.conftest import until
from tests.system.daemon import Daemon

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., "Page"]
AXE = Path(__file__).resolve().parents[2] / "dashboard/node_modules/axe-core/axe.min.js"
RUN = """() => axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
  .then((found) => found.violations.map(
    (one) => `${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => node.html).join(" ")}`))
"""


@pytest.fixture(scope="module", autouse=True)
def _something_is_there(daemon: Daemon) -> None:
    with daemon.client() as client:
        client.vgpus.create(VgpuWanted(name="shown", memory=1 << 24, compute=10, device="0"))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("place", ["#/architecture", "#/timeline", "#/modes"])
def test_axe_finds_nothing(
    daemon: Daemon, open_page: Open, place: str, theme: str, language: str
) -> None:
    if not AXE.is_file():
        absent("axe is not here: `make setup` brings it with the dashboard")
    # axe is a script of ours for this test alone; the page's own policy would refuse it.
    page = open_page(
        place, color_scheme=theme, bypass_csp=True, locale="zh-CN" if language == "zh" else "en-GB"
    )
    page.locator(
        {"#/timeline": ".timeline", "#/modes": ".explain li"}.get(place, ".box")
    ).first.wait_for()
    if place == "#/architecture":
        page.locator("[data-box^='vgpu:']").first.click()
        page.locator(".details [data-fact=state]").wait_for()
    page.add_script_tag(path=AXE)
    found: list[str] = page.evaluate(RUN)
    assert found == []


@pytest.mark.parametrize("width", [1024, 1600, 3840])
def test_nothing_is_cut_off(daemon: Daemon, open_page: Open, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 1000})
    page.locator("[data-box^='vgpu:']").first.wait_for()
    wide = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    until(lambda: page.evaluate(wide) <= 0, daemon)
    for name in ("header button", "header select", ".tools select"):
        for element in page.locator(name).all():
            box = element.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
