"""`aliquot top`, live: devices, vGPUs, processes, and what can be done to a vGPU."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from aliquot.errors import AliquotError
from aliquot.tui import palette
from aliquot.tui.bars import Pen
from aliquot.tui.columns import device_columns, process_columns, vgpu_columns
from aliquot.tui.curves import Curves, History
from aliquot.tui.dialogs import Confirm, Help, Resize
from aliquot.tui.grid import Grid, words
from aliquot.tui.source import Act, NewSize, Source
from aliquot.tui.view import DeviceView, ProcessView, Screenful, VgpuView

_SAID_SECONDS = 6.0

# Key, what stands at the bottom, and what the help says.
_KEYS = (
    ("?", "help", "this text; any of Escape, Enter, q closes it"),
    ("q", "quit", "leave"),
    ("/", "filter", "show what has this in a name, owner or command; Escape: all"),
    ("<>", "sort", "sort by the next column or the one before, as a click does"),
    ("i", "invert", "sort the other way round"),
    ("r", "resize", "give the chosen vGPU other memory or shares"),
    ("s", "suspend", "suspend the chosen vGPU, or let it go on"),
    ("k", "kill", "end the leases of the chosen vGPU, after a question"),
    ("Tab", "", "go to the next pane; arrows choose a row"),
)

_LEGEND = (
    "share/promise: percent of the device's time in the last second, and",
    "the guarantee, which is the mark in the bar. !: of the time in which it",
    "wanted the device, it has less than nine tenths of that. wait: percent",
    "of the time in which it waited for the device. ?: nobody tells. -: none.",
)


class TopApp(App[int]):
    """The screen. It looks at once and each `interval` seconds, `rounds` times or for ever."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "aliquot top"
    CSS = """
    Screen { layout: vertical; background: ansi_default; color: ansi_default; }
    #head { height: 1; text-style: bold; }
    #devices { height: auto; max-height: 30%; }
    #vgpus { height: 2fr; min-height: 4; }
    #curves { height: 3; }
    #processes { height: 1fr; min-height: 3; }
    #filter { height: 1; display: none; border: none; padding: 0; background: ansi_default; }
    #filter.shown { display: block; }
    #foot { height: 1; }
    Grid { background: ansi_default; color: ansi_default; overflow-x: hidden;
           scrollbar-size-vertical: 1; scrollbar-color: ansi_blue;
           scrollbar-background: ansi_default; }
    .tall #curves { height: 9; margin-top: 1; }
    .tall #vgpus, .tall #processes { margin-top: 1; }
    ModalScreen { align: center middle; background: transparent; }
    .dialog { width: 60; max-width: 95%; height: auto; max-height: 95%; padding: 1 2;
              border: round ansi_default; background: ansi_default; color: ansi_default; }
    .wide { width: 78; padding: 0 1; }
    .dialog Horizontal { height: 1; }
    .dialog > Static { margin-bottom: 1; }
    .dialog .label { width: 12; }
    .dialog Input { width: 1fr; }
    .dialog Button { margin-right: 3; }
    .dialog Button:focus { text-style: bold reverse; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+c", "quit", show=False, priority=False),
        Binding("question_mark", "help", show=False),
        Binding("slash", "filter", show=False),
        Binding("less_than_sign,comma", "sort(-1)", show=False),
        Binding("greater_than_sign,full_stop", "sort(1)", show=False),
        Binding("i", "invert", show=False),
        Binding("r", "resize", show=False),
        Binding("s", "suspend", show=False),
        Binding("k", "kill", show=False),
        Binding("escape", "all", show=False),
        Binding("tab", "focus_next", show=False),
        Binding("shift+tab", "focus_previous", show=False),
    ]

    def __init__(
        self,
        open_source: Callable[[], Source],
        *,
        interval: float = 1.0,
        rounds: int | None = None,
        utf8: bool | None = None,
        clock: Callable[[], str] = lambda: time.strftime("%H:%M:%S"),
    ) -> None:
        """`open_source` is called once, by another thread; without `utf8` the terminal decides."""
        super().__init__(ansi_color=True)
        encoding = (sys.stdout.encoding or "").lower().replace("-", "")
        self.pen = Pen(utf8=encoding == "utf8" if utf8 is None else utf8)
        self._history = History()
        self.devices = Grid[DeviceView](
            device_columns(self.pen),
            lambda row: row.uuid,
            id="devices",
            nothing="no device is in use here",
        )
        self.vgpus = Grid[VgpuView](
            vgpu_columns(self.pen, self._place_of, self._history.missed),
            lambda row: row.key,
            id="vgpus",
            nothing="no vGPU is in use here",
        )
        self.curves = Curves(self.pen, id="curves")
        self.processes = Grid[ProcessView](
            process_columns(),
            lambda row: f"{row.vgpu}/{row.process_id}",
            id="processes",
            nothing="no process uses a vGPU",
            sort=3,
        )
        self._open_source = open_source
        self._interval = interval
        self._clock = clock
        self._rounds = rounds
        self._source: Source | None = None
        self._shown = Screenful()
        self._asked_history: set[str] = set()
        self._filter = ""
        self._said = ""
        self._said_at = 0.0
        self._looks = 0
        self._looking = False

    def compose(self) -> ComposeResult:
        """The panes from top to bottom."""
        yield Static(id="head")
        yield self.devices
        yield self.vgpus
        yield self.curves
        yield self.processes
        yield Input(id="filter", placeholder="filter")
        yield Static(id="foot")

    async def on_mount(self) -> None:
        """Show the frame at once, and what is in it as soon as it is known."""
        self.vgpus.focus()
        self._draw()
        self.look()
        self.set_interval(self._interval, self.look)

    def on_unmount(self) -> None:
        """Let go of the source."""
        if self._source is not None:
            self._source.close()

    @work
    async def look(self) -> None:
        """Look once, unless the look before hasn't ended."""
        if self._looking:
            return
        self._looking = True
        try:
            self._shown = await asyncio.to_thread(self._look)
            self._history.add(self._shown.vgpus)
        except AliquotError as error:
            self._shown = self._shown._replace(trouble=f"{error.code}: {error}")
        finally:
            self._looking = False
        self._draw()
        self._looks += 1
        if self._rounds is not None and self._looks >= self._rounds:
            self.exit(0)

    def on_grid_chosen(self, event: Grid.Chosen) -> None:
        """Another vGPU, or the vGPU of another process."""
        process = self.processes.chosen
        if event.grid is self.processes and self.focused is self.processes and process:
            self.vgpus.choose_key(process.vgpu)
        self._draw_chosen()

    def on_resize(self) -> None:
        """The curves get what a tall terminal has."""
        self.screen.set_class(self.size.height >= 40, "tall")
        self._draw_foot()

    def on_input_changed(self, event: Input.Changed) -> None:
        """The filter holds while it is being typed."""
        if event.input.id == "filter":
            self._filter = event.value
            self._draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The filter stays, the line goes."""
        if event.input.id == "filter":
            self._show_filter(False)

    def action_filter(self) -> None:
        """Ask for a filter."""
        self._show_filter(True)

    def action_all(self) -> None:
        """No filter any more."""
        self.query_one("#filter", Input).value = ""
        self._show_filter(False)

    def action_sort(self, step: int) -> None:
        """Sort the pane that has the focus, else the vGPUs, by another column."""
        self._pane().sort_next(step)
        self._draw_foot()

    def action_invert(self) -> None:
        """Sort it the other way round."""
        pane = self._pane()
        pane.sort_by(pane.sort_column)

    def action_help(self) -> None:
        """Tell what the keys do, and why some do nothing now."""
        lines = [Text("Keys", palette.HEADING)]
        for key, name, text in _KEYS:
            lines.append(Text.assemble((f"{key:>3}  ", palette.HEADING), text))
            if why := self._why_not(name):
                lines.append(Text(f"     not now: {why}", palette.WAITING))
        lines.append(Text())
        lines += map(Text, _LEGEND)
        self.push_screen(Help(lines))

    def action_resize(self) -> None:
        """Ask for a new size."""
        vgpu = self._vgpu_for(Act.RESIZE)
        if vgpu is not None:
            self.push_screen(Resize(vgpu), partial(self._resized, vgpu))

    def action_suspend(self) -> None:
        """Suspend or resume."""
        chosen = self.vgpus.chosen
        act = Act.RESUME if chosen is not None and chosen.suspended else Act.SUSPEND
        vgpu = self._vgpu_for(act)
        if vgpu is None or self._source is None:
            return
        self._do(partial(self._source.resume if vgpu.suspended else self._source.suspend, vgpu))

    def action_kill(self) -> None:
        """Ask whether to end its leases."""
        vgpu = self._vgpu_for(Act.KILL)
        if vgpu is None:
            return
        held = f"{len(vgpu.leases)} lease{'s' * (len(vgpu.leases) != 1)}"
        question = (
            f"End vGPU {words(vgpu.name)} of {words(vgpu.owner)} ({held}, {vgpu.processes} "
            "processes)? Its programs lose the device."
        )
        self.push_screen(Confirm(question, "End it"), partial(self._killed, vgpu))

    def _resized(self, vgpu: VgpuView, wanted: NewSize | None) -> None:
        if wanted is not None and self._source is not None:
            self._do(partial(self._source.resize, vgpu, wanted))

    def _killed(self, vgpu: VgpuView, yes: bool | None) -> None:
        if yes and self._source is not None:
            self._do(partial(self._source.kill, vgpu))

    @work
    async def _do(self, what: Callable[[], str]) -> None:
        """Do something that may take its time, and say what came of it."""
        self._say("…" if self.pen.characters.line != "-" else "...")
        try:
            self._say(await asyncio.to_thread(what))
        except AliquotError as error:
            self._say(f"{error.code}: {error}")
        self.look()

    def _look(self) -> Screenful:
        if self._source is None:
            self._source = self._open_source()
        return self._source.look()

    def _vgpu_for(self, act: Act) -> VgpuView | None:
        """The vGPU that is meant, or None, and then it is said why nothing can be done."""
        why = self._why_not_to(act)
        if why:
            self._say(f"can't {act}: {why}")
            return None
        return self.vgpus.chosen

    def _why_not_to(self, act: Act) -> str:
        vgpu = self.vgpus.chosen
        if vgpu is None or self._source is None:
            return "no vGPU is chosen"
        return self._source.why_not(act, vgpu)

    def _why_not(self, name: str) -> str:
        if name not in (Act.RESIZE, Act.SUSPEND, Act.KILL):
            return ""
        act = Act(name)
        chosen = self.vgpus.chosen
        if act is Act.SUSPEND and chosen is not None and chosen.suspended:
            act = Act.RESUME
        return self._why_not_to(act)

    def _say(self, text: str) -> None:
        self._said, self._said_at = words(" ".join(text.split())), time.monotonic()
        self._draw_foot()

    def _pane(self) -> Grid[DeviceView] | Grid[VgpuView] | Grid[ProcessView]:
        for pane in (self.devices, self.processes):
            if self.focused is pane:
                return pane
        return self.vgpus

    def _place_of(self, uuid: str) -> str:
        for device in self._shown.devices:
            if device.uuid == uuid and device.number is not None:
                return str(device.number)
        return uuid[:4]

    def _show_filter(self, shown: bool) -> None:
        line = self.query_one("#filter", Input)
        line.set_class(shown, "shown")
        (line if shown else self.vgpus).focus()
        self._draw()

    def _fits(self, *told: str) -> bool:
        return any(self._filter.casefold() in text.casefold() for text in told)

    def _draw(self) -> None:
        shown = self._shown
        self.devices.show(shown.devices)
        self.vgpus.show([v for v in shown.vgpus if self._fits(v.name, v.owner, v.state)])
        self.processes.show(
            [p for p in shown.processes if self._fits(p.vgpu_name, p.user, p.command)]
        )
        self._draw_head()
        self._draw_chosen()

    def _draw_head(self) -> None:
        shown = self._shown
        head = Text.assemble("aliquot top  ", (shown.origin or "looking", ""))
        if shown.trouble:
            head.append(f"  {words(' '.join(shown.trouble.split()))}", palette.BAD)
        counts = f"{len(shown.devices)} devices  {len(shown.vgpus)} vGPUs"
        if self._filter:
            counts += f"  filter: {words(self._filter)}"
        head.append(f"  {counts}  {self._clock()}")
        self.query_one("#head", Static).update(head)

    def _draw_chosen(self) -> None:
        vgpu = self.vgpus.chosen
        self.curves.show(vgpu, self._history)
        if vgpu is not None and vgpu.key not in self._asked_history:
            self._asked_history.add(vgpu.key)
            self._ask_history(vgpu)
        self._draw_foot()

    @work
    async def _ask_history(self, vgpu: VgpuView) -> None:
        """What was kept of it before this screen began."""
        if self._source is None:
            return
        try:
            told = await asyncio.to_thread(self._source.history, vgpu)
        except AliquotError:
            return  # then the curve begins now
        self._history.put_before(vgpu.key, told)
        self._draw_chosen()

    def _draw_foot(self) -> None:
        foot = self.query_one("#foot", Static)
        if self._said and time.monotonic() - self._said_at < _SAID_SECONDS:
            foot.update(Text(self._said, palette.WAITING))
            return
        line = Text()
        for key, name, _ in _KEYS:
            if not name:
                continue
            quiet = bool(self._why_not(name))
            word = name
            if name == Act.SUSPEND and (chosen := self.vgpus.chosen) and chosen.suspended:
                word = Act.RESUME
            line.append(f" {key} ", palette.QUIET if quiet else palette.CHOSEN)
            line.append(f"{word} " if not quiet else f"({word}) ", palette.QUIET if quiet else "")
        line.append(f" sorted by {self._pane().sorted_by}", palette.QUIET)
        foot.update(line)
