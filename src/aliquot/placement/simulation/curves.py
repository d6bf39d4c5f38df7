"""What policies allocate and leave fragmented as requests come, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aliquot.diagram.marks import INK, head, line, text

# After Okabe and Ito (2008): apart for those, too, who see colours differently.
_COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#7a5195",
    "#9a8a00",
)
_WIDTH, _HEIGHT = 960, 470
_LEFT, _TOP, _HIGH, _WIDE = 56, 76, 330, 380
_GAP = 84
_PERCENTS = (60, 130)  # of the devices, asked for: before that, everything fits everywhere
_STROKE = ' stroke-width="2"'

Curve = Mapping[int, float]


def draw(
    allocated: Mapping[str, Curve], fragmented: Mapping[str, Curve], title: str, note: str
) -> str:
    """Both panels as SVG: a line a policy, by what was asked for so far, all in percent."""
    parts = [
        *head(_WIDTH, _HEIGHT, title),
        text(20, 24, title, 15, bold=True),
        text(20, 42, note, 11, soft=True),
    ]
    parts += _panel(_LEFT, "Allocated, % of the devices", allocated)
    parts += _panel(_LEFT + _WIDE + _GAP, "Fragmented, % of the devices", fragmented)
    for number, name in enumerate(allocated):
        x = 20 + number % 8 * 118
        parts.append(line(x, _HEIGHT - 18, x + 18, _HEIGHT - 18, _colour(number), _STROKE))
        parts.append(text(x + 23, _HEIGHT - 14, name, 11))
    return "\n".join([*parts, "</svg>", ""])


def _panel(left: float, title: str, curves: Mapping[str, Curve]) -> list[str]:
    values = [
        value
        for curve in curves.values()
        for percent, value in curve.items()
        if _PERCENTS[0] <= percent <= _PERCENTS[1]
    ]
    low, high, step = _scale(values)

    def x(percent: float) -> float:
        return left + _WIDE * (percent - _PERCENTS[0]) / (_PERCENTS[1] - _PERCENTS[0])

    def y(value: float) -> float:
        return _TOP + _HIGH * (1 - (value - low) / (high - low))

    parts = [text(left, _TOP - 10, title, 12, bold=True)]
    level = low
    while level <= high + 1e-9:
        parts.append(line(left, y(level), left + _WIDE, y(level), "#e4e7eb"))
        parts.append(text(left - 6, y(level) + 4, f"{level:g}", 10, soft=True, anchor="end"))
        level += step
    for percent in range(_PERCENTS[0], _PERCENTS[1] + 1, 10):
        parts.append(
            text(x(percent), _TOP + _HIGH + 16, f"{percent}", 10, soft=True, anchor="middle")
        )
    middle = left + _WIDE / 2
    parts.append(
        text(
            middle, _TOP + _HIGH + 31, "asked for, % of the devices", 10, soft=True, anchor="middle"
        )
    )
    parts.append(line(x(100), _TOP, x(100), _TOP + _HIGH, INK, ' stroke-dasharray="2 3"'))
    for number, curve in enumerate(curves.values()):
        points = " ".join(
            f"{x(percent):.1f},{y(curve[percent]):.1f}"
            for percent in sorted(curve)
            if _PERCENTS[0] <= percent <= _PERCENTS[1]
        )
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{_colour(number)}"{_STROKE}/>'
        )
    return parts


def _scale(values: Sequence[float]) -> tuple[float, float, float]:
    """The lowest and the highest line of a panel, and how far apart its lines are."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    step = next((one for one in (0.5, 1, 2, 5, 10) if (high - low) / one <= 9), 20)
    low = low // step * step
    return low, max(-(-high // step) * step, low + step), step


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]
