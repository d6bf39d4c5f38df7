"""The picture of `aliquot bench fairness`: shares over time, one band a tenant."""

from __future__ import annotations

from itertools import accumulate

from aliquot.bench.fairness.result import Outcome, Result
from aliquot.diagram.marks import INK, head, line, text

_BANDS = ("#4263eb", "#f59f00", "#12b886", "#e64980", "#7950f2", "#74b816", "#15aabf", "#fd7e14")
_COLUMNS = 2
_PANEL_WIDTH, _PANEL_HEIGHT = 470, 210
_LEFT, _TOP, _WIDE, _HIGH = 46, 44, 400, 130  # of the drawing within its panel
_HEAD = 50
_BAND_SECONDS = 0.5
_WARM_UP_SECONDS = 2.0


def draw(result: Result, device_name: str) -> str:
    """The whole picture as SVG: a panel a case."""
    rows = (len(result.outcomes) + _COLUMNS - 1) // _COLUMNS
    width, height = _COLUMNS * _PANEL_WIDTH + 20, _HEAD + rows * _PANEL_HEIGHT + 10
    parts = [
        *head(width, height, "Shares of device time by completed work"),
        text(20, 24, "Shares of device time, by the work that tenants completed", 15, bold=True),
        text(
            20,
            42,
            f"{device_name}; percent in each half second; dashed: as promised; "
            "left of the thin line: warm-up, not judged",
            11,
            soft=True,
        ),
    ]
    for number, outcome in enumerate(result.outcomes):
        x = 10 + number % _COLUMNS * _PANEL_WIDTH
        y = _HEAD + number // _COLUMNS * _PANEL_HEIGHT
        parts.append(f'<g transform="translate({x} {y})">')
        parts += _panel(outcome)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])


def _panel(outcome: Outcome) -> list[str]:
    missed = len(outcome.missed)
    verdict = "PASS" if not missed else f"{missed} of {len(outcome.checks)} promises missed"
    colour = "#2b8a3e" if not missed else "#c92a2a"
    parts = [
        text(_LEFT, _TOP - 22, outcome.case.name, 13, bold=True),
        text(_LEFT + _WIDE, _TOP - 22, verdict, 12, bold=True, anchor="end", colour=colour),
        text(_LEFT, _TOP - 7, _shares(outcome), 11, soft=True),
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_WIDE}" height="{_HIGH}" fill="#f1f3f5"/>',
    ]
    parts += _bands(outcome)
    parts += _promised(outcome)
    seconds = len(outcome.bands[0]) * _BAND_SECONDS if outcome.bands else 0.0
    if seconds > _WARM_UP_SECONDS:
        x = _LEFT + _WIDE * _WARM_UP_SECONDS / seconds
        parts.append(line(x, _TOP, x, _TOP + _HIGH, INK, ' stroke-width="0.8"'))
    for percent in (0, 50, 100):
        y = _TOP + _HIGH * (1 - percent / 100)
        parts.append(text(_LEFT - 6, y + 4, f"{percent}", 10, soft=True, anchor="end"))
    parts.append(text(_LEFT, _TOP + _HIGH + 15, "0 s", 10, soft=True))
    parts.append(
        text(_LEFT + _WIDE, _TOP + _HIGH + 15, f"{seconds:g} s", 10, soft=True, anchor="end")
    )
    return parts


def _bands(outcome: Outcome) -> list[str]:
    """Stacked from below, the first tenant lowest; each half second is a step."""
    stacks = [list(accumulate(column)) for column in zip(*outcome.bands, strict=True)]
    count = len(stacks)
    parts: list[str] = []
    for tenant in range(len(outcome.bands)):
        upper: list[str] = []
        lower: list[str] = []
        for step, stack in enumerate(stacks):
            below = stack[tenant - 1] if tenant else 0.0
            for edge in (step, step + 1):
                x = _LEFT + _WIDE * edge / count
                upper.append(f"{x:.1f},{_y(stack[tenant]):.1f}")
                lower.append(f"{x:.1f},{_y(below):.1f}")
        points = " ".join([*upper, *reversed(lower)])
        colour = _BANDS[tenant % len(_BANDS)]
        parts.append(f'<polygon points="{points}" fill="{colour}" fill-opacity="0.85"/>')
    return parts


def _promised(outcome: Outcome) -> list[str]:
    """Where the bands should end: only where every tenant was promised a share."""
    expected = [tenant.expected for tenant in outcome.case.tenants]
    known = [share for share in expected if share is not None]
    if len(known) < len(expected):
        return []
    lines: list[str] = []
    for level in accumulate(known):
        if level < 99.99:
            y = _y(level)
            dashes = ' stroke-width="1.4" stroke-dasharray="5 4"'
            lines.append(line(_LEFT, y, _LEFT + _WIDE, y, INK, dashes))
    return lines


def _shares(outcome: Outcome) -> str:
    load = f"; load {outcome.noise.load:.1f}"
    if len(outcome.shares) > 8:
        return f"got {min(outcome.shares):.2f} to {max(outcome.shares):.2f} % each" + load
    got = " / ".join(f"{share:.2f}" for share in outcome.shares) + " %" + load
    expected = [tenant.expected for tenant in outcome.case.tenants]
    if None in expected:
        return f"got {got}"
    wanted = " / ".join(f"{share:g}" for share in expected)
    return f"promised {wanted}, got {got}" if len(expected) <= 3 else f"got {got}"


def _y(percent: float) -> float:
    return _TOP + _HIGH * (1 - min(100.0, max(0.0, percent)) / 100)
