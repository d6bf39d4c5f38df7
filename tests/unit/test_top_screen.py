"""The screen of `aliquot top`, with a made-up source: what is in it, and what its keys do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from aliquot.errors import StoreFull
from aliquot.model.shares import PriorityClass, Shares
from aliquot.tui.app import TopApp
from aliquot.tui.bars import Pen
from aliquot.tui.columns import size
from aliquot.tui.dialogs import Confirm, Resize
from aliquot.tui.grid import Grid
from aliquot.tui.source import NewSize
from aliquot.tui.view import Screenful
from tests.fakes.top_source import GIB, MadeUpSource, screenful, vgpu

NARROW, WIDE = (80, 24), (200, 60)


class Screen:
    """A running screen."""

    def __init__(self, app: TopApp, pilot: Pilot[Any], source: MadeUpSource) -> None:
        self.app = app
        self.pilot = pilot
        self.source = source

    def lines(self, pane: Grid[Any]) -> list[str]:
        """What stands in a pane, line by line."""
        found = [pane.render_line(y).text.rstrip() for y in range(pane.size.height)]
        return [line for line in found if line]

    def row(self, name: str) -> str:
        """The line of a vGPU."""
        (line,) = [line for line in self.lines(self.app.vgpus) if line.startswith(name)]
        return line

    @property
    def order(self) -> list[str]:
        """The vGPUs from top to bottom."""
        return [row.name for row in self.app.vgpus.rows]

    def said(self, where: str = "#foot") -> str:
        return str(self.app.query_one(where, Static).render())

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is being looked at or done any more."""
        await self.app.workers.wait_for_complete(list(self.app.workers))
        await self.pilot.pause()

    async def choose(self, name: str) -> None:
        self.app.vgpus.choose_key(name)
        await self.settle()


@contextlib.asynccontextmanager
async def running(
    source: MadeUpSource | None = None, at: tuple[int, int] = NARROW, *, utf8: bool = True
) -> AsyncIterator[Screen]:
    told = source or MadeUpSource()
    # Looks are made when the test wants one.
    app = TopApp(lambda: told, interval=3600, utf8=utf8)
    async with app.run_test(size=at) as pilot:
        screen = Screen(app, pilot, told)
        await screen.settle()
        yield screen


def on_screen(
    test: Callable[[Screen], Awaitable[None]],
    source: MadeUpSource | None = None,
    at: tuple[int, int] = NARROW,
    *,
    utf8: bool = True,
) -> None:
    async def body() -> None:
        async with running(source, at, utf8=utf8) as screen:
            await test(screen)

    asyncio.run(asyncio.wait_for(body(), 120))


@pytest.mark.parametrize("at", [NARROW, WIDE], ids=["80x24", "200x60"])
def test_all_that_matters_is_there_at_every_size(at: tuple[int, int]) -> None:
    async def test(screen: Screen) -> None:
        devices = screen.lines(screen.app.devices)
        assert devices[0].split()[:3] == ["#^", "device", "use"]
        assert "37%" in devices[1]
        assert "best-effort" in devices[1]
        assert "simulated" in devices[2]
        assert "287 W" in devices[2]
        assert devices[3].startswith("2  LOST GeForce")
        titles = screen.lines(screen.app.vgpus)[0]
        for title in ("vGPU^", "owner", "dev", "memory/quota", "share/promise", "wait", "prio"):
            assert title in titles
        train = screen.row("train")
        for part in ("alice", " 1 ", "11G/12G", "51%/50", "41%", "normal", "leased", "█", "│"):
            assert part in train
        assert "18%/30 " in screen.row("serve")
        assert "suspended" in screen.row("parked")
        assert "python3 train.py" in screen.lines(screen.app.processes)[1]
        for pane in (screen.app.devices, screen.app.vgpus, screen.app.processes):
            for y in range(pane.size.height):
                assert pane.render_line(y).cell_length <= at[0]
            assert not pane.show_horizontal_scrollbar
        assert "7 vGPUs" in screen.said("#head")
        wide = at is WIDE
        assert ("weight" in titles) == wide

    on_screen(test, at=at)


