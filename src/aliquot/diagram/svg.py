"""The picture as SVG: no script, no font and nothing else from elsewhere.

Whatever a user has named is escaped, and stands in text alone.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from xml.sax import saxutils

from aliquot import words
from aliquot.diagram import measures
from aliquot.diagram.palette import LOOKS, THEMES, of_vgpu
from aliquot.diagram.text_width import fitted, width
from aliquot.model.api.picture import Bar, Box, Edge, Line, Look, Part, Picture

_FONT = "system-ui, 'Noto Sans', 'Noto Sans CJK SC', 'DejaVu Sans', sans-serif"
_TITLE, _TEXT, _SMALL = 13.0, 11.0, 10.0
_PAD = 8
_LEGEND = 28  # below the picture
_DASHES = {Look.PASSTHROUGH: "8 3", Look.ABSENT: "3 3", Look.FRAME: "2 4"}
# What XML 1.0 has no way to write.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SQUARE = (Look.HARDWARE, Look.HYBRID)  # hardware has corners


def svg(
    picture: Picture,
    *,
    language: str = "en",
    theme: str = "auto",
    title: Line | None = None,
    legend: bool = True,
) -> str:
    """The whole document. `theme` is light, dark, or auto: what whoever looks at it prefers."""
    line = title or Line(key="picture-title", values={"node": picture.node})
    said = words.say(language, line.key, line.values)
    height = picture.height + (_LEGEND if legend else 0)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {picture.width} {height}"'
        f' width="{picture.width}" height="{height}" role="img" lang="{language}"'
        f' font-family="{_FONT}">'
    )
    drawing = _Drawing(language)
    parts = [
        head,
        f"<title>{_escaped(said)}</title>",
        f"<style>{_style(theme)}</style>",
        f"<defs>{_HATCH}</defs>",
        f'<rect class="paper" width="{picture.width}" height="{height}"/>',
        *drawing.bands(picture),
    ]
    frames = [box for box in picture.boxes if box.look is Look.FRAME]
    others = [box for box in picture.boxes if box.look is not Look.FRAME]
    for box in frames:
        parts += drawing.box(box)
    for edge in picture.edges:
        parts += drawing.edge(edge)
    for box in frames:
        parts.append(drawing.title(box))
    for box in others:
        parts += drawing.box(box)
    if legend:
        parts += drawing.legend(picture)
    return "\n".join([*parts, "</svg>"]) + "\n"


_HATCH = (
    '<pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse"'
    ' patternTransform="rotate(45)"><path class="hatch" d="M0 0V7"/></pattern>'
)


def _style(theme: str) -> str:
    """The theme's colours as classes; only with `auto` they depend on who looks."""
    first = THEMES["dark" if theme == "dark" else "light"]
    rules = _rules(*first)
    if theme == "auto":
        rules += f"@media (prefers-color-scheme: dark){{{_rules(*THEMES['dark'])}}}"
    return rules


def _rules(paper: str, band: str, ink: str, soft: str, faint: str, box: str, device: str) -> str:
    return (
        f".paper{{fill:{paper}}}.band{{fill:{band}}}.ink{{fill:{ink}}}.soft{{fill:{soft}}}"
        f".faint{{fill:{faint}}}.box{{fill:{box}}}.device{{fill:{device}}}"
        f".track,.mark{{fill:{paper};stroke:{faint}}}.hatch{{stroke:{faint};stroke-width:1.5}}"
        f".idle{{stroke:{faint}}}.over{{paint-order:stroke;stroke:{paper};stroke-width:4}}"
    )


