"""What every error has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aliquot.model.line import Line

EXIT_PROBLEM = 1
EXIT_USER_ERROR = 2


class AliquotError(Exception):
    """An error with a stable code, a sentence and a remedy; prints as one line.

    `lines` are the sentence to be told in any language, where it is one of the catalogue; see
    aliquot.words.refusals.
    """

    code: str = "ALQ-E000"
    title: str = "Something went wrong"
    why: str = ""
    remedy: str = ""
    exit_status: int = EXIT_USER_ERROR
    lines: Sequence[Line] = ()

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
