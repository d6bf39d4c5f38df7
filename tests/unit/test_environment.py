"""Every environment variable is declared once and documented."""

import re
from pathlib import Path

from aliquot import environment

ROOT = Path(__file__).resolve().parents[2]
DECLARED = {variable.name for variable in environment.VARIABLES}
MODULE = ROOT / "src/aliquot/environment.py"


def test_no_other_file_names_a_variable() -> None:
    for path in (ROOT / "src/aliquot").rglob("*.py"):
        if path == MODULE:
            continue
        named = set(re.findall(r"[\"'](ALIQUOT_[A-Z_]+)[\"']", path.read_text()))
        assert not named, f"{path} names {named}; use aliquot.environment"


def test_no_other_file_reads_the_environment_by_name() -> None:
    for path in (ROOT / "src/aliquot").rglob("*.py"):
        if path != MODULE:
            assert not re.search(r"os\.(getenv|environ\.get|environ\[)", path.read_text()), path


def test_what_native_code_reads_is_declared() -> None:
    read: set[str] = set()
    for path in (ROOT / "native").rglob("*.cpp"):
        if "tests" not in path.parts:
            read |= set(re.findall(r"getenv\(\"(\w+)\"\)", path.read_text()))
    assert {name for name in read if name.startswith("ALIQUOT_")} <= DECLARED


def test_every_variable_is_documented() -> None:
    page = (ROOT / "docs/cli.md").read_text()
    for variable in environment.VARIABLES:
        assert f"`{variable.name}`" in page
        assert variable.sentence.endswith(".")
        assert " ".join(variable.sentence.split()) in " ".join(page.split())


def test_an_empty_variable_is_an_unset_one() -> None:
    assert environment.TRACE.get({"ALIQUOT_TRACE": ""}) is None
    assert environment.TRACE.get({"ALIQUOT_TRACE": "x"}) == "x"
