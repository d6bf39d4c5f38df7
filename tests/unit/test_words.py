"""The catalogue: the same entries with the same places in every language, and none that lacks."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from aliquot import words
from aliquot.diagram.arrange import arrange
from aliquot.diagram.scene import Choice, Collapse
from aliquot.diagram.slots import Slots
from aliquot.model.lease import LeaseKind
from aliquot.model.lifecycle import VgpuState
from tests.fakes.scenes import device, lease, scene, vgpu

_PACKAGE = Path(__file__).resolve().parents[2] / "src/aliquot"
_SOURCE = _PACKAGE / "diagram"


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_every_language_says_the_same_things(language: str) -> None:
    first = words.catalogue(words.LANGUAGES[0])
    other = words.catalogue(language)
    assert other.keys() == first.keys()
    for key, entry in other.items():
        assert words.places(entry) == words.places(first[key]), key
        assert entry.strip()


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_no_entry_is_there_twice(language: str) -> None:
    """Of two the later one would be said for both, in silence."""
    twice: list[str] = []

    def noted(pairs: Sequence[tuple[str, str]]) -> None:
        keys = [key for key, _ in pairs]
        twice.extend(key for key in set(keys) if keys.count(key) > 1)

    file = _PACKAGE / "words" / f"{language}.json"
    json.loads(file.read_text("utf-8"), object_pairs_hook=noted)
    assert twice == []


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_every_line_of_a_picture_can_be_said(language: str) -> None:
    gpus = [device(0, present=False), device(1, facts={"compute_units": 7, "modes": []}, vgpus=1)]
    gpus[1].measured.update(power=100.0, temperature=50.0)
    made = [
        vgpu(number, gpus[number % 2], state=state, compute_limit=50.0 + 50 * (number % 2))
        for number, state in enumerate(VgpuState)
    ]
    made += [vgpu(20, gpus[0], compute=0.0), *(vgpu(30 + n, None) for n in range(12))]
    held = [lease(made[n], n, kind=kind) for n, kind in enumerate(LeaseKind)]
    held += [lease(made[4 + n], n, kind=kind, process_id=0) for n, kind in enumerate(LeaseKind)]
    for collapse in (Collapse.ALL, Collapse.NONE):
        picture = arrange(scene(gpus, made, held), Choice(collapse=collapse), Slots())
        for box in picture.boxes:
            for line in (box.title, *box.lines):
                assert "{" not in words.say(language, line.key, line.values)
        for band in picture.bands:
            words.say(language, f"layer-{band.layer.value}")


def test_entries_that_the_source_names_are_there() -> None:
    known = words.catalogue("en")
    for file in _SOURCE.rglob("*.py"):
        for key in re.findall(
            r'(?:key=|say\(\w+\._?language, |say\(language, )"([^"]+)"', file.read_text()
        ):
            assert key in known, (file.name, key)


def test_values() -> None:
    assert words.written(1536, "size") == "1.50 KiB"
    assert words.written(2 << 30, "rate") == "2 GiB/s"
    assert words.written(33.333, "percent") == "33.3 %"
    assert words.written(50.0, "percent") == "50 %"
    assert words.written(7, "number") == "7"
    assert words.say("zh", "memory", {"used": 1024, "limit": 2048}) == "1 KiB / 2 KiB"
