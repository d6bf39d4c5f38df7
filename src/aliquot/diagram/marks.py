"""Words and lines of charts, as SVG."""

from __future__ import annotations

from xml.sax.saxutils import escape

INK, SOFT = "#1f2933", "#5f6c7b"
FONT = "system-ui, 'DejaVu Sans', sans-serif"


def head(width: float, height: float, title: str) -> list[str]:
    """What a chart begins with: its size, its title for who can't see it, white paper."""
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" font-family="{FONT}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>',
    ]


def line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    """A straight line; `more` are attributes of its own."""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{more}/>'
    )


def text(
    x: float,
    y: float,
    words: str,
    size: int,
    *,
    bold: bool = False,
    soft: bool = False,
    anchor: str = "start",
    colour: str = "",
) -> str:
    """Words at a place; `anchor` says which end of them is there."""
    weight = ' font-weight="600"' if bold else ""
    fill = colour or (SOFT if soft else INK)
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}"{weight} '
        f'fill="{fill}">{escape(words)}</text>'
    )
