"""clFFT's client: transforms of several sizes, which the client itself checks."""

from __future__ import annotations

from tools.programs import fetch
from tools.programs.case import Case, Outcome, failed_runs


class ClfftClient(Case):
    """A 1024 x 64 transform; ends with an error of its own when the result is wrong."""

    name = "clfft"
    what = "a Fourier transform with clFFT's client"
    works_on = ("pocl",)  # the Intel driver's compiler refuses clFFT's kernels

    def command(self) -> list[str]:
        return [str(fetch.debian_program("clFFT-client")), "-x", "1024", "-y", "64"]

    def differences(self, native: Outcome, remoted: Outcome) -> list[str]:
        found = failed_runs(native, remoted)
        for how, outcome in (("native", native), ("remoted", remoted)):
            text = (outcome.stdout + outcome.stderr).lower()
            if "fail" in text or "incorrect" in text:
                found.append(f"the {how} result is wrong:\n{outcome.tail()}")
        return found
