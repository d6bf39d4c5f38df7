"""A few shapes, enough to draw an architecture as SVG. All lengths are in SVG user units."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.sax.saxutils import escape

_INK = "#1f2933"
_SOFT = "#5f6c7b"
_FONT = "system-ui, 'DejaVu Sans', sans-serif"


@dataclass(frozen=True)
class Box:
    """A rectangle with its corner at (x, y)."""

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> tuple[float, float]:
        return self.x, self.y + self.height / 2

    @property
    def right(self) -> tuple[float, float]:
        return self.x + self.width, self.y + self.height / 2

    def top(self, share: float = 0.5) -> tuple[float, float]:
        """A point on the upper edge, `share` of the way from the left."""
        return self.x + self.width * share, self.y

    def bottom(self, share: float = 0.5) -> tuple[float, float]:
        """A point on the lower edge, `share` of the way from the left."""
        return self.x + self.width * share, self.y + self.height


@dataclass
class Picture:
    """Collects shapes; `svg()` gives the document."""

    width: int
    height: int
    title: str
    _parts: list[str] = field(default_factory=list)

    def text(
        self,
        at: tuple[float, float],
        words: str,
        *,
        size: float = 13,
        bold: bool = False,
        anchor: str = "middle",
        soft: bool = False,
    ) -> None:
        """One line of text whose baseline lies at the point."""
        weight = ' font-weight="600"' if bold else ""
        self._parts.append(
            f'<text x="{at[0]:g}" y="{at[1]:g}" font-size="{size:g}" text-anchor="{anchor}"'
            f'{weight} fill="{_SOFT if soft else _INK}">{escape(words)}</text>'
        )

    def frame(self, box: Box, label: str, colour: str) -> None:
        """A dashed boundary with a label at its upper left: a process or a trust boundary."""
        self._rectangle(box, fill=colour, dashed=True)
        self.text((box.x + 12, box.y + 20), label, size=12, anchor="start", soft=True)

    def box(self, box: Box, title: str, *lines: str, fill: str = "#ffffff") -> None:
        """A solid box: a bold title and smaller lines below, centred as a block."""
        self._rectangle(box, fill=fill, dashed=False)
        middle = box.x + box.width / 2
        height = 16 + 15 * len(lines)
        y = box.y + (box.height - height) / 2 + 13
        self.text((middle, y), title, size=14, bold=True)
        for line in lines:
            y += 15
            self.text((middle, y), line, size=11, soft=True)

    def arrow(self, *points: tuple[float, float], both: bool = False) -> None:
        """A line along the points with a head at its end, or at both ends."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        start = ' marker-start="url(#head)"' if both else ""
        self._parts.append(
            f'<polyline points="{path}" fill="none" stroke="{_INK}" stroke-width="1.4"'
            f'{start} marker-end="url(#head)"/>'
        )

    def pipe(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """A double line: shared memory."""
        for offset in (-3, 3):
            self._parts.append(
                f'<line x1="{start[0]:g}" y1="{start[1] + offset:g}" x2="{end[0]:g}"'
                f' y2="{end[1] + offset:g}" stroke="#0b7285" stroke-width="2"/>'
            )

    def svg(self) -> str:
        """The whole document."""
        head = (
            '<marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7"'
            ' markerHeight="7" orient="auto-start-reverse">'
            f'<path d="M0 0L10 5L0 10z" fill="{_INK}"/></marker>'
        )
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}"'
                f' width="{self.width}" height="{self.height}" font-family="{_FONT}" role="img">',
                f"<title>{escape(self.title)}</title>",
                f"<defs>{head}</defs>",
                f'<rect width="{self.width}" height="{self.height}" rx="10" fill="#ffffff"/>',
                *self._parts,
                "</svg>\n",
            ]
        )

    def _rectangle(self, box: Box, *, fill: str, dashed: bool) -> None:
        style = ' stroke-dasharray="5 4"' if dashed else ""
        self._parts.append(
            f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}"'
            f' rx="8" fill="{fill}" stroke="{_SOFT if dashed else _INK}"'
            f' stroke-width="1.2"{style}/>'
        )
