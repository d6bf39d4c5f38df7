"""Calls of NVML that never raise: an answer, or None and the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_LOST = ("NVML_ERROR_GPU_IS_LOST", "NVML_ERROR_RESET_REQUIRED")


class NvmlCalls:
    """NVML as nvidia-ml-py offers it; `library` is that module."""

    def __init__(self, library: Any) -> None:
        """Call this library."""
        self.library = library
        self.last_error = ""

    def ask(self, function: str, *arguments: Any, give: Callable[[Any], Any] | None = None) -> Any:
        """What a function answers, made into `give`; None where it fails or isn't there.

        An older driver lacks functions, and a name may hold bytes that are no UTF-8.
        """
        try:
            answer = getattr(self.library, function)(*arguments)
            return answer if give is None or answer is None else give(answer)
        except (self.library.NVMLError, AttributeError, ValueError, OSError) as error:
            self.last_error = str(error) or type(error).__name__
            return None

    def succeeds(self, function: str, *arguments: Any) -> bool:
        """Whether a function that answers nothing does what it should."""
        self.last_error = ""
        self.ask(function, *arguments)
        return not self.last_error

    def fault_of(self, handle: Any) -> str | None:
        """Why the driver has lost a GPU; None where it has not."""
        try:
            self.library.nvmlDeviceGetPciInfo_v3(handle)
            self.library.nvmlDeviceGetMemoryInfo(handle)
        except self.library.NVMLError as error:
            codes = {getattr(self.library, name, None) for name in _LOST}
            return f"NVML: {error}" if getattr(error, "value", None) in codes else None
        except (AttributeError, ValueError, OSError):
            return None
        return None
