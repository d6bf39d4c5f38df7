"""Finds a C++20 compiler, or gets one."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

from tools.setup import debian
from tools.setup.report import VENV, SetupError, run, say

_FUZZER = 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }'
_ZIG_NOTE = "no C++ compiler on this machine; using ziglang's from PyPI"


def ensure() -> None:
    """Makes sure that `environment()` names a compiler; raises SetupError when none can be had."""
    if _system_compiler():
        return
    if debian.can_install():
        debian.install(["g++"])
        return
    if _zig_wrapper("c++").exists():
        return
    say(_ZIG_NOTE)
    try:
        run([VENV / "bin/pip", "install", "-q", "ziglang"], why="install ziglang")
    except SetupError as error:
        raise SetupError(
            "no C++ compiler found and ziglang could not be installed; "
            "ask an administrator to run: apt-get install g++"
        ) from error
    for language in ("cc", "c++"):
        _write_zig_wrapper(language)


def environment() -> dict[str, str]:
    """CC and CXX for CMake; empty where CMake finds a compiler by itself."""
    if _system_compiler() or not _zig_wrapper("c++").exists():
        return {}
    return {"CC": str(_zig_wrapper("cc")), "CXX": str(_zig_wrapper("c++"))}


def links(cxx: str, option: str, program: str = "int main() { return 0; }") -> bool:
    """Whether a compiler can build a program with the option, its run-time library included."""
    done = subprocess.run(
        [cxx, "-x", "c++", option, "-o", "/dev/null", "-"],
        input=program,
        text=True,
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def name() -> str:
    """The C++ compiler that CMake will use."""
    return environment().get("CXX") or _system_compiler() or "c++"


def clang() -> tuple[str, str] | None:
    """A clang and clang++ that bring libFuzzer and the sanitizers' runtimes, or None."""
    for suffix in ("", "-19", "-18", "-17", "-16", "-15", "-14"):
        c, cxx = shutil.which(f"clang{suffix}"), shutil.which(f"clang++{suffix}")
        if c and cxx and links(cxx, "-fsanitize=fuzzer,address", _FUZZER):
            return c, cxx
    return None


def _system_compiler() -> str | None:
    named = os.environ.get("CXX")
    if named:
        return shutil.which(named)
    return shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")


def _zig_wrapper(language: str) -> Path:
    return VENV / "bin" / f"zig-{language}"


def _write_zig_wrapper(language: str) -> None:
    wrapper = _zig_wrapper(language)
    wrapper.write_text(f'#!/bin/sh\nexec "{VENV}/bin/python" -m ziglang {language} "$@"\n')
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