class _Drawing:
    def __init__(self, language: str) -> None:
        self._language = language

    def bands(self, picture: Picture) -> Iterator[str]:
        for band in picture.bands:
            yield (
                f'<rect class="band" x="{measures.MARGIN}" y="{band.y}"'
                f' width="{picture.width - 2 * measures.MARGIN}" height="{band.height}" rx="6"/>'
            )
            name = words.say(self._language, f"layer-{band.layer.value}")
            at = (measures.MARGIN + _PAD, band.y + 18)
            yield self._text(name, at, _TEXT, measures.LABELS - 2 * _PAD, "soft", bold=True)

    def edge(self, edge: Edge) -> Iterator[str]:
        path = "M" + "L".join(f"{x} {y}" for x, y in edge.points)
        flows = edge.share > 0 or edge.bytes_per_second > 0
        weight = 1.5 + 6 * min(edge.share, 100) / 100
        style = f'stroke="{LOOKS[edge.look]}"' if edge.active else 'class="idle"'
        dash = "" if edge.active else ' stroke-dasharray="3 4"'
        yield (
            f'<path id={_quoted(edge.id)} d="{path}" fill="none" stroke-width="{weight:g}"'
            f" {style}{dash}/>"
        )
        if flows:
            x, y = edge.label
            yield self._text(self._flow(edge), (x, y + 4), _SMALL, 140, "soft")

    def box(self, box: Box) -> Iterator[str]:
        yield f"<g id={_quoted(box.id)}>"
        if hint := self._hint(box):
            yield f"<title>{_escaped(hint)}</title>"
        yield from self._outline(box)
        if box.kind == "mode":
            yield self._chip(box)
        elif box.kind == "device":
            yield from self._device(box)
        elif box.look is not Look.FRAME:
            yield from self._words(box)
        if box.simulated and box.kind in ("device", "node"):
            yield self._mark(box, words.say(self._language, "simulated"))
        elif box.stale and box.kind == "device":
            yield self._mark(box, words.say(self._language, "stale"))
        yield "</g>"

    def title(self, box: Box) -> str:
        """That of a frame; edges that go through it are hidden behind it."""
        room = box.width - (120 if box.simulated else 40)
        at = (box.x + measures.NODE_PAD, box.y + 23)
        return self._text(self._say(box.title), at, _TITLE, room, "ink over", bold=True)

    def legend(self, picture: Picture) -> Iterator[str]:
        """What the borders and colours mean."""
        x, y = measures.MARGIN + measures.LABELS, picture.height - 8
        for look in (Look.SOFTWARE, Look.HARDWARE, Look.HYBRID, Look.PASSTHROUGH, Look.ABSENT):
            dash = _DASHES.get(look)
            yield (
                f'<rect class="box" x="{x}" y="{y}" width="26" height="14"'
                f' rx="{0 if look in _SQUARE else 5}" stroke="{LOOKS[look]}" stroke-width="1.5"'
                + (f' stroke-dasharray="{dash}"' if dash else "")
                + "/>"
            )
            x += yield from self._entry(f"look-{look.value}", x + 34, y)
        for opacity, key in ((0.35, "legend-promised"), (1, "legend-used")):
            yield (
                f'<rect x="{x}" y="{y}" width="26" height="14" fill="{LOOKS[Look.SOFTWARE]}"'
                f' fill-opacity="{opacity}"/>'
            )
            x += yield from self._entry(key, x + 34, y)

    def _entry(self, key: str, x: int, y: int) -> Generator[str, None, int]:
        """A text of the legend; returns how far on the next one begins."""
        text = words.say(self._language, key)
        yield self._text(text, (x, y + 11), _TEXT, 400, "soft")
        return 34 + round(width(text, _TEXT)) + 20

    def _outline(self, box: Box) -> Iterator[str]:
        round_ = 0 if box.look in _SQUARE else 11 if box.kind == "mode" else 8
        fill = "none" if box.look is Look.FRAME else ""
        kind = "device" if box.kind == "device" else "box"
        dash = _DASHES.get(box.look)
        place = f'x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}" rx="{round_}"'
        line = f'stroke="{LOOKS[box.look]}" stroke-width="{2.5 if box.state == "failed" else 1.5}"'
        yield (
            f"<rect {place} {line}"
            + (f' fill="{fill}"' if fill else f' class="{kind}"')
            + (f' stroke-dasharray="{dash}"' if dash else "")
            + "/>"
        )
        if box.look is Look.HYBRID:  # software in hardware: a second line within
            yield (
                f'<rect x="{box.x + 3}" y="{box.y + 3}" width="{box.width - 6}"'
                f' height="{box.height - 6}" rx="6" fill="none" stroke="{LOOKS[Look.SOFTWARE]}"/>'
            )
        if box.simulated and box.kind == "device":
            yield f'<rect {place} fill="url(#hatch)" opacity="0.35"/>'
        if box.id.startswith("vgpu:"):
            yield (
                f'<rect x="{box.x}" y="{box.y + 8}" width="4" height="{box.height - 16}"'
                f' fill="{of_vgpu(box.subject)}"/>'
            )

    def _words(self, box: Box) -> Iterator[str]:
        kind = f"kind-{box.kind}"
        lines = [self._say(line) for line in box.lines]
        y = box.y + 19
        room = box.width - 2 * _PAD - 4
        tone = "soft" if box.look is Look.ABSENT else "ink"
        yield self._text(self._say(box.title), (box.x + _PAD + 4, y), _TITLE, room, tone, bold=True)
        for line in lines:
            y += 16
            yield self._text(line, (box.x + _PAD + 4, y), _TEXT, room, "soft")
        for number, bar in enumerate(box.bars):
            at = y + 9 + number * 32
            yield from self._bar(bar, box.x + _PAD + 4, at, room, bare=True)
        if kind in words.catalogue(self._language):
            at = (box.x + _PAD + 4, box.y + box.height - 8)
            yield self._text(words.say(self._language, kind), at, _SMALL, room, "faint")

    def _device(self, box: Box) -> Iterator[str]:
        left = box.x + measures.COLUMN_PAD
        room = box.width - 2 * measures.COLUMN_PAD
        tone = "soft" if box.look is Look.ABSENT else "ink"
        at = (left, box.y + 22)
        yield self._text(self._say(box.title), at, _TITLE, room - 70, tone, bold=True)
        about = " · ".join(self._say(line) for line in box.lines)
        if box.state == "lost":
            about = f"{words.say(self._language, 'state-lost')} · {about}"
        yield self._text(about, (left, box.y + 38), _TEXT, room, "soft")
        for number, bar in enumerate(box.bars):
            yield from self._bar(bar, left, box.y + 48 + number * 36, room)

    def _bar(self, bar: Bar, x: int, y: int, length: int, *, bare: bool = False) -> Iterator[str]:
        """A bare one stands where it is said whose its parts are."""
        label = words.say(self._language, f"bar-{bar.kind}")
        yield self._text(label, (x, y + 11), _SMALL, 60, "soft")
        begin, room = x + 44, length - 44
        yield f'<rect class="track" x="{begin}" y="{y}" width="{room}" height="28" rx="2"/>'
        if bar.total <= 0:
            return
        scale = room / bar.total
        for part in bar.parts:
            yield from self._part(bar, part, begin, y, scale, bare=bare)

    def _part(
        self, bar: Bar, part: Part, x: int, y: int, scale: float, *, bare: bool
    ) -> Iterator[str]:
        """Promised above, as a tint; had below, or within it, in full colour."""
        colour = of_vgpu(part.vgpu)
        said = words.say(self._language, "others", {"count": part.count})
        name = part.name or said
        size = "size" if bar.kind == "memory" else "percent"
        yield "<g>"
        amounts = f"{_amount(part.used, size)} / {_amount(part.promised, size)}"
        yield f"<title>{_escaped(f'{name}: {amounts}')}</title>"
        long = part.promised * scale
        at = x + part.promised_from * scale
        yield (
            f'<rect data-promised={_quoted(part.vgpu)} x="{at:.3f}" y="{y}" width="{long:.3f}"'
            f' height="14" fill="{colour}" fill-opacity="0.35" stroke="{colour}"'
            ' stroke-width="0.75"/>'
        )
        if long > 24 and not bare:
            yield self._text(name, (at + 3, y + 10.5), 9, long - 6, "ink")
        if part.used > 0:
            yield (
                f'<rect data-used={_quoted(part.vgpu)} x="{x + part.used_from * scale:.3f}"'
                f' y="{y + 15}" width="{part.used * scale:.3f}" height="12" fill="{colour}"/>'
            )
        yield "</g>"

    def _chip(self, box: Box) -> str:
        tone = "faint" if box.look is Look.ABSENT else "ink"
        text = fitted(self._say(box.title), _SMALL, box.width - 8)
        strike = ' text-decoration="line-through"' if box.look is Look.ABSENT else ""
        place = f'x="{box.x + box.width / 2:g}" y="{box.y + 15}" font-size="{_SMALL:g}"'
        return f'<text class="{tone}" {place} text-anchor="middle"{strike}>{_escaped(text)}</text>'

    def _mark(self, box: Box, text: str) -> str:
        long = width(text, _SMALL) + 12
        x = box.x + box.width - long - 8
        return (
            f'<rect class="mark" x="{x:.1f}" y="{box.y + 8}" width="{long:.1f}" height="18"'
            f' rx="9"/><text class="soft" x="{x + long / 2:.1f}" y="{box.y + 21}"'
            f' font-size="{_SMALL:g}" text-anchor="middle">{_escaped(text)}</text>'
        )

    def _hint(self, box: Box) -> str:
        """What a pointer that rests on it is told."""
        told = [self._say(box.title), *(self._say(line) for line in box.lines)]
        if reason := words.reason(self._language, box.reason, box.reason_code, box.reason_lines):
            told.append(reason)
        return "\n".join(told) if box.look is not Look.FRAME else ""

    def _flow(self, edge: Edge) -> str:
        told: list[str] = []
        if edge.share > 0:
            told.append(_amount(edge.share, "percent"))
        if edge.bytes_per_second > 0:
            told.append(_amount(edge.bytes_per_second, "rate"))
        return " · ".join(told)

    def _say(self, line: Line) -> str:
        return words.line(self._language, line)

    @staticmethod
    def _text(
        text: str,
        at: tuple[float, float],
        size: float,
        room: float,
        tone: str,
        *,
        bold: bool = False,
    ) -> str:
        weight = ' font-weight="600"' if bold else ""
        room = room * (0.95 if bold else 1)
        return (
            f'<text class="{tone}" x="{at[0]:g}" y="{at[1]:g}" font-size="{size:g}"{weight}>'
            f"{_escaped(fitted(text, size, room))}</text>"
        )


def _amount(value: float, kind: str) -> str:
    return words.written(value, kind)


def _escaped(text: str) -> str:
    return saxutils.escape(_UNWRITABLE.sub("\ufffd", text))


def _quoted(text: str) -> str:
    return saxutils.quoteattr(_UNWRITABLE.sub("\ufffd", text))
