"""`aliquot diagram`: the architecture picture as a file, as the dashboard draws it."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aliquot.cli import live
from aliquot.cli.daemon import connect
from aliquot.cli.parser import Parser
from aliquot.cli.picture_file import write_file
from aliquot.errors import BadPictureFile, UsageError

if TYPE_CHECKING:
    from aliquot.client.rest import Client
    from aliquot.model.api.picture import Picture

_FORMATS = ("svg", "png", "mermaid", "json")
_BY_ENDING = {".svg": "svg", ".png": "png", ".mmd": "mermaid", ".json": "json"}


def build_parser() -> Parser:
    """The options of `aliquot diagram`."""
    parser = Parser(
        "diagram",
        "Draws what there is and who uses it: consumers, guest layer, virtualization, devices, "
        "with\neach vGPU as its true part of its device's memory and time, promised and used. PNG "
        "wants the\nextra aliquot[png].",
        example="aliquot diagram --output gpus.svg",
        exit_status="0; 130 after Ctrl-C; 2 for an error.",
    )
    parser.add_argument(
        "--format",
        choices=_FORMATS,
        help="what to write (default: by the ending of --output, else svg)",
    )
    parser.add_argument("--output", "-o", metavar="FILE", help="where to (default: to stdout)")
    parser.add_argument(
        "--follow", action="store_true", help="write it again whenever it has changed, until Ctrl-C"
    )
    live.add_rhythm(parser, "with --follow")
    parser.add_argument(
        "--group",
        choices=("node", "owner", "mode"),
        default="node",
        help="vGPUs stand on their devices, or together by owner or mode (default: node)",
    )
    parser.add_argument("--owner", metavar="TENANT", help="only this tenant's vGPUs")
    parser.add_argument("--device", metavar="DEVICE", help="only this device")
    parser.add_argument(
        "--vgpu", metavar="VGPU", help="only this vGPU: its processes and their command queues"
    )
    parser.add_argument(
        "--collapse",
        choices=("auto", "all", "none"),
        default="auto",
        help="draw a device's vGPUs as one (default: auto, where there are many)",
    )
    parser.add_argument(
        "--language", choices=("en", "zh"), default="en", help="the words' language (default: en)"
    )
    parser.add_argument(
        "--theme",
        choices=("auto", "light", "dark"),
        default="auto",
        help="colours; auto: as whoever looks at it prefers (default)",
    )
    parser.add_argument("--json", action="store_true", help="the same as --format json")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Draw."""
    given = build_parser().parse_args(arguments)
    form = _format(given)
    if given.follow and given.output is None and form != "json":
        raise UsageError(f"--follow needs --output for {form}: only JSON goes to stdout by lines")
    rhythm = live.rhythm(given.interval, given.rounds, once=not given.follow)
    with connect() as client:
        last: bytes | None = None
        for _ in rhythm.beats():
            picture = _picture(client, given)
            drawn = _drawn(picture, form, given, laid_out=not given.follow)
            if drawn != last:
                _write(drawn, given.output)
            last = drawn
    return 0


def _format(given: Namespace) -> str:
    if given.json:
        if given.format not in (None, "json"):
            raise UsageError(f"--json and --format {given.format} are two formats")
        return "json"
    if given.format is not None:
        return given.format
    return _BY_ENDING.get(os.path.splitext(given.output or "")[1].casefold(), "svg")


def _picture(client: Client, given: Namespace) -> Picture:
    return client.diagram.show(
        group=given.group,
        collapse=given.collapse,
        owner=given.owner,
        device=given.device,
        vgpu=given.vgpu,
    )


def _drawn(picture: Picture, form: str, given: Namespace, *, laid_out: bool) -> bytes:
    if form == "json":
        import msgspec

        text = msgspec.json.encode(picture)
        return (msgspec.json.format(text, indent=2) if laid_out else text) + b"\n"
    if form == "mermaid":
        from aliquot.diagram.mermaid import mermaid

        return mermaid(picture, language=given.language).encode()
    from aliquot.diagram.svg import svg

    theme = given.theme
    if form == "png" and theme == "auto":
        theme = "light"  # a PNG is one or the other
    text = svg(picture, language=given.language, theme=theme)
    if form == "svg":
        return text.encode()
    from aliquot.diagram.png import png

    return png(text)


def _write(drawn: bytes, output: str | None) -> None:
    if output is None:
        _print(drawn)
    else:
        write_file(drawn, output)


def _print(drawn: bytes) -> None:
    try:
        sys.stdout.buffer.write(drawn)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        # What is left in the buffer is not to be tried again at Python's exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise BadPictureFile(f"the output can't be written ({error.strerror})") from error
