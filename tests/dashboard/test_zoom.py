"""From the node to one command queue of a program, and back: by mouse, keyboard and address."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from aliquot.model.api.picture import Picture
from aliquot.model.api.vgpus import VgpuWanted
from tests.absent import absent
from tests.dashboard.conftest import until
from tests.dashboard.test_accessible import AXE, RUN
from tests.dashboard.test_architecture import DRAWN, box
from tests.system.compiled import compile_program
from tests.system.daemon import Daemon

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., "Page"]


@pytest.fixture(scope="module")
def both(daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The id of a vGPU on which a program computes in two queues."""
    program = compile_program("two_queues", tmp_path_factory.mktemp("programs"))
    with daemon.client() as client:
        made = client.vgpus.create(VgpuWanted(name="both", memory=64 << 20, device="0"))
    command = ("exec", "both", "--quiet", "--", str(program), "600")
    with daemon.popen(*command, stdout=subprocess.PIPE) as running:
        assert running.stdout
        assert running.stdout.readline() == "working\n"
        yield made.id
        running.terminate()


def opened(page: Page, vgpu: str) -> None:
    """Wait until the vGPU's two queues are there."""
    box(page, f"queue:1:1:{vgpu}").wait_for()
    box(page, f"queue:1:2:{vgpu}").wait_for()


def picture_of(daemon: Daemon, vgpu: str) -> Picture:
    with daemon.client() as client:
        return client.diagram.show(vgpu=vgpu)


def test_in_and_out_by_mouse(both: str, open_page: Open) -> None:
    page = open_page()
    box(page, f"vgpu:{both}").dblclick()
    opened(page, both)
    assert page.evaluate("location.hash") == f"#/architecture/{both}"
    path = page.get_by_role("navigation", name="What is shown")
    assert path.get_by_role("listitem").count() == 2
    box(page, f"queue:1:2:{both}").click()
    path.get_by_role("link", name="queue 2").wait_for()
    assert page.evaluate("location.hash") == f"#/architecture/{both}.1.2"
    page.locator(".details [data-fact=order]", has_text="out of order").wait_for()
    path.get_by_role("link", name="back to the node").click()
    box(page, f"consumers:{both}").wait_for()
    assert path.count() == 0
    # The button of the details does the same, and so does the browser's way back.
    page.get_by_role("button", name="show its processes and queues").click()
    opened(page, both)
    page.go_back()
    box(page, f"consumers:{both}").wait_for()


def test_in_and_out_by_keyboard(both: str, open_page: Open) -> None:
    page = open_page()
    box(page, f"vgpu:{both}").wait_for()
    page.locator(f"[data-id='vgpu:{both}']").focus()
    page.keyboard.press("Enter")
    opened(page, both)
    page.locator(f"[data-id='queue:1:1:{both}']").focus()
    page.keyboard.press("Enter")
    page.locator(".details [data-fact=order]", has_text="in order").wait_for()
    page.keyboard.press("Escape")
    box(page, f"consumers:{both}").wait_for()
    assert page.evaluate("location.hash") == "#/architecture"


def test_from_a_queue_back_to_its_vgpu(both: str, open_page: Open) -> None:
    """By the path, whether the queue was chosen by a link or in the picture."""
    page = open_page(f"#/architecture/{both}.1.1")
    opened(page, both)
    path = page.get_by_role("navigation", name="What is shown")
    for queue in ("queue 1", "queue 2"):
        path.get_by_role("link", name=queue).wait_for()
        path.get_by_role("link", name="vGPU both").click()
        page.locator(f".details[data-subject='{both}'] [data-fact=state]").wait_for()
        assert path.get_by_role("listitem").count() == 2
        assert page.evaluate("location.hash") == f"#/architecture/{both}"
        opened(page, both)
        box(page, f"queue:1:2:{both}").click()


def test_what_draws_it_larger_is_not_called_as_what_leads_in(both: str, open_page: Open) -> None:
    page = open_page()
    box(page, f"vgpu:{both}").click()
    page.get_by_role("button", name="show its processes and queues").wait_for()
    for name in ("zoom in", "zoom out"):
        assert page.get_by_role("button", name=name, exact=True).count() == 1


def test_who_does_not_answer_is_not_called_gone(both: str, open_page: Open) -> None:
    page = open_page()
    page.route("**/processes", lambda route: route.fulfill(status=503))
    page.evaluate("at => { location.hash = at }", f"#/architecture/{both}.1.1")
    page.locator(".details").get_by_text("the daemon does not answer").wait_for()
    page.unroute("**/processes")
    page.locator(".details [data-fact=order]").wait_for()


