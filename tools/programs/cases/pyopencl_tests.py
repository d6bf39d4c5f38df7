"""pyopencl's own tests, run from its source archive; each test's verdict must be the native one."""

from __future__ import annotations

import re
from pathlib import Path

from tools.programs import fetch
from tools.programs.case import Case, Outcome

_VERDICT = re.compile(r"^(\S+\.py::\w+)(\[.*\])? (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b", re.M)

# The vGPU has no images, no SVM and no intermediate language, as it says: these tests choose to
# skip, or are expected to fail, as they would on any such device. Every other test must give its
# native verdict.
WITHOUT_IMAGES_SVM_OR_IL = {
    "test_nonempty_supported_image_formats",
    "test_image_2d",
    "test_image_3d",
    "test_enqueue_copy_array",
    "test_enqueue_copy_array_2",
    "test_coarse_grain_svm",
    "test_fine_grain_svm",
    "test_zero_size_svm_allocations",
    "test_arrays_with_svm_allocators",
    "test_spirv",
}

NAMED_ARRAY_TESTS = (
    "test_basic_complex",
    "test_absrealimag",
    "test_custom_type_zeros",
    "test_custom_type_fill",
    "test_custom_type_take_put",
    "test_divide_scalar",
    "test_addition_array",
    "test_subtract_array",
    "test_pow_array",
    "test_random_int_in_range",
    "test_transpose",
    "test_diff",
    "test_any_all",
    "test_slice",
    "test_stack",
    "test_outoforderqueue_copy",
    "test_outoforderqueue_indexing",
    "test_outoforderqueue_reductions",
    "test_event_management",
    "test_get_async",
)


class PyopenclTests(Case):
    """One file of tests, or some of its tests by name."""

    def __init__(
        self, name: str, file: str, tests: tuple[str, ...] = (), time_limit: float = 900
    ) -> None:
        self.name = f"pyopencl-{name}"
        self.what = f"pyopencl's own {file}"
        self.time_limit = time_limit
        self._chosen = [f"{file}::{test}" for test in tests] or [file]

    def command(self) -> list[str]:
        options = ["-v", "-p", "no:cacheprovider", "-W", "ignore", "--color=no", "-rsf"]
        return [str(fetch.python_environment()), "-m", "pytest", *options, *self._chosen]

    def folder(self) -> Path | None:
        return fetch.pyopencl_sources() / "test"

    def differences(self, native: Outcome, remoted: Outcome) -> list[str]:
        return verdicts_that_differ(verdicts(native.stdout), verdicts(remoted.stdout)) or (
            []
            if native.status == remoted.status
            else [f"status {remoted.status}: {remoted.tail()}"]
        )


def verdicts(output: str) -> dict[str, str]:
    """Verdict by test, from what `pytest -v` prints."""
    return {
        test + (parameters or ""): verdict for test, parameters, verdict in _VERDICT.findall(output)
    }


def verdicts_that_differ(native: dict[str, str], remoted: dict[str, str]) -> list[str]:
    """A sentence for each verdict that is not the native one and has no stated reason."""
    found = [] if native else ["natively, no test ran"]
    for test, verdict in native.items():
        ours = remoted.get(test, "missing")
        name = test.split("::")[1].split("[")[0]
        excused = name in WITHOUT_IMAGES_SVM_OR_IL and ours in ("SKIPPED", "XFAIL")
        if ours != verdict and not excused:
            found.append(f"{test}: native {verdict}, remoted {ours}")
    found += [f"{test}: remoted only" for test in remoted.keys() - native.keys()]
    return found
