"""The picture as Mermaid's flowchart, for documents that draw such text themselves.

It has the same boxes and edges; where they stand is Mermaid's to decide.
"""

from __future__ import annotations

import re

from aliquot import words
from aliquot.diagram.palette import LOOKS
from aliquot.model.api.picture import Box, Edge, Line, Look, Picture

_NOT_PLAIN = re.compile(r"[^0-9A-Za-z_]")
_SHAPES = {
    Look.HARDWARE: ("[", "]"),
    Look.HYBRID: ("[[", "]]"),
    Look.PASSTHROUGH: ("{{", "}}"),
    Look.DEVICE: ("[(", ")]"),
    Look.QUEUE: ("([", "])"),
}


def mermaid(picture: Picture, *, language: str = "en") -> str:
    """The flowchart's text; modes that a device can't do are left to the other forms."""
    lines = ["flowchart TB"]
    shown = [b for b in picture.boxes if b.kind != "mode" and b.look is not Look.FRAME]
    frames = [box for box in picture.boxes if box.look is Look.FRAME]
    for frame in frames:
        lines.append(f'  subgraph {_name(frame.id)}["{_text(language, [frame.title])}"]')
        lines += [f"    {_node(language, box)}" for box in shown if _within(box, frame)]
        lines.append("  end")
    apart = [box for box in shown if not any(_within(box, frame) for frame in frames)]
    lines += [f"  {_node(language, box)}" for box in apart]
    lines += [f"  {_edge(edge)}" for edge in picture.edges]
    for look, colour in LOOKS.items():
        of_it = ",".join(_name(box.id) for box in shown if box.look is look)
        if of_it:
            lines.append(f"  classDef {look.value} stroke:{colour},stroke-width:2px")
            lines.append(f"  class {of_it} {look.value}")
    return "\n".join(lines) + "\n"


def _within(box: Box, frame: Box) -> bool:
    return frame.x <= box.x < frame.x + frame.width and frame.y <= box.y < frame.y + frame.height


def _node(language: str, box: Box) -> str:
    begin, end = _SHAPES.get(box.look, ("(", ")"))
    return f'{_name(box.id)}{begin}"{_text(language, [box.title, *box.lines])}"{end}'


def _edge(edge: Edge) -> str:
    arrow = "==>" if edge.active else "-.->"
    label = f'|"{words.written(edge.share, "percent")}"|' if edge.share > 0 else ""
    return f"{_name(edge.source)} {arrow}{label} {_name(edge.target)}"


def _name(text: str) -> str:
    """An id that Mermaid takes for one: each character that it might not as its number."""
    return "n" + _NOT_PLAIN.sub(lambda found: f"_{ord(found[0]):x}_", text)


def _text(language: str, lines: list[Line]) -> str:
    """Lines of a node; what has a meaning to Mermaid or HTML is written as its number."""
    said = (words.line(language, line) for line in lines)
    return "<br/>".join(
        "".join(c if c.isalnum() or c in " .,:/%-" else f"#{ord(c)};" for c in one) for one in said
    )