def test_it_is_moved_from_either_picture(daemon: Daemon, both: str, open_page: Open) -> None:
    with daemon.client() as client:
        own = client.vgpus.show(both).device
        real = [one.uuid for one in client.devices.list().items if not one.simulated]
    if len(real) < 2:
        absent("one OpenCL driver is not enough to move from one to another")
    page = open_page()
    targets = page.get_by_label("move to").locator("option:not([value=''])")
    for at in ("#/architecture", f"#/architecture/{both}"):
        page.evaluate("at => { location.hash = at }", at)
        box(page, f"vgpu:{both}").click()
        targets.first.wait_for(state="attached")
        offered = [one.get_attribute("value") for one in targets.all()]
        assert offered == [one for one in real if one != own], at


def test_a_link_leads_to_a_queue(both: str, open_page: Open) -> None:
    page = open_page(f"#/architecture/{both}.1.1")
    opened(page, both)
    page.locator(".details [data-fact=order]", has_text="in order").wait_for()
    assert "chosen" in (box(page, f"queue:1:1:{both}").get_attribute("class") or "")
    # One of a vGPU that isn't there says so, and leads back.
    page.evaluate(f"location.hash = '#/architecture/{'0' * 32}'")
    page.get_by_text("It is not there any more.").wait_for()
    page.get_by_role("link", name="back to the node").click()
    box(page, f"vgpu:{both}").wait_for()


def test_browser_svg_and_api_have_the_same_boxes_and_edges(
    daemon: Daemon, both: str, open_page: Open
) -> None:
    page = open_page(f"#/architecture/{both}")
    opened(page, both)
    picture = picture_of(daemon, both)
    expected = {one.id: [one.x, one.y, one.width, one.height] for one in picture.boxes}
    until(lambda: page.evaluate(DRAWN)["boxes"] == expected, daemon)
    ways = {edge.id: "M" + "L".join(f"{x} {y}" for x, y in edge.points) for edge in picture.edges}
    assert page.evaluate(DRAWN)["edges"] == ways
    root = ElementTree.fromstring(daemon.run("diagram", "--vgpu", "both").stdout)
    svg = "{http://www.w3.org/2000/svg}"
    drawn = {group.get("id") for group in root.iter(f"{svg}g") if group.get("id")}
    assert drawn == set(expected)


LONG = """box => {
  const track = box.querySelector("[data-bar=share] .track");
  const used = track.querySelector(".used");
  const long = (part) => part.getBoundingClientRect().width;
  return [long(used) / (track.clientWidth * long(track) / track.offsetWidth),
    used.style.width];
}"""


def test_shares_are_drawn_to_scale(daemon: Daemon, both: str, open_page: Open) -> None:
    page = open_page(f"#/architecture/{both}")
    opened(page, both)
    one = box(page, f"queue:1:1:{both}")
    until(lambda: one.locator("[data-bar=share] .used").count() == 1, daemon)
    part, told = one.evaluate(LONG)
    assert part * 100 == pytest.approx(float(told.removesuffix("%")), abs=1)
    shares = [
        one.bars[0].parts[0].used for one in picture_of(daemon, both).boxes if one.bars and
        one.kind == "command-queue"
    ]  # fmt: skip
    assert sum(shares) == pytest.approx(100, abs=0.1)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(both: str, open_page: Open, theme: str, language: str) -> None:
    if not AXE.is_file():
        absent("axe is not here: `make setup` brings it with the dashboard")
    locale = "zh-CN" if language == "zh" else "en-GB"
    at = f"#/architecture/{both}.1.2"
    page = open_page(at, color_scheme=theme, bypass_csp=True, locale=locale)
    opened(page, both)
    page.locator(".details [data-fact=order]").wait_for()
    page.add_script_tag(path=AXE)
    assert page.evaluate(RUN) == []


# How far the last thing in a box goes beyond it.
BELOW = """box => Math.max(...[...box.querySelectorAll(".line, .bar")].map(
  (one) => one.getBoundingClientRect().bottom)) - box.getBoundingClientRect().bottom"""


@pytest.mark.parametrize("width", [1024, 1600, 3840])
def test_nothing_is_cut_off(daemon: Daemon, both: str, open_page: Open, width: int) -> None:
    page = open_page(f"#/architecture/{both}.1.2", viewport={"width": width, "height": 1000})
    opened(page, both)
    wide = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    until(lambda: page.evaluate(wide) <= 0, daemon)
    for element in page.locator("nav.zoom a").all():
        at = element.bounding_box()
        assert at is not None
        assert at["x"] >= 0
        assert at["x"] + at["width"] <= width
    for kind in ("command-queue", "process"):
        for one in page.locator(f".box.kind-{kind}").all():
            assert one.evaluate(BELOW) <= 0, kind
