"""Seeds of the fuzzers, made from small real programs on a vGPU, where a driver is found.

They are made once a build and lie in build/fuzz/seeds; nothing of them is committed.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.security.fuzzing import Fuzzer
from tests.system.compiled import compile_program
from tests.system.runtime import Runtime
from tools.programs.drivers import all_drivers
from tools.setup import compiler, opencl_headers
from tools.setup.report import BUILD, ROOT

_SEEDS = BUILD / "fuzz" / "seeds"
_NATIVE = ROOT / "native"
_PROGRAMS: dict[str, tuple[str, ...]] = {
    "every_command": (),
    "many_threads": ("2", "1"),
    "event_rules": (),
    "kernel_rules": (),
    "program_rules": (),
    "transfer_rules": (),
    "user_event_rules": (),
}


def seeds_of(fuzzer: Fuzzer) -> list[Path]:
    """Folders of seeds for one fuzzer; made at the first call."""
    if not _SEEDS.is_dir() and all_drivers():
        _make()
    folder = _SEEDS / fuzzer.name.removesuffix("_staged")
    return [folder] if folder.is_dir() else []


def _make() -> None:
    recorder = _compile_recorder()
    for name in ("worker", "guest"):
        (_SEEDS / name).mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch, Runtime(all_drivers()[0], patch) as runtime:
        for name, arguments in _PROGRAMS.items():
            program = compile_program(name, _SEEDS)
            # Only the program itself may be recorded, so `env` is what aliquot starts.
            runtime.aliquot(
                *("run", "--quiet", "--", "env", f"LD_PRELOAD={recorder}", str(program)),
                *arguments,
                variables={"ALIQUOT_SEED_FOLDER": str(_SEEDS)},
            )
        runtime.wait_until_nothing_runs()
    assert any((_SEEDS / "worker").iterdir()), "no commands were recorded"


def _compile_recorder() -> Path:
    _SEEDS.mkdir(parents=True, exist_ok=True)
    library = _SEEDS / "recorder.so"
    headers = opencl_headers.folder()
    subprocess.run(
        [
            *(compiler.name(), "-std=c++20", "-O1", "-shared", "-fPIC", "-o", str(library)),
            *("-I", str(_NATIVE), "-I", str(_NATIVE / "tests" / "fuzz")),
            *(("-I", str(headers)) if headers else ()),
            str(_NATIVE / "tests" / "fuzz" / "trace_seeds.cpp"),
        ],
        check=True,
        env=os.environ | compiler.environment(),
    )
    return library
