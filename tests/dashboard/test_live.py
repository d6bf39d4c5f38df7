"""How soon two browsers see each other's changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from aliquot.model.api.vgpus import VgpuWanted
from tests.dashboard.conftest import until
from tests.quiet import Quiet
from tests.system.daemon import Daemon

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.performance

Open = Callable[..., "Page"]
_SECONDS = 1.0
_ATTEMPTS = 5


def test_two_browsers_see_each_others_changes_within_a_second(
    daemon: Daemon, open_page: Open
) -> None:
    """From the press of the button in one until the other's picture has the new share."""
    with daemon.client() as client:
        made = client.vgpus.create(VgpuWanted(name="both", memory=1 << 24, device="0"))
    first, second = open_page(), open_page()
    for page in (first, second):
        page.locator(f"[data-box='vgpu:{made.id}']").click()
        page.get_by_role("slider", name="guaranteed").wait_for()
    took: list[float] = []
    quiet = Quiet()
    for attempt in range(_ATTEMPTS):
        with quiet:
            there = _seen(daemon, first, second, made.id, 2 * attempt + 1)
            back = _seen(daemon, second, first, made.id, 2 * attempt + 2)
        took.append(max(there, back))
        print(
            f"seen by the other browser after {there:.2f} s, and the other way after {back:.2f} s"
        )
        if took[-1] <= _SECONDS:
            return
    quiet.missed(f"a change was seen by the other browser after {min(took):.2f} s at best")


def _seen(daemon: Daemon, one: Page, other: Page, vgpu: str, share: int) -> float:
    """Seconds until a browser shows the share that another one has set, one more than before."""
    slider = one.get_by_role("slider", name="guaranteed")
    # It comes beside the picture: what is asked for by one that is older would be refused.
    until(lambda: slider.input_value() == str(share - 1), daemon)
    slider.fill(str(share))
    shown = other.locator(f"[data-box='vgpu:{vgpu}']").get_by_text(f"{share} % promised")
    one.get_by_role("button", name="change the size").click()
    return until(shown.is_visible, daemon)
