"""The live picture shows what the API tells, all of it and to scale; its few acts are done."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from aliquot import words
from aliquot.model.access_token import Role
from aliquot.model.api.devices import PriorityMixWanted
from aliquot.model.api.node import TokenWanted
from aliquot.model.api.picture import Picture
from aliquot.model.api.vgpus import ProfileWanted, VgpuChange, VgpuWanted
from tests.absent import absent
from tests.dashboard.conftest import until
from tests.system.daemon import Daemon

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

MIB = 1 << 20
Open = Callable[..., "Page"]


@pytest.fixture(scope="module")
def busy(daemon: Daemon, load: Path) -> Iterator[str]:
    """A vGPU that a program computes on, and one that nobody uses; the id of the first."""
    with daemon.client() as client:
        made = client.vgpus.create(
            VgpuWanted(name="busy", memory=256 * MIB, compute=40, device="0")
        )
        client.vgpus.create(VgpuWanted(name="idle", memory=128 * MIB, compute=10, device="0"))
        client.profiles.put("small", ProfileWanted(memory=64 * MIB, compute=5))
        client.profiles.put("giant", ProfileWanted(memory=1 << 50))
        program = daemon.popen(
            "exec", "busy", "--quiet", "--", str(load), "600", stdout=subprocess.DEVNULL
        )
        until(lambda: client.vgpus.show("busy").measured.get("consumed", 0) > 20, daemon)
    yield made.id
    program.terminate()
    program.wait(60)


def picture_of(daemon: Daemon) -> Picture:
    with daemon.client() as client:
        return client.diagram.show()


def box(page: Page, name: str) -> Locator:
    return page.locator(f"[data-box='{name}']")


DRAWN = """() => ({
  boxes: Object.fromEntries([...document.querySelectorAll("[data-box]")].map((box) => {
    const node = box.closest(".react-flow__node");
    const at = new DOMMatrix(getComputedStyle(node).transform);
    return [box.dataset.box, [at.e, at.f, node.offsetWidth, node.offsetHeight]];
  })),
  edges: Object.fromEntries([...document.querySelectorAll("[data-edge]")].map(
    (edge) => [edge.dataset.edge, edge.getAttribute("d")])),
})"""


def test_browser_svg_and_api_have_the_same_boxes_and_edges(
    daemon: Daemon, busy: str, open_page: Open
) -> None:
    page = open_page()
    picture = picture_of(daemon)
    expected = {box.id: [box.x, box.y, box.width, box.height] for box in picture.boxes}
    until(lambda: page.evaluate(DRAWN)["boxes"] == expected, daemon)
    drawn = page.evaluate(DRAWN)
    ways = {edge.id: "M" + "L".join(f"{x} {y}" for x, y in edge.points) for edge in picture.edges}
    assert drawn["edges"] == ways
    done = daemon.run("diagram", "--theme", "light")
    root = ElementTree.fromstring(done.stdout)
    svg = "{http://www.w3.org/2000/svg}"
    of_file = {
        group.get("id"): [int(next(group.iter(f"{svg}rect")).get(k, "")) for k in _PLACE]
        for group in root.iter(f"{svg}g")
        if group.get("id")
    }
    assert of_file == expected
    assert {
        path.get("id"): path.get("d") for path in root.iter(f"{svg}path") if path.get("id")
    } == ways


_PLACE = ("x", "y", "width", "height")


def test_every_number_is_the_api_s(daemon: Daemon, busy: str, open_page: Open) -> None:
    page = open_page()
    box(page, f"vgpu:{busy}").wait_for()
    seen: list[Any] = []
    page.on("response", lambda answer: seen.append(answer) if "/diagram" in answer.url else None)
    until(lambda: len(seen) > 2 or page.wait_for_timeout(50), daemon)
    # Stand still: what is drawn then has to be what was told last.
    page.context.set_offline(True)
    page.wait_for_timeout(1500)
    told = json.loads([answer for answer in seen if answer.ok][-1].body())
    for one in told["boxes"]:
        if one["kind"] in ("node", "mode"):
            continue
        said = [words.say("en", line["key"], line.get("values", {})) for line in _lines(one)]
        text = box(page, one["id"]).inner_text()
        for words_of in said:
            assert " ".join(words_of.split()) in " ".join(text.split()), one["id"]
    page.context.set_offline(False)


def _lines(one: dict[str, Any]) -> list[dict[str, Any]]:
    return [one["title"], *one.get("lines", [])]


PIXELS = """box => [...box.querySelectorAll("[data-bar]")].map((bar) => {
  const track = bar.querySelector(".track");
  const long = (part) => part.getBoundingClientRect().width;
  return {
    kind: bar.dataset.bar,
    track: track.clientWidth * long(track) / track.offsetWidth,
    promised: Object.fromEntries([...track.querySelectorAll("[data-promised]")].map(
      (part) => [part.dataset.promised, long(part)])),
  };
})"""


def test_shares_are_drawn_to_scale(daemon: Daemon, busy: str, open_page: Open) -> None:
    page = open_page()
    box(page, f"vgpu:{busy}").wait_for()
    for one in picture_of(daemon).boxes:
        if one.kind != "device":
            continue
        drawn = {bar["kind"]: bar for bar in box(page, one.id).evaluate(PIXELS)}
        for bar in one.bars:
            track = drawn[bar.kind]["track"]
            for part in bar.parts:
                long = drawn[bar.kind]["promised"][part.vgpu]
                assert long == pytest.approx(track * part.promised / bar.total, abs=1), part


def test_two_browsers_see_each_others_changes(daemon: Daemon, busy: str, open_page: Open) -> None:
    one, other = open_page(), open_page()
    with daemon.client() as client:
        idle = client.vgpus.show("idle").id
    for page in (one, other):
        box(page, f"vgpu:{idle}").wait_for()
    box(one, f"vgpu:{idle}").click()
    one.get_by_role("button", name="suspend", exact=True).click()
    one.get_by_role("button", name="yes").click()
    shown = box(other, f"vgpu:{idle}").get_by_text("suspended")
    until(lambda: daemon_state(daemon, "idle") == "suspended", daemon)
    until(lambda: shown.is_visible(), daemon)  # how soon: test_live.py
    one.get_by_role("button", name="resume", exact=True).click()
    until(lambda: daemon_state(daemon, "idle") == "ready", daemon)
    until(lambda: not shown.is_visible(), daemon)


def daemon_state(daemon: Daemon, name: str) -> str:
    with daemon.client() as client:
        return client.vgpus.show(name).state.value


def test_where_the_time_of_programs_goes_now(daemon: Daemon, busy: str, open_page: Open) -> None:
    """Of a program that does nothing but compute: kernels, and waiting for them."""
    page = open_page()
    box(page, f"vgpu:{busy}").click()
    spending = page.locator(f"[data-spending='{busy}']")
    spending.wait_for()

    def shares() -> dict[str, float]:
        told = [one.inner_text().split() for one in spending.locator("[data-part]").all()]
        return {" ".join(words_of[:-2]): float(words_of[-2]) for words_of in told}

    until(lambda: shares().get("own kernels", 0) > 20, daemon)
    assert sum(shares().values()) == pytest.approx(100, abs=1)


def test_resizing_with_the_slider(daemon: Daemon, busy: str, open_page: Open) -> None:
    page = open_page()
    with daemon.client() as client:
        idle = client.vgpus.show("idle")
        box(page, f"vgpu:{idle.id}").click()
        slider = page.get_by_role("slider", name="guaranteed")
        slider.fill("17")
        page.get_by_role("button", name="change the size").click()
        until(lambda: client.vgpus.show("idle").compute == 17, daemon)
        box(page, f"vgpu:{idle.id}").get_by_text("17 % promised").wait_for()
        # What can't be is said, with its code, and nothing has changed.
        page.get_by_role("slider", name="guaranteed").fill("100")
        page.get_by_role("button", name="change the size").click()
        page.locator(".outcome").get_by_text("ALQ-E").wait_for()
        assert client.vgpus.show("idle").compute == 17
        client.vgpus.change("idle", VgpuChange(compute=10))


def test_a_slider_that_was_moved_stays_whatever_others_do(
    daemon: Daemon, busy: str, open_page: Open
) -> None:
    page = open_page()
    with daemon.client() as client:
        idle = client.vgpus.show("idle")
        box(page, f"vgpu:{idle.id}").click()
        guaranteed = page.get_by_role("slider", name="guaranteed")
        memory = page.get_by_role("slider", name="memory")
        guaranteed.fill("19")
        other = idle.memory + 16 * MIB
        client.vgpus.change("idle", VgpuChange(compute=12, memory=other))
        until(lambda: memory.input_value() == str(other), daemon)  # one that was not moved follows
        assert guaranteed.input_value() == "19"
        page.get_by_role("button", name="change the size").click()
        until(lambda: client.vgpus.show("idle").compute == 19, daemon)
        until(page.get_by_role("button", name="change the size").is_disabled, daemon)
        client.vgpus.change("idle", VgpuChange(compute=10, memory=idle.memory))
        until(lambda: guaranteed.input_value() == "10", daemon)  # it has what it asked for


def test_what_was_begun_for_one_vgpu_is_not_done_to_another(
    daemon: Daemon, busy: str, open_page: Open
) -> None:
    page = open_page()
    with daemon.client() as client:
        idle = client.vgpus.show("idle")
        own = client.vgpus.show("busy")
    guaranteed = page.get_by_role("slider", name="guaranteed")
    for vgpu in (busy, idle.id, busy):  # both have been read by then
        box(page, f"vgpu:{vgpu}").click()
        guaranteed.wait_for()
    guaranteed.fill(str(int(own.compute) + 7))
    box(page, f"vgpu:{idle.id}").click()
    until(lambda: guaranteed.input_value() == str(int(idle.compute)), daemon)
    assert page.get_by_role("button", name="change the size").is_disabled()


def test_moving_while_it_computes(daemon: Daemon, enduring: Path, open_page: Open) -> None:
    with daemon.client() as client:
        real = [device for device in client.devices.list().items if not device.simulated]
        if len(real) < 2:
            absent("one OpenCL driver is not enough to move from one to another")
        wanted = VgpuWanted(name="going", memory=64 * MIB, device="0", movable=True)
        made = client.vgpus.create(wanted)
        target = next(one for one in real if one.uuid != made.device)
        command = ("exec", "going", "--quiet", "--", str(enduring), "600")
        program = daemon.popen(*command, stdout=subprocess.PIPE)
        assert program.stdout
        assert program.stdout.readline() == "working\n"
        page = open_page()
        box(page, f"vgpu:{made.id}").click()
        page.get_by_label("move to").select_option(target.uuid)
        page.get_by_role("button", name="move", exact=True).click()
        until(lambda: client.vgpus.show("going").device == target.uuid, daemon)
        column = box(page, f"device:{target.uuid}")
        column.locator(f"[data-bar=memory] [data-promised='{made.id}']").wait_for()
        program.terminate()
        assert program.wait(60) == 0  # its results were right
        client.vgpus.delete("going")


@pytest.mark.parametrize(("profile", "fits"), [("small", True), ("giant", False)])
def test_what_if(daemon: Daemon, busy: str, open_page: Open, profile: str, fits: bool) -> None:
    page = open_page()
    before = picture_of(daemon).sequence
    device = next(one for one in picture_of(daemon).boxes if one.kind == "device")
    row = page.locator(".profiles li", has_text=profile)
    row.drag_to(box(page, device.id))
    answer = page.locator(".what-if")
    answer.wait_for()
    until(lambda: "fits" in (answer.get_attribute("class") or ""), daemon)
    assert ("misfits" in (answer.get_attribute("class") or "")) is not fits
    with daemon.client() as client:
        assert not [one for one in client.vgpus.list().items if one.name == "what-if"]
    assert picture_of(daemon).sequence >= before


def test_filters_search_and_opening(daemon: Daemon, busy: str, open_page: Open) -> None:
    page = open_page()
    page.get_by_label(re.compile("^Owner")).select_option("b")
    until(lambda: box(page, f"vgpu:{busy}").count() == 0, daemon)
    assert page.locator("[data-box^='vgpu:']").count() == 1
    page.get_by_label(re.compile("^Owner")).select_option("")
    box(page, f"vgpu:{busy}").wait_for()
    page.get_by_label("Group by").select_option("owner")
    box(page, "group:owner:b").wait_for()
    page.get_by_label("Group by").select_option("node")
    page.get_by_label("Draw as one").select_option("all")
    until(lambda: page.locator("[data-box^='vgpu:']").count() == 0, daemon)
    whole = page.locator("[data-box^='vgpus:']").first
    assert "vGPUs" in whole.inner_text()
    page.get_by_label("Draw as one").select_option("none")
    page.get_by_role("searchbox").fill("idle")
    until(lambda: page.locator(".box.found").count() >= 1, daemon)


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
@pytest.mark.parametrize("group", ["node", "owner", "mode"])
def test_groups_are_opened_and_closed(
    daemon: Daemon, busy: str, open_page: Open, group: str, by: str
) -> None:
    page = open_page()
    page.get_by_label("Group by").select_option(group)
    page.get_by_label("Draw as one").select_option("all")
    until(lambda: page.locator("[data-box^='vgpu:']").count() == 0, daemon)
    whole = page.locator("[data-box^='vgpus:']").first
    whole.wait_for()
    if by == "mouse":
        whole.dblclick()
    else:
        node = page.locator("[data-id^='vgpus:']").first
        node.focus()
        page.keyboard.press("Enter")
    page.locator("[data-box^='vgpu:']").first.wait_for()
    opened = page.locator("[data-box^='vgpu:']").count()
    if by == "mouse":
        return
    # The keyboard's place is now on what stays: there, Enter draws them as one again.
    page.keyboard.press("Enter")
    until(lambda: page.locator("[data-box^='vgpu:']").count() < opened, daemon)


def test_groups_of_owners_with_any_name_are_opened(daemon: Daemon, open_page: Open) -> None:
    with daemon.client() as client:
        made = client.vgpus.create(
            VgpuWanted(name="theirs", memory=16 * MIB, device="0", tenant="a, b/显存%2C")
        )
        page = open_page()
        page.get_by_label("Group by").select_option("owner")
        page.get_by_label("Draw as one").select_option("all")
        page.locator("[data-box^='vgpus:owner:a, b']").dblclick()
        page.locator("[data-box^='vgpu:']").get_by_text("theirs").wait_for()
        client.vgpus.delete(made.id)


def test_modes_that_cannot_be_are_grey_with_the_reason(
    daemon: Daemon, busy: str, open_page: Open
) -> None:
    page = open_page()
    for one in picture_of(daemon).boxes:
        if one.kind == "mode":
            drawn = box(page, one.id)
            assert ("look-absent" in (drawn.get_attribute("class") or "")) == (one.look == "absent")
            assert one.reason in (drawn.get_attribute("title") or "")


def test_a_device_tells_which_priority_classes_share_it(daemon: Daemon, open_page: Open) -> None:
    page = open_page()
    mix = page.locator(".details [data-fact=mix-of]")
    with daemon.client() as client:
        uuid = client.devices.show("0").uuid
        page.locator(f"[data-box='device:{uuid}'] strong").click()
        page.locator(".details [data-fact=policy-of]").wait_for()
        assert mix.count() == 0  # any may
        wanted = PriorityMixWanted(mix={"latency:batch": 0, "latency:latency": 1})
        client.devices.set_priority_mix(uuid, wanted)
        mix.wait_for()
        assert (
            mix.inner_text() == "beside latency at most 0 batch; beside latency at most 1 latency"
        )
        client.devices.set_priority_mix(uuid, PriorityMixWanted(mix={}))
        mix.wait_for(state="detached")


def test_a_viewer_sees_no_act(daemon: Daemon, busy: str, open_page: Open) -> None:
    with daemon.client() as client:
        wanted = TokenWanted(name="viewer", role=Role.VIEWER)
        secret = client.tokens.create(wanted).secret
    page = open_page(token=secret)
    box(page, f"vgpu:{busy}").click()
    page.locator(".details [data-fact=state]").wait_for()
    assert page.locator(".acts").count() == 0


def test_keyboard(daemon: Daemon, busy: str, open_page: Open) -> None:
    page = open_page()
    box(page, f"vgpu:{busy}").wait_for()
    page.locator(f"[data-id='vgpu:{busy}']").focus()
    page.keyboard.press("Enter")
    page.locator(f".details[data-subject='{busy}']").wait_for()


def test_both_languages_and_themes(daemon: Daemon, busy: str, open_page: Open) -> None:
    page = open_page(color_scheme="dark")
    paper = "() => getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(paper) == "rgb(18, 22, 28)"
    page.get_by_label("Colours").select_option("light")
    until(lambda: page.evaluate(paper) == "rgb(255, 255, 255)", daemon)
    page.get_by_role("button", name="中文").click()
    page.get_by_text("使用者").first.wait_for()
    assert page.evaluate("() => document.documentElement.lang") == "zh"
    left = page.evaluate("() => document.body.innerText")
    assert not re.search(r"Consumers|Virtualization|promised", left)
    page.reload()
    page.get_by_text("使用者").first.wait_for()
    page.get_by_role("button", name="English").click()
