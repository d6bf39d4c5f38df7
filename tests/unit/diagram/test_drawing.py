"""The picture as SVG, Mermaid and pixels: all of it, to scale, and names as nothing but text."""

from __future__ import annotations

import re
import struct
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aliquot import words
from aliquot.diagram import png
from aliquot.diagram.arrange import arrange
from aliquot.diagram.mermaid import mermaid
from aliquot.diagram.palette import THEMES
from aliquot.diagram.scene import Choice
from aliquot.diagram.slots import Slots
from aliquot.diagram.svg import svg
from aliquot.diagram.text_width import fitted, width
from aliquot.errors import PictureNeedsLibrary
from aliquot.model.api.picture import Picture
from tests.fakes.scenes import GIB, device, lease, scene, vgpu

_SVG = "{http://www.w3.org/2000/svg}"
_EVIL = '</text><script>alert(1)</script>"&\'"]; click n1 "javascript:alert(1)"'


def _picture(name: str = "train") -> Picture:
    gpu = device(0, name=name, node=name, simulated=True)
    made = [
        vgpu(1, gpu, name=name, tenant=name, memory=6 * GIB, memory_used=3 * GIB, leases=1),
        vgpu(2, gpu, reason=name, compute=25.0, measured={"consumed": 50.0}, mode="mig"),
        vgpu(3, None, name=name),
    ]
    return arrange(scene([gpu], made, [lease(made[0], holder=name)]), Choice(), Slots())


@pytest.mark.parametrize("language", words.LANGUAGES)
@pytest.mark.parametrize("theme", ["auto", *THEMES])
def test_every_box_and_edge_is_drawn(language: str, theme: str) -> None:
    picture = _picture()
    root = ElementTree.fromstring(svg(picture, language=language, theme=theme))
    drawn = {element.get("id") for element in root.iter()}
    assert {box.id for box in picture.boxes} | {edge.id for edge in picture.edges} <= drawn
    for box in picture.boxes:
        group = next(element for element in root.iter(f"{_SVG}g") if element.get("id") == box.id)
        outline = next(group.iter(f"{_SVG}rect"))
        place = tuple(int(outline.get(name, "")) for name in ("x", "y", "width", "height"))
        assert place == (box.x, box.y, box.width, box.height)


def test_parts_are_as_long_as_what_they_stand_for() -> None:
    root = ElementTree.fromstring(svg(_picture()))
    one, two = f"{1:032x}", f"{2:032x}"

    def lengths(attribute: str, vgpu: str) -> list[float]:
        return [
            float(element.get("width", ""))
            for element in root.iter(f"{_SVG}rect")
            if element.get(attribute) == vgpu
        ]

    track = float(next(e for e in root.iter() if e.get("class") == "track").get("width", ""))
    assert lengths("data-promised", one) == pytest.approx([track * 6 / 24, track / 10], abs=0.01)
    assert lengths("data-used", one) == pytest.approx([track * 3 / 24], abs=0.01)
    assert lengths("data-promised", two)[1] == pytest.approx(track / 4, abs=0.01)
    assert lengths("data-used", two) == pytest.approx([track / 2], abs=0.01)


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=70))
def test_whatever_things_are_called_is_text(name: str) -> None:
    picture = _picture(name + _EVIL)
    root = ElementTree.fromstring(svg(picture))
    names = {element.tag.removeprefix(_SVG) for element in root.iter()}
    assert names <= {"svg", "title", "style", "defs", "pattern", "path", "rect", "g", "text"}
    assert not [key for element in root.iter() for key in element.attrib if key.startswith("on")]
    style = next(root.iter(f"{_SVG}style")).text or ""
    assert "url(" not in style
    assert "@import" not in style
    for line in mermaid(picture).splitlines():
        assert re.match(r"flowchart TB$| +(subgraph |end$|classDef |class |n)", line), line
        assert line.count('"') in (0, 2), line
        assert not re.search(r'[<>](?!br/>)(?!")', re.sub(r"<br/>|-\.->|==>", "", line)), line


def test_mermaid_has_the_same_edges() -> None:
    picture = _picture()
    text = mermaid(picture, language="zh")
    assert text.startswith("flowchart TB\n")
    assert len(re.findall(r"==>|-\.->", text)) == len(picture.edges)


def test_names_are_cut_to_their_room() -> None:
    assert fitted("short", 12, 100) == "short"
    cut = fitted("a name that is much too long for its box", 12, 100)
    assert cut.endswith("…")
    assert width(cut, 12) <= 100
    assert width("显存", 10) == 20


def test_png_is_as_large_as_the_picture() -> None:
    picture = _picture()
    drawn = png.png(svg(picture, theme="light"), scale=2)
    assert drawn.startswith(b"\x89PNG")
    assert struct.unpack(">II", drawn[16:24]) == (2 * picture.width, 2 * (picture.height + 28))


def test_without_the_library_png_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(png, "import_module", absent)
    with pytest.raises(PictureNeedsLibrary):
        png.png("<svg/>")
