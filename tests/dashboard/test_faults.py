"""What a page does when the daemon or the way to it fails, and what names can do to it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

from aliquot.model.access_token import Role
from aliquot.model.api.node import TokenWanted
from aliquot.model.api.vgpus import LeaseWanted, VgpuWanted
from tests.dashboard.conftest import login_link, until
from tests.system.daemon import Daemon

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Open = Callable[..., "Page"]


def test_a_cut_connection_is_shown_as_one(daemon: Daemon, open_page: Open) -> None:
    page = open_page()
    fresh = page.locator(".tools .fresh")
    assert "late" not in (fresh.get_attribute("class") or "")
    page.context.set_offline(True)
    until(lambda: "late" in (fresh.get_attribute("class") or ""), daemon)
    assert "not live" in fresh.inner_text()
    assert page.locator(".canvas.late").count() == 1
    page.context.set_offline(False)
    until(lambda: "late" not in (fresh.get_attribute("class") or ""), daemon)


def test_a_slow_connection_is_shown_as_one(daemon: Daemon, open_page: Open) -> None:
    page = open_page()
    session = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 8000, "downloadThroughput": -1, "uploadThroughput": -1}
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", slow)
    fresh = page.locator(".tools .fresh")
    until(lambda: "late" in (fresh.get_attribute("class") or ""), daemon)
    session.send("Network.emulateNetworkConditions", slow | {"latency": 0})
    until(lambda: "late" not in (fresh.get_attribute("class") or ""), daemon)


def test_the_page_recovers_when_the_daemon_is_back(daemon: Daemon, open_page: Open) -> None:
    # On the same port, as a service is.
    port = login_link(daemon).partition("/#")[0].rpartition(":")[2]
    daemon.options = tuple(
        f"127.0.0.1:{port}" if option.startswith("127.0.0.1:") else option
        for option in daemon.options
    )
    page = open_page()
    fresh = page.locator(".tools .fresh")
    daemon.kill()
    until(lambda: "late" in (fresh.get_attribute("class") or ""), daemon)
    daemon.start()
    until(lambda: "late" not in (fresh.get_attribute("class") or ""), daemon)
    with daemon.client() as client:
        made = client.vgpus.create(VgpuWanted(name="after", memory=1 << 20, device="0"))
    page.locator(f"[data-box='vgpu:{made.id}']").wait_for()
    with daemon.client() as client:
        client.vgpus.delete("after")


def test_nobody_is_told_how_to_log_in(chromium: Browser, daemon: Daemon) -> None:
    address = login_link(daemon).partition("#")[0]
    context = chromium.new_context()
    try:
        page = context.new_page()
        page.goto(address)
        page.get_by_text("aliquot ui").wait_for()
        page.goto(f"{address}#login={'x' * 43}")
        page.reload()
        page.get_by_text("aliquot ui").wait_for()
    finally:
        context.close()


def test_a_link_is_good_once_and_leaves_no_trace(
    chromium: Browser, daemon: Daemon, open_page: Open
) -> None:
    link = login_link(daemon)
    context = chromium.new_context()
    try:
        page = context.new_page()
        page.goto(link)
        page.get_by_test_id("picture").wait_for()
        assert "login" not in page.url
        assert page.evaluate("() => document.cookie") == ""  # no script can read it
        page.get_by_role("button", name="log out").click()
        page.get_by_text("aliquot ui").wait_for()
        page.goto(link)
        page.reload()
        page.get_by_text("aliquot ui").wait_for()
    finally:
        context.close()


def test_what_users_call_things_is_text(daemon: Daemon, open_page: Open) -> None:
    """Names of processes, which may be anything; those of vGPUs and labels the API bounds."""
    program = subprocess.Popen(["sleep", "600"])
    with daemon.client() as client:
        made = client.vgpus.create(VgpuWanted(name="probe", memory=1 << 20, device="0"))
        client.leases.begin("probe", LeaseWanted(process_id=program.pid, name="<b onclick=x>"))
    page = open_page()
    page.locator(f"[data-box='vgpu:{made.id}']").click()
    page.locator(".details li", has_text="<b onclick=x>").wait_for()
    page.locator(".box.kind-process", has_text="<b onclick=x>").wait_for()
    page.wait_for_timeout(1500)
    assert page.locator(".details img, .details b, .box b, .box img").count() == 0
    assert page.evaluate("() => document.scripts.length") == 1
    page.evaluate("() => { location.hash = '#/timeline' }")
    page.locator(".timeline").wait_for()
    page.wait_for_timeout(500)
    program.terminate()
    program.wait(60)


def test_labels_stand_apart_from_facts(daemon: Daemon, open_page: Open) -> None:
    """Who calls a label as a fact is called makes nobody believe that it is one."""
    label = {"state": "suspended", "owner": "somebody-else"}
    with daemon.client() as client:
        made = client.vgpus.create(
            VgpuWanted(name="labelled", memory=1 << 20, device="0", labels=label)
        )
        page = open_page()
        page.locator(f"[data-box='vgpu:{made.id}']").click()
        page.locator(".details [data-label=state]").wait_for()
        assert page.locator(".details [data-fact=state]").all_inner_texts() == ["ready"]
        assert page.locator(".details [data-fact=owner]").all_inner_texts() == [made.tenant]
        assert page.locator(".details [data-label]").all_inner_texts() == list(label.values())
        client.vgpus.delete("labelled")


def test_any_address_shows_a_page(daemon: Daemon, open_page: Open) -> None:
    page = open_page()
    for at in ("#/timeline/%", "#/timeline/nowhere", "#/nowhere/%E0%A4%A", "#//", "#/modes/none"):
        page.evaluate("at => { location.hash = at }", at)
        page.locator("main .architecture, main .timeline, main .explain").first.wait_for()


def test_an_act_is_offered_only_where_it_would_be_done(daemon: Daemon, open_page: Open) -> None:
    """Of a user whose token is narrowed to reading, as of a viewer."""
    with daemon.client() as client:
        made = client.vgpus.create(VgpuWanted(name="seen", memory=1 << 20, device="0"))
        wanted = TokenWanted(name="reads", role=Role.ADMIN, scope=["*:read", "tokens:write"])
        secret = client.tokens.create(wanted).secret
        page = open_page(token=secret)
        page.locator(f"[data-box='vgpu:{made.id}']").click()
        page.locator(".details [data-fact=state]").wait_for()
        assert page.locator(".acts").count() == 0
        client.vgpus.delete("seen")