def test_the_first_frame_waits_for_nobody() -> None:
    """A source that hangs leaves a screen with which one can quit."""

    async def body() -> None:
        never = asyncio.Event()
        app = TopApp(lambda: MadeUpSource(), interval=3600)

        async def hanging(*_: object) -> Screenful:
            await never.wait()
            return Screenful()

        app_look = asyncio.to_thread
        try:
            asyncio.to_thread = hanging
            async with app.run_test(size=NARROW) as pilot:
                assert "looking" in str(app.query_one("#head", Static).render())
                await pilot.press("q")
            assert app.return_code == 0
        finally:
            asyncio.to_thread = app_look

    asyncio.run(asyncio.wait_for(body(), 120))


def test_a_promise_that_is_missed_is_marked() -> None:
    """Only after ten looks, and only for one that waits."""

    async def test(screen: Screen) -> None:
        for _ in range(9):
            assert not any("!" in line for line in screen.lines(screen.app.vgpus))
            screen.app.look()
            await screen.settle()
        assert [line.split()[0] for line in screen.lines(screen.app.vgpus) if "!" in line] == [
            "serve"
        ]
        assert "18%/30!" in screen.row("serve")

    on_screen(test)


def test_what_tenants_write_does_not_move_the_terminal() -> None:
    async def test(screen: Screen) -> None:
        (line,) = [row for row in screen.lines(screen.app.processes) if "hashcat" in row]
        assert line.endswith("hashcat -b ?[31m-m 0")

    on_screen(test)


def test_sorting_by_keys_and_by_mouse() -> None:
    async def test(screen: Screen) -> None:
        assert screen.order == sorted(screen.order)
        await screen.press("i")
        assert screen.order == sorted(screen.order, reverse=True)
        while screen.app.vgpus.sorted_by != "share/promise":
            await screen.press("greater_than_sign")
        assert screen.order[:3] == ["train", "nightly", "serve"]
        assert set(screen.order[-2:]) == {"broken", "parked"}  # what isn't known comes last
        await screen.press("i")
        assert screen.order[-3] == "train"  # either way round
        titles = screen.app.vgpus.render_line(0).text
        await screen.pilot.click("#vgpus", offset=(titles.index("wait") + 1, 0))
        assert screen.order[:2] == ["nightly", "serve"]
        await screen.pilot.click("#vgpus", offset=(3, 2))
        chosen = screen.app.vgpus.chosen
        assert chosen is not None
        assert chosen.name == "serve"

    on_screen(test)


def test_the_chosen_one_stays_chosen_while_rows_come_and_go() -> None:
    async def test(screen: Screen) -> None:
        await screen.choose("serve")
        shown = screen.source.shown
        screen.source.shown = shown._replace(vgpus=(vgpu("aaa"), *shown.vgpus))
        screen.app.look()
        await screen.settle()
        assert screen.app.vgpus.chosen is not None
        assert screen.app.vgpus.chosen.name == "serve"
        screen.source.shown = shown._replace(
            vgpus=tuple(one for one in shown.vgpus if one.name != "serve")
        )
        screen.app.look()
        await screen.settle()
        assert screen.app.vgpus.chosen is not None
        await screen.press("home")
        assert screen.app.vgpus.chosen.name == "broken"
        await screen.press("down", "down", "up")
        assert screen.app.vgpus.chosen.name == "idle"

    on_screen(test)


def test_the_filter_holds_for_vgpus_and_processes() -> None:
    async def test(screen: Screen) -> None:
        await screen.press("slash", *"bob")
        assert set(screen.order) == {"serve", "nightly"}
        assert len(screen.app.processes.rows) == 2
        await screen.press("enter")
        assert "filter: bob" in screen.said("#head")
        await screen.press("k", "n")  # keys are commands again
        await screen.press("escape")
        assert len(screen.order) == 7

    on_screen(test)


