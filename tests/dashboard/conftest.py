"""A real browser (Debian's Chromium) on the dashboard of a real `aliquot serve`."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.absent import absent
from tests.system.compiled import compile_program
from tests.system.daemon import Daemon
from tools.programs.drivers import all_drivers

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

INVENTORY = """\
version: 1
nodes:
  - name: planned
    devices:
      - id: gpu
        name: NVIDIA A100-SXM4-80GB
        memory: 80GiB
        modes: [remoting, passthrough, mig]
        load: {use: 60, swing: 30, period: 60s, memory: 20GiB}
        vgpus:
          - {name: hard, mode: mig, memory: 20GiB, compute: 28, tenant: b}
          - {name: whole, mode: passthrough, memory: 20GiB, compute: 20, tenant: c}
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One a module: while Playwright is on, this thread counts as one with a running event loop,
    where no test that comes later could start its own.
    """
    path = shutil.which("chromium")
    if path is None:
        absent("Chromium is not installed here (Debian's package chromium)")
    from playwright.sync_api import sync_playwright

    # Letters are drawn alike everywhere, not as the screen would have them.
    arguments = ["--font-render-hinting=none", "--disable-lcd-text", "--force-color-profile=srgb"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # root's can't have one
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session", autouse=True)
def _dashboard_was_built() -> None:
    if not resources.files("aliquot").joinpath("dashboard/index.html").is_file():
        absent("the dashboard is not built: `make setup` does that")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """On all OpenCL drivers, with a simulated device; the module's tests share it."""
    inventory = tmp_path_factory.mktemp("inventory") / "planned.yaml"
    inventory.write_text(INVENTORY)
    made = Daemon(all_drivers(), "--listen", "127.0.0.1:0", "--inventory", str(inventory))
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def load(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that computes as long as it is told."""
    return compile_program("load", tmp_path_factory.mktemp("programs"))


@pytest.fixture(scope="session")
def enduring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that can be moved, and checks its results."""
    return compile_program("enduring", tmp_path_factory.mktemp("programs"))


@pytest.fixture
def open_page(chromium: Browser, daemon: Daemon) -> Iterator[Callable[..., Page]]:
    """Opens the dashboard by a login link; at the end no page has complained of anything.

    What the browser itself says of requests that failed is no complaint of ours.
    """
    complaints: list[str] = []
    contexts: list[Any] = []

    def noted(kind: str, text: str) -> None:
        if "Failed to load resource" not in text:
            complaints.append(f"{kind}: {text}")

    def open_one(at: str = "", token: str | None = None, **options: Any) -> Page:
        options.setdefault("viewport", {"width": 1600, "height": 1000})
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda told: noted(told.type, told.text))
        page.on("pageerror", lambda error: noted("error", str(error)))
        page.on("dialog", lambda dialog: noted("dialog", dialog.message))
        link = login_link(daemon, token)
        page.goto(link)
        page.get_by_test_id("picture").wait_for()
        if at:
            page.evaluate("at => { location.hash = at }", at)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


def login_link(daemon: Daemon, token: str | None = None) -> str:
    """A link that is good once, for this user or for the holder of a token."""
    from aliquot.client.rest import Client
    from aliquot.client.rest.address import Address

    address = Address(str(daemon.folder / "run" / "api.sock"))
    with Client(address, token=token) as client:
        told = client.tokens.invite()
    return f"{told.address}/#login={told.code}"


def until(found: Callable[[], object], daemon: Daemon, seconds: float = 60) -> float:
    """Wait for something; returns after how many seconds it was so."""
    began = time.monotonic()
    while not found():
        assert time.monotonic() - began < seconds, daemon.log[-4000:]
        time.sleep(0.02)
    return time.monotonic() - began
