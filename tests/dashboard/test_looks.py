"""How each view looks: both themes and languages at three widths, against pictures that are kept.

In `make soak`, for it is not known yet whether other machines draw every letter the same.
`pytest tests/dashboard/test_looks.py --new-baselines` makes them anew; look at each of them then.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from PIL import Image

from tests.absent import absent
from tests.dashboard import likeness, stage
from tests.dashboard.moment import SHARED, TENANT, TRAIN, Moment

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_BASELINES = Path(__file__).with_name("baselines")
_LANGUAGES = ("en", "zh")
_THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_MOST_BYTES = 4 << 20  # of all that are kept
# Width, height, and the picture's scale: the widest are kept at half their size.
_SCREENS = ((1024, 1366, 1.0), (1920, 1080, 1.0), (3840, 2160, 0.5))


def architecture(page: Page) -> None:
    """The home page."""
    page.locator(f"[data-box='vgpu:{TRAIN}']").wait_for()


def grouped(page: Page) -> None:
    """By owner, as a tenant sees it: others' are no more than a sum."""
    architecture(page)
    page.locator(".tools label:nth-of-type(2) select").select_option("owner")
    page.locator(f"[data-box='group:owner:{TENANT}']").wait_for()


def details(page: Page) -> None:
    """All about a vGPU."""
    architecture(page)
    page.locator(f"[data-box='vgpu:{TRAIN}']").click()
    page.locator(".details .curve canvas").wait_for()
    page.locator(".details .events time").first.wait_for()
    page.locator(".details [data-spending]").wait_for()
    page.locator(".details .acts select").wait_for()


def what_if(page: Page) -> None:
    """A profile that was dragged onto a device, and doesn't fit."""
    architecture(page)
    page.locator(".profiles li").nth(1).drag_to(page.locator(f"[data-box='device:{SHARED}']"))
    page.locator(".what-if.misfits").wait_for()


def queues(page: Page) -> None:
    """One vGPU by its processes and their queues, of which one is chosen."""
    page.evaluate("at => { location.hash = at }", f"#/architecture/{TRAIN}.1.2")
    page.locator(f"[data-box='queue:1:2:{TRAIN}'].chosen").wait_for()
    page.locator(".details [data-fact=order]").wait_for()


def timeline(page: Page) -> None:
    """Who had a device."""
    page.evaluate("at => { location.hash = at }", f"#/timeline/{SHARED}")
    page.locator("[data-band]").first.wait_for()
    page.locator(".strip path:not([d=''])").first.wait_for()
    page.locator("[data-receipt]").first.wait_for()


def login(page: Page) -> None:
    """What who isn't logged in is told."""
    page.locator("pre").wait_for()


_VIEWS: dict[str, tuple[Moment | None, Callable[[Page], None]]] = {
    "architecture": (Moment(), architecture),
    "grouped": (Moment(TENANT), grouped),
    "details": (Moment(), details),
    "queues": (Moment(), queues),
    "what-if": (Moment(), what_if),
    "timeline": (Moment(), timeline),
    "login": (None, login),
}


@pytest.mark.soak
@pytest.mark.parametrize("screen", _SCREENS, ids=lambda screen: str(screen[0]))
@pytest.mark.parametrize("view", _VIEWS)
def test_it_looks_as_it_did(
    chromium: Browser,
    view: str,
    screen: tuple[int, int, float],
    tmp_path: Path,
    pytestconfig: pytest.Config,
) -> None:
    width, height, scale = screen
    moment, show = _VIEWS[view]
    context = chromium.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        locale="en-GB",
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    try:
        page = stage.set_up(context, moment)
        if lacking := stage.lacks(page):
            absent(f"fonts that the pictures are drawn with are not here: {', '.join(lacking)}")
        show(page)
        drawn: dict[str, Image.Image] = {}
        for language in _LANGUAGES:
            if language != _LANGUAGES[0]:
                page.locator(f"header button[lang={language}]").click()
            for theme in _THEMES:
                page.emulate_media(color_scheme=theme)
                page.mouse.move(width - 1, height - 1)
                drawn[_name(view, theme, language, width)] = likeness.opened(stage.at_rest(page))
    finally:
        context.close()
    if pytestconfig.getoption("--new-baselines"):
        for name, picture in drawn.items():
            likeness.keep(picture, _BASELINES / name)
        return
    unlike = [told for name, picture in drawn.items() if (told := _unlike(name, picture, tmp_path))]
    if unlike:
        where = f"what was drawn, and where it is unlike, is in {tmp_path}"
        pytest.fail("\n".join([*unlike, where]), pytrace=False)


def _unlike(name: str, drawn: Image.Image, folder: Path) -> str:
    """What is wrong with a picture, or nothing."""
    kept = _BASELINES / name
    if not kept.is_file():
        return f"{name} is not there to compare with: --new-baselines makes it"
    difference = likeness.compare(likeness.opened(kept.read_bytes()), drawn)
    if difference.alike:
        return ""
    drawn.save(folder / name)
    if difference.where is not None:
        difference.where.save(folder / f"unlike-{name}")
    return f"{name}: {difference.pixels} pixels ({difference.share:.3%}) are unlike"


def _name(view: str, theme: str, language: str, width: int) -> str:
    return f"{view}-{theme}-{language}-{width}.png"


def test_there_is_a_picture_of_each_view_and_no_other_and_they_are_small() -> None:
    expected = {
        _name(view, theme, language, width)
        for view, theme, language, (width, _, _) in product(_VIEWS, _THEMES, _LANGUAGES, _SCREENS)
    }
    files = list(_BASELINES.iterdir())
    assert {file.name for file in files} == expected
    assert sum(file.stat().st_size for file in files) <= _MOST_BYTES
