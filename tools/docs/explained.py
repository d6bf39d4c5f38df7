"""docs/architecture.md and its pictures: the modes explained, as the dashboard explains them."""

from __future__ import annotations

from collections.abc import Callable

from aliquot import words
from aliquot.diagram.explained.pictures import picture
from aliquot.diagram.explained.ways import WAYS, Way
from aliquot.diagram.svg import svg
from aliquot.model.api.picture import Line

_FACTS = ("runs", "isolates", "costs", "limits")

_HEAD = """\
# The modes explained

<!-- Made by `python -m tools.docs` from src/aliquot/diagram/explained and src/aliquot/words. -->

{intro}

The dashboard has this page, in English and Chinese, as *{page}*; there each mode also says what
every device of the machine can do now and, of what it can't, why not. `aliquot devices 0` says the
same of one device. [design.md](design.md) has the words and the whole architecture.

| | state | what isolates |
|---|---|---|
{rows}

The layers, from the top down: consumers, guest layer, virtualization, devices, all on one machine.
Colours and borders are those of the architecture picture ([dashboard.md](dashboard.md)): software
round, hardware with corners, hybrid with a second border within, passthrough dashed. The bars show
memory and time to scale, of a made-up moment: promised as a tint, in use in full colour.
"""

_TAIL = """
## Which one?

- Tenants who don't trust one another, on a device that can be cut: partitions (MIG, SR-IOV), for
  there the hardware isolates.
- Sizes that no partition has, sizes that change while programs run, more tenants than partitions:
  remoting, or hybrid on a partition.
- One user, all of the speed, any API: passthrough.

Figures that we measured are in [benchmarks](benchmarks) and [soak](soak/README.md), with what was
missed; none is repeated here. Those of the hardware modes are others', named where they stand:
NVIDIA's [vGPU user guide](https://docs.nvidia.com/vgpu/) and
[MIG user guide](https://docs.nvidia.com/datacenter/tesla/mig-user-guide/), and the paper by
Walters and others.
"""


def files() -> dict[str, Callable[[str], str]]:
    """What is made, by its file: what it is to hold."""
    found: dict[str, Callable[[str], str]] = {"docs/architecture.md": lambda _: page()}
    for way in WAYS:
        found[f"docs/{_file(way)}"] = lambda _, of=way: drawn(of)
    return found


def page() -> str:
    """Returns docs/architecture.md."""
    head = _HEAD.format(
        intro=_say("modes-intro"),
        page=_say("page-modes"),
        rows="\n".join(_row(way) for way in WAYS),
    )
    return head + "".join(_section(way) for way in WAYS) + _TAIL


def drawn(way: Way) -> str:
    """Returns the picture of a way."""
    return svg(picture(way), title=Line(key=f"way-{way.mode}"), legend=False)


def _row(way: Way) -> str:
    name = _say(f"way-{way.mode}")
    state = _say("tested-now" if way.tested else "tested-not")
    return f"| {name} | {state} | {_say(f'isolates-{way.mode}')} |"


def _section(way: Way) -> str:
    name = _say(f"way-{way.mode}")
    facts = "\n".join(
        f"- **{_say(f'explain-{fact}')}**: {_say(f'{fact}-{way.mode}')}" for fact in _FACTS
    )
    return f"\n## {name}\n\n![{name}, from the top down]({_file(way)})\n\n{facts}\n"


def _file(way: Way) -> str:
    return f"modes/{way.mode}.svg"


def _say(key: str) -> str:
    return words.say("en", key)
