"""Which library allocates memory in workers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from aliquot import environment, native_programs


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(environment.ALLOCATOR.name, raising=False)


def place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A library beside this Python, as set-up leaves it where nobody is root."""
    library = folder / "lib" / native_programs.ALLOCATORS[0]
    library.parent.mkdir(parents=True)
    library.touch()
    monkeypatch.setattr(sys, "prefix", str(folder))
    return str(library)


def test_the_one_beside_this_python_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = place(tmp_path, monkeypatch)
    assert native_programs.find_allocator() == library


@pytest.mark.parametrize("name", ["with space", "with:colon"])
def test_what_the_loader_would_take_for_several_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    library = place(tmp_path / name, monkeypatch)
    assert native_programs.find_allocator() != library


def test_another_may_be_chosen_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place(tmp_path, monkeypatch)
    monkeypatch.setenv(environment.ALLOCATOR.name, "none")
    assert native_programs.find_allocator() is None
    monkeypatch.setenv(environment.ALLOCATOR.name, "/opt/other.so")
    assert native_programs.find_allocator() == "/opt/other.so"