def test_killing_asks_first_and_no_is_the_answer_of_enter() -> None:
    async def test(screen: Screen) -> None:
        await screen.choose("nightly")
        for answer in ("enter", "escape", "n"):
            await screen.press("k")
            assert isinstance(screen.app.screen, Confirm)
            await screen.press(answer)
            assert not isinstance(screen.app.screen, Confirm)
        assert screen.source.done == []
        await screen.press("k", "y")
        assert screen.source.done == [("kill", "nightly", None)]
        assert "kill of nightly is done" in screen.said()

    on_screen(test)


def test_what_can_not_be_done_is_quiet_and_says_why() -> None:
    async def test(screen: Screen) -> None:
        await screen.choose("idle")
        assert "(kill)" in screen.said()
        await screen.press("k")
        assert "can't kill: nobody holds a lease of it" in screen.said()
        assert not isinstance(screen.app.screen, Confirm)

    on_screen(test)


def test_without_a_daemon_its_keys_are_quiet() -> None:
    async def test(screen: Screen) -> None:
        await screen.choose("train")
        assert "(suspend)" in screen.said()
        assert "(resize)" not in screen.said()
        await screen.press("s")
        assert "needs the daemon" in screen.said()
        await screen.press("question_mark")
        shown = "\n".join(str(one.render()) for one in screen.app.screen.query(Static))
        assert "not now: that needs the daemon" in shown
        await screen.press("escape", "r")
        assert isinstance(screen.app.screen, Resize)

    on_screen(test, MadeUpSource(daemon=False))


def test_suspending_and_resuming() -> None:
    async def test(screen: Screen) -> None:
        await screen.choose("train")
        await screen.press("s")
        await screen.choose("parked")
        await screen.press("s")
        assert [(what, key) for what, key, _ in screen.source.done] == [
            ("suspend", "train"),
            ("resume", "parked"),
        ]

    on_screen(test)


def test_resizing_checks_what_is_typed() -> None:
    async def test(screen: Screen) -> None:
        await screen.choose("serve")
        await screen.press("r")
        dialog = screen.app.screen
        dialog.query_one("#memory", Input).value = "six"
        await screen.press("enter")
        assert isinstance(screen.app.screen, Resize)
        assert "six" in str(dialog.query_one("#said", Static).render())
        dialog.query_one("#memory", Input).value = "6GiB"
        dialog.query_one("#compute", Input).value = "35"
        dialog.query_one("#priority", Input).value = "normal"
        await screen.press("enter")
        shares = Shares(3500, 6000, 2, PriorityClass.NORMAL)
        assert screen.source.done == [("resize", "serve", NewSize(6 * GIB, shares))]

    on_screen(test)


def test_a_resize_of_shares_alone_leaves_the_memory_as_it_is() -> None:
    odd = vgpu("odd", 10, memory_limit=GIB + 12345)

    async def test(screen: Screen) -> None:
        await screen.press("r")
        screen.app.screen.query_one("#compute", Input).value = "20"
        await screen.press("enter")
        assert screen.source.done == [("resize", "odd", NewSize(None, Shares(guarantee=2000)))]

    on_screen(test, MadeUpSource(Screenful(vgpus=(odd,))))


def test_errors_are_said_and_what_was_seen_stays() -> None:
    async def test(screen: Screen) -> None:
        await screen.choose("train")
        screen.source.failing = StoreFull("the disk is full\nreally")
        await screen.press("s")
        assert "ALQ-E304: the disk is full really" in screen.said()
        screen.app.look()
        await screen.settle()
        assert "ALQ-E304" in screen.said("#head")
        assert len(screen.order) == 7
        screen.source.failing = None
        screen.app.look()
        await screen.settle()
        assert "ALQ-E304" not in screen.said("#head")

    on_screen(test)


