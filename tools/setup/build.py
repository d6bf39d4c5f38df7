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
    sanitizer: str = ""
    targets: tuple[str, ...] = ()


# For sanitizers: some optimisation, and debug information that names lines and no more.
_QUICK_TO_COMPILE = (
    "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
    "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1 -g1",
)

KINDS = {
    "release": Kind("native"),
    # The same folder as release: only the tests are added.
    "tests": Kind("native", ("-DALIQUOT_TESTS=ON",)),
    "strict": Kind(
        "strict",
        ("-DALIQUOT_TESTS=ON", "-DCMAKE_COMPILE_WARNING_AS_ERROR=ON", "-DCMAKE_BUILD_TYPE=Debug"),
    ),
    "fuzz": Kind(
        "fuzz",
        ("-DALIQUOT_FUZZ=ON", "-DALIQUOT_TESTS=ON", *_QUICK_TO_COMPILE),
        clang=True,
        sanitizer="address,undefined",
        targets=("fuzzers", "address_tests"),
    ),
    "thread": Kind(
        "thread",
        ("-DALIQUOT_TESTS=ON", *_QUICK_TO_COMPILE),
        sanitizer="thread",
        targets=("thread_tests",),
    ),
}


def build(name: str) -> None:
    """Builds one kind; raises SetupError with the compiler's output above it."""
    if name == "release":
        _install_project()
        return
    kind = KINDS[name]
    environment = _environment()
    options = _options(kind)
    if options is None:
        if os.environ.get("CI"):
            raise SetupError(f"no compiler here that can make the build `{name}`; CI must have one")
        # Tests that need this build find no folder and are skipped with that reason.
        say(f"no compiler here that can make the build `{name}`: left out")
        return
    folder = BUILD / kind.folder
    say(f"building {kind.folder} ({name})")
    run(
        [VENV / "bin/cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", *options],
        why=f"configure the build `{name}`",
        environment=environment,
    )
    run(
        [VENV / "bin/ninja", "-C", folder, "-j", str(os.cpu_count() or 1), *kind.targets],
        why=f"compile the build `{name}`",
        environment=environment,
    )


def _options(kind: Kind) -> list[str] | None:
    """CMake's options for a kind, or None where the compilers here can't make it."""
    options = list(kind.options)
    cxx = compiler.name()
    if kind.clang:
        pair = compiler.clang()
        if pair is None:
            return None
        cxx = pair[1]
        options += [f"-DCMAKE_C_COMPILER={pair[0]}", f"-DCMAKE_CXX_COMPILER={pair[1]}"]
    if kind.sanitizer:
        if not compiler.links(cxx, f"-fsanitize={kind.sanitizer}"):
            return None
        options.append(f"-DALIQUOT_SANITIZE={kind.sanitizer}")
    return options


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
    say("ready: .venv/bin/aliquot")


def _environment() -> dict[str, str]:
    environment = dict(os.environ)
    environment["PATH"] = f"{VENV}/bin:{environment.get('PATH', '/usr/bin:/bin')}"
    environment.setdefault("CMAKE_BUILD_PARALLEL_LEVEL", str(os.cpu_count() or 1))
    environment.update(compiler.environment())
    headers = opencl_headers.folder()
    if headers:
        environment["ALIQUOT_OPENCL_HEADERS"] = str(headers)
    return environment
