"""What every error has."""

from __future__ import annotations

EXIT_PROBLEM = 1
EXIT_USER_ERROR = 2


class AliquotError(Exception):
    """An error with a stable code, a sentence and a remedy; prints as one line."""

    code: str = "ALQ-E000"
    title: str = "Something went wrong"
    why: str = ""
    remedy: str = ""
    exit_status: int = EXIT_USER_ERROR

    def __init__(self, what: str = "", remedy: str | None = None) -> None:
        """Say `what` happened in a clause without a full stop; `remedy` replaces the usual one."""
        self.what = what or self.title
        if remedy is not None:
            self.remedy = remedy
        super().__init__(self.what)

    def __str__(self) -> str:
        """One sentence: what happened and what to do."""
        return f"{self.what}; {self.remedy}" if self.remedy else self.what

    def as_dict(self) -> dict[str, str]:
        """The error for `--json`."""
        return {"code": self.code, "what": self.what, "why": self.why, "remedy": self.remedy}
