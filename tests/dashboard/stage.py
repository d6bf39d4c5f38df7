"""The built dashboard in a browser, on a moment that stands still: no daemon, clock or network."""

from __future__ import annotations

import mimetypes
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from aliquot.model.api.common import Problem
from tests.dashboard.moment import NOW_MS, Moment, encoded

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Route

_ADDRESS = "http://dashboard.test"
# Fonts that the test packages bring; the page's own first choice differs from machine to machine.
FONTS = ("DejaVu Sans", "Noto Sans CJK SC")
_STILL = f"""
*, *::before, *::after {{
  transition: none !important; animation: none !important; caret-color: transparent !important;
}}
*:not(pre) {{ font-family: {", ".join(repr(font) for font in FONTS)} !important; }}
pre {{ font-family: "DejaVu Sans Mono" !important; }}
"""
_NOBODY = Problem(type="", title="No credentials", status=401, detail="", code="ALQ-E401")


def set_up(context: BrowserContext, moment: Moment | None) -> Page:
    """A page of the dashboard in a new context; without a moment nobody is logged in."""

    def answered(route: Route) -> None:
        where = urlsplit(route.request.url)
        if where.path.startswith("/api/v1/watch"):
            route.fulfill(status=200, content_type="text/event-stream", body="")
        elif where.path.startswith("/api/v1/"):
            if moment is None:
                route.fulfill(status=401, body=encoded(_NOBODY))
                return
            path, query = where.path.removeprefix("/api/v1"), dict(parse_qsl(where.query))
            route.fulfill(content_type="application/json", body=encoded(moment.answer(path, query)))
        else:
            _serve(route, where.path)

    context.route("**/*", answered)
    page = context.new_page()
    page.clock.set_fixed_time(NOW_MS / 1000)
    page.goto(_ADDRESS)
    page.add_style_tag(content=_STILL)
    return page


def _serve(route: Route, path: str) -> None:
    name = path.strip("/") or "index.html"
    file = resources.files("aliquot").joinpath("dashboard").joinpath(*name.split("/"))
    if not file.is_file():
        route.fulfill(status=404)
        return
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    route.fulfill(content_type=kind, body=file.read_bytes())


# How wide a text is in a font; where it isn't there, that is as wide as in the other.
_WIDTH = """font => {
  const draw = document.createElement("canvas").getContext("2d");
  const wide = (family) => {
    draw.font = `40px ${family}`;
    return draw.measureText("Wml 显存").width;
  };
  return ["serif", "monospace"].some((other) => wide(`"${font}", ${other}`) !== wide(other));
}"""


def lacks(page: Page) -> list[str]:
    """The fonts that are not on this machine."""
    return [font for font in FONTS if not page.evaluate(_WIDTH, font)]


# What is drawn in a frame may ask for another one, as fitting the picture into its place does: so
# it isn't time that is waited for, which may be too short on a busy machine, but frames.
_FRAMES = """async () => {
  for (let frame = 0; frame < 6; frame += 1) await new Promise(requestAnimationFrame);
}"""


def at_rest(page: Page) -> bytes:
    """A picture of the page once it changes no more."""
    page.evaluate("() => document.fonts.ready")
    before = b""
    for _ in range(40):
        page.evaluate(_FRAMES)
        now = page.screenshot(animations="disabled", caret="hide")
        if now == before:
            return now
        before = now
        page.wait_for_timeout(150)
    raise AssertionError("the page doesn't come to rest")
