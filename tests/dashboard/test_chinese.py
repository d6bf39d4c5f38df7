"""A page in Chinese has no English but names, and what is marked as such: no sentence of ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from aliquot import words
from aliquot.model.api.vgpus import ProfileWanted, VgpuResource, VgpuWanted
from aliquot.model.line import Line
from tests.dashboard.conftest import until
from tests.system.daemon import Daemon

if TYPE_CHECKING:
    from playwright.sync_api import Page

MIB = 1 << 20
Open = Callable[..., "Page"]

# Three words in a row are a sentence; names of things have fewer, or are taken out before.
_ENGLISH = re.compile(r"[A-Za-z']{2,} [a-z']{2,} [a-z']{2,}")
_COMMAND = re.compile(r"aliquot(?: [a-z-]+)+")
_TITLES = ("GPU passthrough performance",)  # of a paper that is quoted

# All that is written or read aloud, but what says of itself that it is English.
SAID = """() => {
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT);
  for (let one = walk.currentNode; one; one = walk.nextNode()) {
    if (one.closest("[lang=en], style, script")) continue;
    for (const name of ["title", "aria-label", "placeholder", "aria-valuetext"])
      if (one.hasAttribute(name)) found.push(one.getAttribute(name));
    for (const child of one.childNodes)
      if (child.nodeType === Node.TEXT_NODE) found.push(child.textContent);
  }
  return found.filter((text) => text.trim() !== "");
}"""


@pytest.fixture(scope="module")
def made(daemon: Daemon) -> Iterator[VgpuResource]:
    """A vGPU, and a profile that fits nowhere."""
    with daemon.client() as client:
        yield client.vgpus.create(VgpuWanted(name="ours", memory=64 * MIB, compute=10, device="0"))
        client.vgpus.delete("ours")


@pytest.fixture
def page(open_page: Open, made: VgpuResource) -> Page:
    return open_page(locale="zh-CN")


def english_on(page: Page, daemon: Daemon) -> list[str]:
    """What of a page is English, without commands and the names of devices and papers."""
    with daemon.client() as client:
        names = [*(device.name for device in client.devices.list().items), *_TITLES]
    found: list[str] = []
    for told in page.evaluate(SAID):
        text = _COMMAND.sub("", told)
        for name in names:
            text = text.replace(name, "")
        if _ENGLISH.search(text):
            found.append(told)
    return found


def marked_as_english(page: Page) -> list[str]:
    """What says of itself that it is English, but for the button to the other language."""
    return page.locator("[lang=en]:not(button)").all_inner_texts()


@pytest.mark.parametrize("at", ["#/architecture", "#/timeline", "#/modes"])
def test_pages(daemon: Daemon, page: Page, at: str) -> None:
    page.evaluate("at => { location.hash = at }", at)
    ready = {"#/timeline": ".timeline table", "#/modes": ".explain dd li"}.get(at, ".box")
    page.locator(ready).first.wait_for()
    assert english_on(page, daemon) == []
    assert marked_as_english(page) == []


def test_why_a_device_cannot_do_a_mode(daemon: Daemon, page: Page) -> None:
    with daemon.client() as client:
        devices = client.devices.list().items
    for device in devices:
        page.locator(f"[data-box='device:{device.uuid}'] strong").click()
        modes = page.locator(".details .modes")
        page.locator(f".details[data-subject='{device.uuid}'] .modes li").first.wait_for()
        for mode in device.facts["modes"]:
            if not mode["can"]:
                assert _in_chinese(mode["lines"]) in modes.inner_text()
        assert english_on(page, daemon) == []
        assert marked_as_english(page) == []


def test_details_of_a_vgpu(daemon: Daemon, page: Page, made: VgpuResource) -> None:
    page.locator(f"[data-box='vgpu:{made.id}']").click()
    page.locator(".details [data-fact=state]").wait_for()
    page.locator(".details .events time").first.wait_for()
    assert page.locator("[data-fact=mode]").inner_text() == words.say("zh", "mode-remoting")
    assert page.locator("[data-fact=priority]").inner_text() == words.say("zh", "priority-normal")
    assert "vgpu." not in page.locator(".details .events").inner_text()
    assert english_on(page, daemon) == []
    assert marked_as_english(page) == []


def test_what_was_refused(daemon: Daemon, page: Page, made: VgpuResource) -> None:
    """More time than is left, for another vGPU has some of it."""
    with daemon.client() as client:
        client.vgpus.create(VgpuWanted(name="beside", memory=MIB, compute=20, device="0"))
        page.locator(f"[data-box='vgpu:{made.id}']").click()
        page.locator(".acts input[type=range]").nth(1).fill("100")
        page.locator(".acts .size button").click()
        outcome = page.locator(".outcome")
        outcome.get_by_text("ALQ-E111").wait_for()
        told = outcome.inner_text()
        client.vgpus.delete("beside")
    assert words.say("zh", "remedy-ALQ-E111") in told
    assert "只剩" in told
    assert english_on(page, daemon) == []
    assert marked_as_english(page) == []


def test_what_was_not_refused_but_not_answered(
    daemon: Daemon, page: Page, made: VgpuResource
) -> None:
    page.locator(f"[data-box='vgpu:{made.id}']").click()
    page.locator(".acts .size button").wait_for()
    page.locator(".acts input[type=range]").nth(1).fill("12")
    page.context.set_offline(True)
    page.locator(".acts .size button").click()
    page.get_by_text(words.say("zh", "unreachable")).wait_for()
    assert english_on(page, daemon) == []
    page.context.set_offline(False)


@pytest.mark.parametrize(("profile", "memory"), [("small", 64 * MIB), ("giant", 1 << 50)])
def test_what_if(daemon: Daemon, page: Page, profile: str, memory: int) -> None:
    with daemon.client() as client:
        client.profiles.put(profile, ProfileWanted(memory=memory, compute=5))
        device = client.devices.list().items[0]
    page.reload()
    row = page.locator(".profiles li", has_text=profile)
    row.drag_to(page.locator(f"[data-box='device:{device.uuid}']"))
    answer = page.locator(".what-if")
    until(lambda: "fits" in (answer.get_attribute("class") or ""), daemon)
    assert english_on(page, daemon) == []
    assert marked_as_english(page) == []


def test_why_a_vgpu_failed(daemon: Daemon, page: Page, made: VgpuResource) -> None:
    """Of a reason of ours, and of one that a device host told in its own words."""
    page.route("**/api/v1/diagram?*", lambda route: _changed(route, made, _OURS))
    box = page.locator(f"[data-box='vgpu:{made.id}']")

    def title() -> str | None:
        return box.get_attribute("title")

    until(lambda: _in_chinese(_OURS["reason_lines"]) in (title() or ""), daemon)
    page.unroute("**/api/v1/diagram?*")
    page.route("**/api/v1/diagram?*", lambda route: _changed(route, made, _THEIRS))
    said = words.reason("zh", _THEIRS["reason"], _THEIRS["reason_code"])
    assert said.startswith(words.say("zh", "error-ALQ-E110"))
    until(lambda: said in (title() or ""), daemon)
    page.unroute("**/api/v1/diagram?*")


_OURS: dict[str, Any] = {
    "reason": "device GPU (0) is gone",
    "reason_code": "ALQ-E327",
    "reason_lines": [{"key": "why-device-gone", "values": {"device": "GPU", "uuid": "0"}}],
}
_THEIRS = {"reason": "signal 11", "reason_code": "ALQ-E110"}


def _changed(route: Any, made: VgpuResource, fields: dict[str, Any]) -> None:
    answer = route.fetch()
    told = answer.json()
    for box in told.get("boxes", []):
        if box["id"] == f"vgpu:{made.id}":
            box.update(fields)
    route.fulfill(response=answer, json=told)


def _in_chinese(lines: list[dict[str, Any]]) -> str:
    said = words.sentence("zh", msgspec.convert(lines, list[Line]))
    assert said
    return said
