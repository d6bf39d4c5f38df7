"""Set-up's decisions, without the network: which headers are kept, what is installed again."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.absent import absent
from tools.setup import build, environment, icd_header, opencl_headers, postgresql, report

_REAL = "cl_icd_dispatch"
_NOTICE = "/* Licensed under the Apache License, Version 2.0 */\n"


def test_only_headers_under_the_apache_licence_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "CL", tmp_path / "kept"
    source.mkdir()
    (source / "cl.h").write_text(_NOTICE)
    (source / "other.h").write_text("/* All rights reserved */\n")
    monkeypatch.setattr(opencl_headers, "_FOLDER", target)
    assert opencl_headers._keep(source)
    assert opencl_headers.folder() == target
    assert {header.name for header in (target / "CL").iterdir()} == {"cl.h", "cl_icd.h"}


def test_headers_under_another_licence_do_not_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "CL"
    source.mkdir()
    (source / "cl.h").write_text("/* All rights reserved */\n")
    monkeypatch.setattr(opencl_headers, "_FOLDER", tmp_path / "kept")
    assert not opencl_headers._keep(source)
    assert opencl_headers.folder() is None


def test_a_header_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "cl_icd.h").write_text("mine")
    icd_header.complete(tmp_path)
    assert (tmp_path / "cl_icd.h").read_text() == "mine"


def test_our_dispatch_table_has_the_layout_of_khronos(tmp_path: Path) -> None:
    """Compiled against the real header, where there is one: same size, same place of each slot."""
    compiler = shutil.which("c++")
    if not compiler or not Path("/usr/include/CL/cl_icd.h").exists():
        absent("no compiler, or no cl_icd.h of Khronos to compare with")
    ours = icd_header.text().replace("cl_icd_dispatch", "our_dispatch")
    ours = ours.replace("#pragma once", "")
    slots = re.findall(r"[ *](cl\w+)(?:;|\)\()", ours)
    checks = [
        f"static_assert(offsetof(our_dispatch, {s}) == offsetof({_REAL}, {s}));" for s in slots
    ]
    program = f"#include <cstddef>\n#include <CL/cl_icd.h>\n{ours}\n" + "\n".join(checks)
    program += f"\nstatic_assert(sizeof(our_dispatch) <= sizeof({_REAL}));\n"
    source = tmp_path / "layout.cpp"
    source.write_text(program)
    command = [compiler, "-std=c++20", "-DCL_TARGET_OPENCL_VERSION=300", "-fsyntax-only", source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(slots) > 100


def test_packages_are_installed_once_and_again_when_they_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(environment, "VENV", tmp_path)
    monkeypatch.setattr(environment, "run", lambda command, why: calls.append(command))
    environment._install(["a", "b"], "everyday")
    environment._install(["b", "a"], "everyday")
    assert len(calls) == 1
    environment._install(["a", "c"], "everyday")
    assert len(calls) == 2


def test_postgresql_comes_without_a_server_and_leaves_no_trace(tmp_path: Path) -> None:
    configuration = tmp_path / "common" / "create.d" / "ours.conf"
    with postgresql.no_server(configuration):
        assert configuration.read_text() == "create_main_cluster = false\n"
    assert list(tmp_path.iterdir()) == []


def test_a_failing_program_becomes_one_sentence() -> None:
    with pytest.raises(report.SetupError, match=r"^could not try: .* ended with 3$"):
        report.run([sys.executable, "-c", "raise SystemExit(3)"], why="try")


def test_every_kind_of_build_has_a_folder_below_build() -> None:
    assert all("/" not in kind.folder for kind in build.KINDS.values())


def test_make_help_lists_the_targets() -> None:
    text = subprocess.run(
        ["make", "help"], cwd=report.ROOT, capture_output=True, text=True, check=True
    ).stdout
    listed = {line.split()[0] for line in text.splitlines()}
    wanted = {"setup", "demo", "test", "soak", "lint", "bench", "generate", "docs", "help"}
    assert wanted <= listed
