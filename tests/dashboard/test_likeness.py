"""What pictures count as alike: other smoothing is; a word, a colour or a place is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFilter

from tests.dashboard.likeness import compare, keep, opened


def page(moved: int = 0, text: str = "busy 42 %", colour: str = "#0072b2") -> Image.Image:
    """A small page: a frame, a box and a word on it."""
    made = Image.new("RGB", (640, 400), "white")
    draw = ImageDraw.Draw(made)
    draw.rectangle((20 + moved, 20, 300 + moved, 200), outline="#555555", width=2)
    draw.rectangle((40, 60, 200, 90), fill=colour)
    draw.text((40, 120), text, fill="black")
    return made


def test_the_same_is_alike() -> None:
    assert compare(page(), page()).pixels == 0


def test_fewer_colours_and_softer_edges_are_alike(tmp_path: Path) -> None:
    keep(page(), tmp_path / "kept.png")
    kept = opened((tmp_path / "kept.png").read_bytes())
    assert compare(kept, page()).alike
    soft = page().filter(ImageFilter.GaussianBlur(0.4))
    assert compare(soft, page()).alike


@pytest.mark.parametrize(
    "other",
    [
        page(moved=3),
        page(text=""),
        page(text="busy 43 %").resize((640, 401)),
        page(colour="#d55e00"),
        page(text="lazy 42 %"),
    ],
    ids=["moved", "without its word", "larger", "of another colour", "with another word"],
)
def test_what_was_changed_is_not(other: Image.Image) -> None:
    assert not compare(page(), other).alike
    assert not compare(other, page()).alike
