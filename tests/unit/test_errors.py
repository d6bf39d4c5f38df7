"""Error codes are stable, unique, documented, and those of the native side."""

import re
from pathlib import Path

from aliquot import errors
from aliquot.errors.catalogue import catalogue, documentation

ROOT = Path(__file__).resolve().parents[2]


def test_every_error_is_complete_and_its_code_unique() -> None:
    kinds = catalogue()
    codes = [kind.code for kind in kinds]
    assert len(set(codes)) == len(codes) >= 20
    for kind in kinds:
        assert re.fullmatch(r"ALQ-E[1-9]\d\d", kind.code)
        assert kind.title
        assert kind.why.endswith(".")
        assert kind.remedy
        assert not kind.remedy.endswith(".")


def test_native_codes_are_the_same() -> None:
    header = (ROOT / "native/protocol/records.h").read_text()
    body = header[header.index("enum class ErrorCode") :].split("};")[0]
    native = {int(number): name for name, number in re.findall(r"k(\w+) = (\d+)", body)}
    del native[0]
    renamed = {"Internal": "InternalError"}
    told = {number: kind.__name__ for number, kind in errors.BY_NUMBER.items()}
    assert told == {number: renamed.get(name, name) for number, name in native.items()}
    for number, kind in errors.BY_NUMBER.items():
        assert kind.code == f"ALQ-E{100 + number}"


def test_the_page_is_not_stale() -> None:
    page = (ROOT / "docs/errors.md").read_text()
    assert page == documentation(), "run: python -m aliquot.errors > docs/errors.md"


def test_an_error_is_one_sentence_with_a_remedy() -> None:
    error = errors.UnknownDevice("there is no device 'x' here")
    assert str(error) == "there is no device 'x' here; 'aliquot devices' lists them"
    assert error.as_dict()["code"] == "ALQ-E206"
    assert error.exit_status == 2
