"""The modes explained: a drawing and every fact of each, and what the devices here can do now."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from aliquot import words
from aliquot.diagram.explained.ways import WAYS
from aliquot.model.api.devices import DeviceResource
from tests.dashboard.conftest import until
from tests.system.daemon import Daemon

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., "Page"]
_LOCALES = {"en": "en-GB", "zh": "zh-CN"}


def _section(mode: str) -> str:
    return f"section[aria-labelledby=way-{mode}]"


def _shown(open_page: Open, at: str = "#/modes", **options: object) -> Page:
    page = open_page(at, **options)
    page.locator(".scene [data-box^='device:']").nth(len(WAYS) - 1).wait_for()
    page.locator(".explain dd li").first.wait_for()
    return page


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", words.LANGUAGES)
def test_each_mode_is_drawn_and_told(
    daemon: Daemon, open_page: Open, language: str, theme: str
) -> None:
    page = _shown(open_page, color_scheme=theme, locale=_LOCALES[language])
    with daemon.client() as client:
        told = client.diagram.modes().items
    for one in told:
        section = page.locator(_section(one.mode))
        for box in one.picture.boxes:
            drawn = section.locator(f"[data-box='{box.id}']")
            assert words.say(language, box.title.key, box.title.values) in drawn.inner_text()
        text = section.inner_text()
        for fact in ("way", "runs", "isolates", "costs", "limits"):
            assert words.say(language, f"{fact}-{one.mode}") in text
        assert words.say(language, "tested-now" if one.tested else "tested-not") in text
        assert section.locator("path.edge").count() == len(one.picture.edges)


def test_what_each_device_can_do_now_is_as_the_api_has_it(daemon: Daemon, open_page: Open) -> None:
    page = _shown(open_page, locale="en-GB")
    with daemon.client() as client:
        devices = client.devices.list().items
    for device in devices:
        for one in device.facts["modes"]:
            line = page.locator(f"{_section(one['mode'])} li", has_text=device.name).first
            text = line.inner_text()
            if not one["can"]:
                assert one["why_not"] in text
                assert line.get_attribute("class") == "cannot"
            else:
                assert words.say("en", "can") in text
    hybrid = page.locator(_section("hybrid"))
    cut = words.say("en", "hybrid-could", {"modes": "MIG"})
    assert hybrid.get_by_text(cut).count() == len([one for one in devices if _cuttable(one)])


def _cuttable(device: DeviceResource) -> bool:
    return any(one["mode"] == "mig" and one["can"] for one in device.facts["modes"])


def test_a_link_leads_to_one_mode_and_the_keyboard_goes_on_there(
    daemon: Daemon, open_page: Open
) -> None:
    page = _shown(open_page, "#/modes/sriov")
    focused = "() => document.activeElement.id"
    until(lambda: page.evaluate(focused) == "way-sriov", daemon)
    assert page.locator("#way-sriov").bounding_box()["y"] < 200  # pyright: ignore
    # By keys alone: from the navigation of the page to the contents, and to a mode.
    page.locator("header nav a[href='#/modes']").press("Enter")
    link = page.locator(".contents a[href='#/modes/hybrid']")
    for _ in range(30):
        if link.evaluate("one => one === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    until(lambda: page.evaluate(focused) == "way-hybrid", daemon)


def test_a_reader_of_the_screen_is_told_what_is_drawn(daemon: Daemon, open_page: Open) -> None:
    page = _shown(open_page, locale="en-GB")
    for way in WAYS:
        scene = page.locator(f"[data-scene={way.mode}]")
        label = scene.get_attribute("aria-label") or ""
        assert label.startswith(words.say("en", f"way-{way.mode}"))
        for level in way.levels:
            assert words.say("en", level.title, {"name": "A"}) in label
    # There is nothing in a drawing to stop at.
    assert page.locator(".scene [tabindex='0']").count() == 0


@pytest.mark.parametrize("width", [1024, 1600, 3840])
@pytest.mark.parametrize("language", words.LANGUAGES)
def test_nothing_is_cut_off_or_overlaps(
    daemon: Daemon, open_page: Open, width: int, language: str
) -> None:
    page = _shown(open_page, viewport={"width": width, "height": 1000}, locale=_LOCALES[language])
    wide = """() => Math.max(...[document.documentElement, document.querySelector("main")]
      .map((one) => one.scrollWidth - one.clientWidth))"""
    until(lambda: page.evaluate(wide) <= 0, daemon)
    cut = """() => [...document.querySelectorAll(".scene .box > *")]
      .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"""
    assert page.evaluate(cut) == []
    for way in WAYS:
        scene = page.locator(f"[data-scene={way.mode}]").bounding_box()
        facts = page.locator(f"{_section(way.mode)} dl").bounding_box()
        assert scene is not None
        assert facts is not None
        beside = scene["x"] + scene["width"] <= facts["x"]
        below = scene["y"] + scene["height"] <= facts["y"]
        assert beside or below
