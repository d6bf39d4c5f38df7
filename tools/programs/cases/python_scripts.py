"""Libraries from PyPI, made to do something by our scripts: tinygrad, OpenCV, reikna."""

from __future__ import annotations

from pathlib import Path

from tools.programs import fetch
from tools.programs.case import Case, Outcome, failed_runs, lines_that_differ

_SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"


class _Script(Case):
    """A script whose whole standard output must be equal, byte for byte."""

    script: str
    arguments: tuple[str, ...] = ()

    def command(self) -> list[str]:
        return [str(fetch.python_environment()), str(_SCRIPTS / self.script), *self.arguments]

    def differences(self, native: Outcome, remoted: Outcome) -> list[str]:
        return failed_runs(native, remoted) or lines_that_differ(native.stdout, remoted.stdout)


class TinygradTraining(_Script):
    name = "tinygrad"
    what = "trains a small net: 60 steps of Adam"
    script = "tinygrad_training.py"

    def environment(self) -> dict[str, str]:
        return {"DEV": "CL"}


class OpencvUmat(_Script):
    name = "opencv"
    what = "filters pictures with OpenCV's UMat"
    script = "opencv_umat.py"

    def __init__(self, rounds: int = 10) -> None:
        self.arguments = (str(rounds),)

    def environment(self) -> dict[str, str]:
        # The second: a kernel that fails is an error, instead of silently using the processor.
        return {"OPENCV_OPENCL_DEVICE": ":CPU:0", "OPENCV_OPENCL_RAISE_ERROR": "1"}


class ReiknaFft(_Script):
    name = "reikna"
    what = "Fourier transforms with reikna"
    script = "reikna_fft.py"


class AskTooMuch(_Script):
    name = "ask-too-much"
    what = "asks for ever more memory (pyopencl)"
    script = "ask_too_much.py"
    measured = False

    def environment(self) -> dict[str, str]:
        return {"PYOPENCL_CTX": "0"}
