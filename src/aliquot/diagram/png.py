"""The picture as pixels, by resvg: no browser, and nothing but the machine's fonts is asked for."""

from __future__ import annotations

from importlib import import_module

from aliquot.errors import PictureNeedsLibrary


def png(svg: str, *, scale: int = 2) -> bytes:
    """An SVG of ours as PNG, `scale` pixels a unit; raises PictureNeedsLibrary."""
    try:
        resvg = import_module("resvg_py")  # optional, and without types
    except ImportError as error:
        raise PictureNeedsLibrary("resvg-py is not installed here") from error
    return bytes(resvg.svg_to_bytes(svg_string=svg, zoom=scale))
