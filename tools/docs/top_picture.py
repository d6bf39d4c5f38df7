"""The picture of `aliquot top`: its own screen, with made-up devices and vGPUs."""

from __future__ import annotations

import asyncio
import re
from xml.etree import ElementTree

from aliquot.tui.app import TopApp
from tests.fakes.top_source import MadeUpSource

_SIZE = (110, 30)


def draw() -> str:
    """The screen as SVG, without the web fonts that textual's own would ask for."""
    return re.sub(r"\s*@font-face \{.*?\}", "", asyncio.run(_screenshot()), flags=re.DOTALL) + "\n"


def redrawn(kept: str) -> str:
    """The picture that is kept, as long as what can be read in it is what is drawn now.

    Versions of textual draw the same a little differently; that alone makes no picture stale.
    """
    drawn = draw()
    return kept if kept and text_of(kept) == text_of(drawn) else drawn


def text_of(picture: str) -> list[str]:
    """What can be read in a picture."""
    root = ElementTree.fromstring(picture)
    return [
        "".join(node.itertext()).strip() for node in root.iter("{http://www.w3.org/2000/svg}text")
    ]


async def _screenshot() -> str:
    app = TopApp(MadeUpSource, interval=3600, utf8=True, clock=lambda: "12:00:00")
    async with app.run_test(size=_SIZE) as pilot:
        for _ in range(10):  # so many looks are needed to judge a promise
            await app.look().wait()
        app.vgpus.choose_key("serve")
        await pilot.pause()
        await app.workers.wait_for_complete(list(app.workers))
        await pilot.pause()
        return app.export_screenshot(title="aliquot top")