def test_the_curve_begins_with_what_the_daemon_kept() -> None:
    async def test(screen: Screen) -> None:
        await screen.choose("train")
        curves = screen.app.curves
        drawn = [curves.render_line(y).text for y in range(curves.size.height)]
        assert drawn[0].startswith("train: share 51% of 50% promised")
        assert len(drawn[-1].replace(" ", "")) > 75
        await screen.choose("broken")
        assert "device GeForce RTX 4090 is gone" in curves.render_line(0).text

    on_screen(test)


def test_a_process_shows_its_vgpu() -> None:
    async def test(screen: Screen) -> None:
        await screen.press("tab")
        assert screen.app.focused is screen.app.processes
        await screen.press("down")
        assert screen.app.vgpus.chosen is not None
        assert screen.app.vgpus.chosen.name == "serve"
        await screen.press("shift+tab")
        assert screen.app.focused is screen.app.vgpus

    on_screen(test)


def test_it_ends_by_itself_after_its_rounds_and_lets_go() -> None:
    source = MadeUpSource()

    async def body() -> None:
        app = TopApp(lambda: source, interval=0.01, rounds=3)
        await app.run_async(headless=True, size=NARROW)
        assert app.return_code == 0

    asyncio.run(asyncio.wait_for(body(), 120))
    assert source.closed


def test_without_utf8_it_is_all_ascii() -> None:
    async def test(screen: Screen) -> None:
        await screen.choose("train")
        panes = [screen.app.devices, screen.app.vgpus, screen.app.processes]
        lines = [line for pane in panes for line in screen.lines(pane)]
        curves = screen.app.curves
        lines += [curves.render_line(y).text for y in range(curves.size.height)]
        assert all(line.isascii() for line in lines)
        assert "###|" in screen.row("train")

    on_screen(test, utf8=False)


def test_two_hundred_vgpus_can_be_scrolled() -> None:
    many = Screenful(vgpus=tuple(vgpu(f"v{number:03}") for number in range(200)))

    async def test(screen: Screen) -> None:
        await screen.press("end")
        assert any(line.startswith("v199") for line in screen.lines(screen.app.vgpus))
        assert screen.lines(screen.app.vgpus)[0].startswith("vGPU^")

    on_screen(test, MadeUpSource(many))


def test_nothing_is_told_as_such() -> None:
    async def test(screen: Screen) -> None:
        assert screen.lines(screen.app.vgpus)[1] == "no vGPU is in use here"
        await screen.press("k", "r", "s", "greater_than_sign", "i", "down", "end", "tab")
        assert "no vGPU is chosen" in screen.said()

    on_screen(test, MadeUpSource(Screenful()))


@pytest.mark.parametrize("at", [(20, 6), (1, 1), (300, 100)])
def test_no_size_is_too_small_or_too_large(at: tuple[int, int]) -> None:
    async def test(screen: Screen) -> None:
        await screen.press("down", "question_mark", "escape")

    on_screen(test, at=at)


def test_bars() -> None:
    pen = Pen()
    assert pen.bar(0.5, 4).plain == "██··"
    assert pen.bar(0.5, 4, mark=0.9).plain == "██·│"
    assert pen.bar(0.5, 4, mark=0.25).plain == "█│··"
    assert pen.bar(0.0, 4).plain == "····"
    assert pen.bar(7.0, 4).plain == "████"
    assert pen.bar(None, 4).plain == "?   "
    assert pen.bar(0.3, 0).plain == ""
    assert pen.bar(1 / 16, 4).plain == "▎···"


def test_curves() -> None:
    pen = Pen()
    rows = [row.plain for row in pen.curve([0, 50, 100, 0.1], 6, 2, mark=75)]
    assert rows == ["┈┈┈┈█┈", "   ██▁"]


def test_sizes() -> None:
    told = [size(n) for n in (None, 0, 1023, 1024, int(3.94 * GIB), 999 << 20, 1023 << 20, 1 << 60)]
    assert told == ["?", "0B", "1023B", "1K", "3.9G", "999M", "1G", "1E"]
    assert screenful().vgpus
