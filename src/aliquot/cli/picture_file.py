"""Pictures into files: whole or not at all, so that who shows one meanwhile sees no half of it."""

from __future__ import annotations

import contextlib
import os
import tempfile

from aliquot.cli.parser import Parser
from aliquot.errors import BadPictureFile, UsageError

_ENDINGS = (".svg", ".png")


def add_picture(parser: Parser, what: str) -> None:
    """Add --picture; `what` is drawn."""
    parser.add_argument(
        "--picture",
        metavar="FILE",
        help=f"draw {what} into this file, .svg or .png (PNG wants the extra aliquot[png])",
    )


def check_picture(output: str | None) -> None:
    """Raises UsageError where a file is named that could be no picture; before all the work."""
    if output and os.path.splitext(output)[1].casefold() not in _ENDINGS:
        raise UsageError(f"--picture {output} ends neither in .svg nor in .png")


def write_picture(svg: str, output: str) -> None:
    """Write an SVG, or the PNG of it where the name ends so.

    Raises BadPictureFile, PictureNeedsLibrary.
    """
    if output.casefold().endswith(".png"):
        from aliquot.diagram.png import png

        write_file(png(svg), output)
    else:
        write_file(svg.encode(), output)


def write_file(drawn: bytes, output: str) -> None:
    """Write a file; raises BadPictureFile."""
    try:
        # Through a link: what it leads to is replaced, and it stays a link.
        _replace(drawn, os.path.realpath(output) if os.path.islink(output) else output)
    except OSError as error:
        raise BadPictureFile(f"{output!r} can't be written ({error.strerror})") from error


def _replace(drawn: bytes, output: str) -> None:
    if os.path.exists(output) and not os.path.isfile(output):  # a pipe, a terminal
        with open(output, "wb") as file:
            file.write(drawn)
        return
    handle, path = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(output)), prefix=".aliquot")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(drawn)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(path, 0o666 & ~umask)
        os.replace(path, output)
    except BaseException:
        with contextlib.suppress(OSError):  # its folder may be gone
            os.unlink(path)
        raise
