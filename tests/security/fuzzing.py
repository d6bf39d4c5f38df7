"""Runs the fuzzers that `python -m tools.setup build fuzz` makes."""

from __future__ import annotations

import os
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.absent import absent
from tools.setup import compiler
from tools.setup.report import BUILD, ROOT

_FOLDER = BUILD / "fuzz" / "native" / "tests"
_REGRESSIONS = ROOT / "native" / "tests" / "fuzz" / "regressions"
_LONGEST_INPUT_SECONDS = 60
_MOST_MEMORY = 4096  # MiB


@dataclass(frozen=True)
class Fuzzer:
    """One fuzzer: whose input it makes up, and where it lies in the build."""

    name: str
    program: str
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        return _FOLDER / self.program

    @property
    def regressions(self) -> list[Path]:
        """Inputs that once were trouble; all of our own making."""
        folder = _REGRESSIONS / self.name
        return sorted(folder.iterdir()) if folder.is_dir() else []


FUZZERS = (
    Fuzzer("worker", "fuzz/worker_fuzzer"),
    Fuzzer("guest", "fuzz/guest_fuzzer"),
    Fuzzer("guest_staged", "fuzz/guest_fuzzer", {"ALIQUOT_FUZZ_STAGED": "1"}),
    Fuzzer("device_host", "device_host/device_host_record_fuzzer"),
    Fuzzer("vm_stream_host", "fuzz/vm_stream_host_fuzzer"),
    Fuzzer("vm_stream_guest", "fuzz/vm_stream_guest_fuzzer"),
)


@dataclass(frozen=True)
class Outcome:
    """What came of a run; `report` is what libFuzzer said of a failure, or empty."""

    executions: int
    seconds: float
    coverage: int
    report: str


def need(fuzzer: Fuzzer) -> None:
    """Skips the test where no compiler can make fuzzers; fails in CI, or where none was made."""
    if compiler.clang() is None:
        absent("no clang with libFuzzer here (Debian: clang-14 libclang-rt-14-dev)")
    assert fuzzer.path.exists(), f"{fuzzer.path} is missing: python -m tools.setup build fuzz"


def fuzz(fuzzer: Fuzzer, seconds: int, corpus: Path, *seeds: Path, seed: int = 0) -> Outcome:
    """Lets a fuzzer run; `corpus` collects what it finds worth keeping, and failing inputs.

    `seed` starts the fuzzer's choices; 0: another one each time.
    """
    corpus.mkdir(parents=True, exist_ok=True)
    return _run(
        fuzzer,
        f"-max_total_time={seconds}",
        f"-seed={seed}",
        "-max_len=4096",
        f"-artifact_prefix={corpus.parent}/{fuzzer.name}-",
        str(corpus),
        *(str(seed) for seed in seeds if seed.is_dir()),
        longest=seconds + 2 * _LONGEST_INPUT_SECONDS,
    )


def execute(fuzzer: Fuzzer, inputs: list[Path]) -> Outcome:
    """Runs the given inputs once each, in one process."""
    return _run(fuzzer, *(str(path) for path in inputs), longest=300)


def _run(fuzzer: Fuzzer, *arguments: str, longest: float) -> Outcome:
    command = [
        str(fuzzer.path),
        f"-timeout={_LONGEST_INPUT_SECONDS}",
        f"-rss_limit_mb={_MOST_MEMORY}",
        "-print_final_stats=1",
        *arguments,
    ]
    variables = os.environ | fuzzer.variables | {"UBSAN_OPTIONS": "print_stacktrace=1"}
    begin = time.monotonic()
    done = subprocess.run(
        command,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=longest,
        check=False,
    )
    text = done.stderr.decode(errors="replace")
    return Outcome(
        executions=max((int(n) for n in re.findall(r"^#(\d+)\s", text, re.MULTILINE)), default=0),
        seconds=time.monotonic() - begin,
        coverage=max((int(n) for n in re.findall(r" cov: (\d+) ", text)), default=0),
        report=text[-8000:] if done.returncode else "",
    )
