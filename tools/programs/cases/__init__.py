"""The cases: one file a program. `all_cases()` lists them, in the order in which tests run them."""

from __future__ import annotations

from tools.programs.case import Case
from tools.programs.cases.clblast import ClblastTest
from tools.programs.cases.clfft_client import ClfftClient
from tools.programs.cases.clinfo import Clinfo
from tools.programs.cases.clpeak import Clpeak
from tools.programs.cases.hashcat import Hashcat
from tools.programs.cases.pyopencl_examples import PyopenclExample
from tools.programs.cases.pyopencl_tests import NAMED_ARRAY_TESTS, PyopenclTests
from tools.programs.cases.python_scripts import OpencvUmat, ReiknaFft, TinygradTraining


def all_cases() -> list[Case]:
    """Every case of `make test`."""
    return [
        Clinfo(),
        Clpeak("latency", "--kernel-latency"),
        Clpeak("transfer", "--transfer-bandwidth"),
        Clpeak("bandwidth", "--global-bandwidth"),
        PyopenclTests("wrapper", "test_wrapper.py"),
        PyopenclTests("enqueue-copy", "test_enqueue_copy.py"),
        PyopenclTests("arrays-in-structs", "test_arrays_in_structs.py"),
        PyopenclTests("array", "test_array.py", NAMED_ARRAY_TESTS),
        TinygradTraining(),
        ClblastTest("xaxpy"),
        ClblastTest("xgemm"),
        OpencvUmat(),
        ReiknaFft(),
        ClfftClient(),
        PyopenclExample("demo"),
        PyopenclExample("demo_elementwise"),
        PyopenclExample("demo-struct-reduce"),
    ]


def soak_cases() -> list[Case]:
    """Cases that take minutes."""
    return [PyopenclTests("array-all", "test_array.py", time_limit=1800), Hashcat()]
