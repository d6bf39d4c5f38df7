"""The documents' checker finds what it is there to find, and the pictures are well-formed."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from aliquot.cli.commands import COMMANDS
from tools.docs import check, commands, overview


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_sound_documents_have_no_problems(tmp_path: Path) -> None:
    write(tmp_path, "docs/there.md", "# There")
    write(tmp_path, "tests/unit/test_a.py", "def test_it() -> None: ...")
    write(
        tmp_path,
        "README.md",
        "[a](docs/there.md#there) [b](https://example.org/x) `tests/unit/test_a.py::test_it`",
    )
    assert list(check.problems(tmp_path)) == []


def test_dead_links_and_pictures_are_found(tmp_path: Path) -> None:
    write(tmp_path, "docs/page.md", "[a](gone.md) ![b](gone.svg)")
    assert list(check.problems(tmp_path)) == [
        "docs/page.md: the link to gone.md leads nowhere",
        "docs/page.md: the link to gone.svg leads nowhere",
    ]


def test_promises_without_their_test_are_found(tmp_path: Path) -> None:
    write(tmp_path, "tests/unit/test_a.py", "def test_it_all() -> None: ...")
    write(
        tmp_path,
        "docs/specification.md",
        "| a | `tests/unit/test_a.py::test_it` |\n| b | `tests/unit/test_b.py` |",
    )
    assert list(check.problems(tmp_path)) == [
        "docs/specification.md: tests/unit/test_a.py has no test_it",
        "docs/specification.md: tests/unit/test_b.py does not exist",
    ]


def test_the_overview_is_an_svg_that_names_every_part() -> None:
    picture = overview.draw()
    ElementTree.fromstring(picture)
    for part in ("program", "ICD loader", "guest driver", "worker", "device host", "real driver"):
        assert f">{part}<" in picture


PAGE = """\
# Page

    aliquot devices    # what is here
    what it prints: aliquot run
text with `aliquot run` in it

<!-- variables: made by `python -m tools.docs` -->
stale
<!-- end -->
between
<!-- commands: made by `python -m tools.docs` -->
stale
<!-- end -->
after
"""


def test_the_reference_is_replaced_and_nothing_else() -> None:
    made = commands.with_reference(PAGE)
    assert made.startswith(PAGE.partition("stale")[0])
    assert made.endswith("<!-- end -->\nafter\n")
    assert "stale" not in made
    assert "\nbetween\n" in made
    assert commands.with_reference(made) == made
    for command in COMMANDS:
        parser = command.load().build_parser()
        for part in (parser, *parser.verbs.values()):
            assert f"# {part.prog}\n\n```text\nusage: aliquot {command.name}" in made


def test_a_page_without_its_marks_is_an_error() -> None:
    with pytest.raises(ValueError, match="commands"):
        commands.with_reference(PAGE.replace("<!-- commands", "<!-- others"))


def test_examples_are_what_people_would_type() -> None:
    assert commands.examples(PAGE) == ["aliquot devices"]
    made = commands.examples(commands.with_reference(PAGE))
    assert "aliquot group create pair --count 2 --memory 64MiB" in made
    assert not [example for example in made if "#" in example]
    for command in COMMANDS:
        assert [example for example in made if f"aliquot {command.name}" in example]
