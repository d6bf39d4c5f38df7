"""What the daemon says has words in every language: reasons, errors, events and names of things.

What there is to say is found in the source, so nothing that is added there can be forgotten here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from aliquot import words
from aliquot.api.problems import problem
from aliquot.errors import AliquotError, MemoryUnavailable, NotPermitted
from aliquot.errors.catalogue import catalogue
from aliquot.model.access_token import Role
from aliquot.model.api.devices import PolicyResource
from aliquot.model.lifecycle import VgpuState
from aliquot.model.line import Line
from aliquot.model.modes import Mode
from aliquot.model.shares import PolicyKind, PriorityClass
from aliquot.model.why import Why, because
from aliquot.words.refusals import entries_of, refusal, saying

_SOURCE = Path(__file__).resolve().parents[2] / "src/aliquot"
# What makes a line of a code, and the values that it adds by itself.
_MAKERS: dict[str, set[str]] = {"because": set(), "refusal": set(), "about": {"device", "uuid"}}
_TELLERS = ("tell", "tell_watchers")

languages = pytest.mark.parametrize("language", words.LANGUAGES)


def calls() -> Iterator[ast.Call]:
    """Every call in the source."""
    for file in sorted(_SOURCE.rglob("*.py")):
        tree = ast.parse(file.read_text())
        yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def name_of(call: ast.Call) -> str:
    """What is called, without what it belongs to."""
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def code_of(argument: ast.expr) -> str:
    """The member of Why that an argument is, or nothing."""
    if not isinstance(argument, ast.Attribute) or not isinstance(argument.value, ast.Name):
        return ""
    return argument.attr if argument.value.id == "Why" else ""


@languages
def test_every_reason_has_words_and_no_other_is_there(language: str) -> None:
    told = {key for key in words.catalogue(language) if key.startswith("why-")}
    assert told == {f"why-{why.value}" for why in Why}


def test_every_reason_is_given_somewhere() -> None:
    text = "".join(file.read_text() for file in _SOURCE.rglob("*.py") if file.name != "why.py")
    assert [why.name for why in Why if not re.search(rf"\bWhy\.{why.name}\b", text)] == []


def test_reasons_are_given_the_values_that_their_words_have_places_for() -> None:
    seen = 0
    for call in calls():
        maker = name_of(call)
        codes = [code for code in map(code_of, call.args) if code]
        if maker not in _MAKERS or not codes:
            continue
        given = {keyword.arg or "" for keyword in call.keywords} | _MAKERS[maker]
        # What follows the code and isn't the device are the sentences within it.
        if len(call.args) > {"because": 1}.get(maker, 2):
            given.add("lines")
        entry = words.catalogue("en")[f"why-{Why[codes[0]].value}"]
        assert {name for name, _ in words.places(entry)} == given, (codes[0], ast.unparse(call))
        seen += 1
    assert seen > 40


@languages
@pytest.mark.parametrize("kind", catalogue(), ids=lambda kind: kind.code)
def test_every_error_has_words(kind: type[AliquotError], language: str) -> None:
    found = words.catalogue(language)
    for key, english in entries_of(kind).items():
        if language == "en":
            assert found[key] == english, "the catalogue says what src/aliquot/errors says"
        else:
            assert found[key].strip()
            assert found[key] != english or "pip install" in english


def test_no_words_are_left_of_errors_that_are_gone() -> None:
    known = {key for kind in catalogue() for key in entries_of(kind)}
    told = {key for key in words.catalogue("en") if re.match(r"(?:error|remedy)-ALQ", key)}
    assert told == known


def test_every_event_has_words() -> None:
    kinds: set[str] = {f"vgpu.{state.value}" for state in VgpuState}
    for call in calls():
        if name_of(call) in _TELLERS and call.args and isinstance(call.args[0], ast.Constant):
            kinds.add(str(call.args[0].value))
    assert len(kinds) > 20
    for kind in filter(re.compile(r"[a-z]+\.[a-z]+").fullmatch, sorted(kinds)):
        assert f"event-{kind}" in words.catalogue("en")


def test_what_has_a_name_has_one_in_the_catalogue() -> None:
    named = [f"mode-{mode.value}" for mode in Mode]
    named += [f"state-{state.value}" for state in VgpuState]
    named += [f"policy-{kind.word}" for kind in PolicyKind]
    named += [f"priority-{kind.word}" for kind in PriorityClass]
    named += [f"role-{role.value}" for role in Role]
    assert [key for key in named if key not in words.catalogue("en")] == []
    assert f"policy-{PolicyResource().policy}" in named


def test_values_that_are_names_of_things_are_told_by_the_catalogue() -> None:
    line = because(Why.CANNOT_MOVE, vgpu="a", state="leased")
    assert "“已租用”" in words.line("zh", line)
    unheard_of = because(Why.NO_MODE, mode="beaming")
    assert words.english(unheard_of) == "it can't do the mode beaming"


def test_sentences_stand_within_sentences() -> None:
    inner = because(Why.UNBOUND)
    outer = because(Why.NO_OPENCL_BECAUSE, inner)
    assert words.english(outer) == "no OpenCL driver offers it: no kernel driver is bound to it"
    assert words.sentence("zh", [outer, inner]).count("没有内核驱动") == 2


def test_what_the_catalogue_lacks_is_told_as_it_was_said() -> None:
    newer = [Line(key="why-of-another-version")]
    assert words.sentence("zh", newer, "it is new") == "it is new"
    assert words.reason("zh", "it is new", "", newer) == "it is new"
    # What a device host says is no sentence of ours, but what its error is about is known.
    said = [words.say("zh", key) for key in ("error-ALQ-E110", "between")] + ["signal 11"]
    assert words.reason("zh", "signal 11", "ALQ-E110") == "".join(said)
    assert words.reason("en", "signal 11", "ALQ-E110") == "signal 11"
    assert words.reason("zh", "") == ""


def test_exact_sizes_and_shares() -> None:
    assert words.written(3 << 30, "exact") == "3 GiB"
    assert words.written((3 << 30) + 1, "exact") == "3221225473 B"
    assert words.written(0, "exact") == "0 B"
    assert words.written(12.5, "share") == "12.5 %"
    assert words.written(0.01, "share") == "0.01 %"


def test_a_problem_has_the_lines_of_its_error() -> None:
    told = problem(refusal(MemoryUnavailable, Why.NO_MEMORY, size=1 << 30, wanted=2 << 30))
    assert told.detail == words.english(*told.lines)
    assert told.remedy_lines == [Line(key="remedy-ALQ-E104")]
    bare = problem(MemoryUnavailable())
    assert bare.lines == [Line(key="error-ALQ-E104")]
    # Words that are no sentence of ours have no lines; nor has a remedy of its own.
    free = problem(MemoryUnavailable("7 bytes are left"))
    assert (free.lines, free.detail) == ([], "7 bytes are left")
    own = problem(saying(NotPermitted, because(Why.VIEWER), remedy="ask somebody"))
    assert (own.remedy, own.remedy_lines) == ("ask somebody", [])
