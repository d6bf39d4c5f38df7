"""The answer as a page that an operator understands, and its picture."""

from __future__ import annotations

from collections.abc import Sequence

from aliquot.diagram.marks import head, line, text
from aliquot.placement.planning.answer import Answer

# What was tried: with a queue, and with the daemon's own past.
IN_SEVERAL_ORDERS = (
    "requests, in several orders by chance, each tried once; placed by the policy `aliquot`. A "
    "request that finds no place is refused."
)
AS_THEY_CAME = (
    "vGPUs, as they came, changed and went; placed as the daemon does. One that finds no place is "
    "refused, where the daemon's queue might let it wait, and so is one that is to grow where it "
    "is and can't. In use: at the busiest moment."
)

_ENOUGH = 99.5  # percent: what is then left out is chance

_WIDTH, _ROW, _LEFT, _BAR, _TOP = 960, 40, 390, 420, 60


def page(answers: Sequence[Answer], question: str, how: str = IN_SEVERAL_ORDERS) -> str:
    """Markdown: the answer first, then what it rests on; `how` tells what was tried."""
    first = answers[0]
    lines = [
        f"# {question}",
        "",
        verdict(answers),
        "",
        f"{first.requests} {how}",
        "",
        "| way | devices | served | refused | devices they asked for | in use | what they lack |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in answers:
        lacking = ", ".join(f"{what} ({often:.0f} %)" for what, often in one.lacking.items())
        lines.append(
            f"| {one.words} | {one.devices} | {one.served:.1f} % | {one.refused:.0f} | "
            f"{one.refused_devices:.0f} | {one.devices_used:.1f} % | {lacking or 'nothing'} |"
        )
    lines += [
        "",
        "*In use*: of all devices, what requests asked for and got; what rounding up to instances "
        "or to whole devices takes is not in use. *What they lack*: on the nodes that came "
        "closest. Where on a device a MIG instance may start is left out: in truth a little less "
        "fits.",
    ]
    return "\n".join(lines) + "\n"


def verdict(answers: Sequence[Answer]) -> str:
    """In a sentence or two: which ways serve the queue, and the least that does."""
    enough = [one for one in answers if one.served >= _ENOUGH]
    if not enough:
        best = max(answers, key=lambda one: one.served)
        return (
            f"**No way of these serves it all.** {best.words.capitalize()} comes closest: "
            f"{best.served:.1f} % of the requests are served."
        )
    least = min(enough, key=lambda one: (one.devices, -one.served))
    others = [one.words for one in enough if one is not least]
    told = f"**Yes: {least.words}** serve {least.served:.1f} % of the requests."
    return told + (f" So would: {'; '.join(others)}." if others else " No other way of these does.")


def picture(answers: Sequence[Answer], question: str) -> str:
    """A bar for each way, as SVG: what is in use, and what was refused."""
    height = _TOP + _ROW * len(answers) + 40
    parts = [*head(_WIDTH, height, question), text(20, 28, question, 15, bold=True)]
    for number, one in enumerate(answers):
        y = _TOP + number * _ROW
        used = _BAR * min(100.0, one.devices_used) / 100
        good = one.served >= _ENOUGH
        parts += [
            text(_LEFT - 12, y + 17, one.words, 12, anchor="end"),
            f'<rect x="{_LEFT}" y="{y}" width="{_BAR}" height="24" fill="#f1f3f5"/>',
            f'<rect x="{_LEFT}" y="{y}" width="{used:.1f}" height="24" fill="#0072b2"/>',
            text(_LEFT + 8, y + 17, f"{one.devices_used:.0f} % in use", 11, colour="#ffffff"),
            text(
                _LEFT + _BAR + 10,
                y + 17,
                f"{'✓' if good else '✗'} {one.served:.1f} % served",
                12,
                bold=good,
            ),
        ]
    bottom = _TOP + _ROW * len(answers) + 8
    parts.append(line(_LEFT, bottom - 12, _LEFT + _BAR, bottom - 12, "#9aa5b1"))
    parts.append(text(_LEFT, bottom + 6, "all devices", 11, soft=True))
    return "\n".join([*parts, "</svg>", ""])
