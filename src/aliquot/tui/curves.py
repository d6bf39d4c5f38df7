"""The last minutes of the chosen vGPU: its share of the device, its waiting, its memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from rich.text import Text
from textual.strip import Strip
from textual.widget import Widget

from aliquot.model.shares import WHOLE
from aliquot.tui import palette
from aliquot.tui.bars import Pen
from aliquot.tui.columns import percent, size
from aliquot.tui.grid import words
from aliquot.tui.strips import strip_of
from aliquot.tui.view import VgpuView

_KEPT = 600
_JUDGED = 10
_SOME_WAITING = 10.0  # percent
_LONGEST_NAME = 16
_WIDE = 120  # from here on there are three curves
_UNKNOWN = 100.0
# Share, waiting and memory in percent, and the share that all of its device had together.
_Point = tuple[float, float, float, float]


class History:
    """What was seen of each vGPU, as long as it is there."""

    def __init__(self) -> None:
        """Nothing was seen."""
        self._points: dict[str, deque[_Point]] = {}

    def add(self, vgpus: Iterable[VgpuView]) -> None:
        """One look more; vGPUs that are no more are forgotten."""
        before, self._points = self._points, {}
        listed = list(vgpus)
        of_all: dict[str, float] = {}
        for vgpu in listed:
            of_all[vgpu.device] = of_all.get(vgpu.device, 0.0) + (vgpu.share or 0.0)
        for vgpu in listed:
            points = before.get(vgpu.key) or deque[_Point](maxlen=_KEPT)
            if vgpu.share is not None:
                used = (vgpu.memory_used or 0) / vgpu.memory_limit if vgpu.memory_limit else 0
                points.append((vgpu.share, vgpu.waiting or 0.0, 100 * used, of_all[vgpu.device]))
            self._points[vgpu.key] = points

    def put_before(self, key: str, told: Iterable[tuple[float, float]]) -> None:
        """What was kept elsewhere of the time before the first look."""
        points = self._points.get(key)
        if points is None:
            return
        known = len(points)
        earlier = list(told)
        earlier = earlier[: len(earlier) - known] if known else earlier
        memory = points[0][2] if points else 0.0
        before = [(share, waiting, memory, _UNKNOWN) for share, waiting in earlier]
        self._points[key] = deque([*before, *points], maxlen=_KEPT)

    def missed(self, vgpu: VgpuView) -> bool:
        """Whether it waits and gets less than nine tenths of what is guaranteed.

        Over the last ten looks, of the time in which it had the device or waited for it: a program
        that rests misses nothing. And of what all on the device had, since handing the device over
        is charged to nobody. The alert of Prometheus is made in the same way.
        """
        points = list(self._points.get(vgpu.key, ()))[-_JUDGED:]
        had = sum(point[0] for point in points)
        waited = sum(point[1] for point in points)
        if len(points) < _JUDGED or waited < _SOME_WAITING * len(points):
            return False
        of_all = sum(point[3] for point in points)
        return had < 0.9 * vgpu.shares.guarantee / WHOLE * min(had + waited, of_all)

    def of(self, key: str) -> list[_Point]:
        """The looks at one vGPU, oldest first."""
        return list(self._points.get(key, ()))


class Curves(Widget):
    """Draws the history of one vGPU."""

    def __init__(self, pen: Pen, *, id: str) -> None:  # noqa: A002 - textual's name for it
        """Nothing yet."""
        super().__init__(id=id)
        self._pen = pen
        self._vgpu: VgpuView | None = None
        self._points: list[_Point] = []
        self._missed = False

    def show(self, vgpu: VgpuView | None, history: History) -> None:
        """Show this one's."""
        self._vgpu = vgpu
        self._points = history.of(vgpu.key) if vgpu else []
        self._missed = vgpu is not None and history.missed(vgpu)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """A line: titles above, curves below."""
        width, height = self.size
        line = self._lines(width, height)[y] if self._vgpu else Text()
        return strip_of(line, width, self.rich_style)

    def _lines(self, width: int, height: int) -> list[Text]:
        vgpu = self._vgpu
        assert vgpu is not None
        guarantee = vgpu.shares.guarantee / 100
        shown: list[tuple[str, list[float], float | None, str]] = [
            (
                f"share {percent(vgpu.share)}" + f" of {guarantee:g}% promised" * bool(guarantee),
                [point[0] for point in self._points],
                guarantee,
                palette.BAD if self._missed else palette.HAVING,
            ),
            (
                f"waiting {percent(vgpu.waiting)}",
                [point[1] for point in self._points],
                None,
                palette.WAITING,
            ),
        ]
        if width >= _WIDE:
            told = f"memory {size(vgpu.memory_used)} of {size(vgpu.memory_limit)}"
            shown.append((told, [point[2] for point in self._points], None, palette.GOOD))
        each = (width - len(shown) + 1) // len(shown)
        title = Text()
        rows = [Text() for _ in range(max(0, height - 1))]
        for number, (told, values, mark, style) in enumerate(shown):
            gap = " " if number else ""
            if not number:
                told = f"{words(vgpu.name)[:_LONGEST_NAME]}: {words(vgpu.reason) or told}"
            heading = Text(told, palette.HEADING)
            heading.truncate(each, pad=True)
            title += Text(gap) + heading
            drawn = self._pen.curve(values, each, len(rows), mark=mark, style=style)
            for row, part in zip(rows, drawn, strict=True):
                row.append(gap)
                row.append_text(part)
        return [title, *rows]
