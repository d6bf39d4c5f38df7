"""Compiles the native programs, and installs the project into .venv."""

from __future__ import annotations

import os
from dataclasses import dataclass

from tools.setup import compiler, opencl_headers
from tools.setup.report import BUILD, ROOT, VENV, SetupError, run, say


@dataclass(frozen=True)
class Kind:
    """One way to build: where, with which options, by which compiler."""

    folder: str
    options: tuple[str, ...] = ()
    clang: bool = False


KINDS = {
    "release": Kind("native"),
    # The same folder as release: only the tests are added.
    "tests": Kind("native", ("-DALIQUOT_TESTS=ON",)),
    "strict": Kind(
        "strict",
        ("-DALIQUOT_TESTS=ON", "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON", "-DCMAKE_BUILD_TYPE=Debug"),
    ),
    "fuzz": Kind("fuzz", ("-DALIQUOT_FUZZ=ON", "-DALIQUOT_SANITIZE=address,undefined"), clang=True),
    "address": Kind("address", ("-DALIQUOT_TESTS=ON", "-DALIQUOT_SANITIZE=address,undefined")),
    "thread": Kind("thread", ("-DALIQUOT_TESTS=ON", "-DALIQUOT_SANITIZE=thread")),
}


def build(name: str) -> None:
    """Builds one kind; raises SetupError with the compiler's output above it."""
    if name == "release":
        _install_project()
        return
    kind = KINDS[name]
    environment = _environment()
    options = list(kind.options)
    if kind.clang:
        pair = compiler.clang()
        if pair is None:
            # Tests that need this build find no folder and say so.
            say(f"no clang with libFuzzer here: build `{name}` left out")
            return
        options += [f"-DCMAKE_C_COMPILER={pair[0]}", f"-DCMAKE_CXX_COMPILER={pair[1]}"]
    folder = BUILD / kind.folder
    say(f"building {kind.folder} ({name})")
    run(
        [VENV / "bin/cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", *options],
        why=f"configure the build `{name}`",
        environment=environment,
    )
    run(
        [VENV / "bin/ninja", "-C", folder],
        why=f"compile the build `{name}`",
        environment=environment,
    )


def _install_project() -> None:
    """Compiles incrementally in build/native and replaces the package in .venv."""
    say("building and installing aliquot")
    run(
        [
            VENV / "bin/pip",
            "install",
            "-q",
            "--no-build-isolation",
            "--no-deps",
            "--force-reinstall",
            ROOT,
        ],
        why="build and install the project",
        environment=_environment(),
    )
    if not (VENV / "bin/aliquot").exists():
        raise SetupError("the project was installed without its command; see pyproject.toml")


def _environment() -> dict[str, str]:
    environment = dict(os.environ)
    environment["PATH"] = f"{VENV}/bin:{environment.get('PATH', '/usr/bin:/bin')}"
    environment.update(compiler.environment())
    headers = opencl_headers.folder()
    if headers:
        environment["ALIQUOT_OPENCL_HEADERS"] = str(headers)
    return environment
