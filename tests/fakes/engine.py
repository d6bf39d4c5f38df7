"""The placement engine where native programs are fakes: it is the daemon's own mind, and real."""

from __future__ import annotations

from pathlib import Path

from aliquot import native_programs


def link_engine(folder: Path) -> None:
    """Let a folder of native programs have the engine's library, unless it has."""
    library = folder / native_programs.PLACEMENT
    if not library.exists():
        library.symlink_to(native_programs.find(native_programs.PLACEMENT))
