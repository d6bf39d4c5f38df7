"""Lines of text as textual draws them."""

from __future__ import annotations

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

_STYLES = Console()  # only knows what words like `dim` mean


def strip_of(line: Text, width: int, base: Style, style: str = "") -> Strip:
    """A line of exactly this width; `style` is laid over `base`, the line's own over both."""
    under = base + Style.parse(style)
    return Strip(Segment.apply_style(line.render(_STYLES), under)).adjust_cell_length(width, under)
