"""Which files come from which table."""

from __future__ import annotations

from pathlib import Path

from tools.generate.emit_codec import emit_codec
from tools.generate.emit_commands import emit_commands
from tools.generate.emit_dispatch import emit_dispatch
from tools.generate.table import TableError, load_commands


def outputs_of(root: Path) -> dict[Path, str]:
    """Every generated file below `root`, by path, with the text that it should have."""
    folders = sorted(path.parent for path in (root / "spec").glob("*/commands.toml"))
    if not folders:
        raise TableError("no spec/<api>/commands.toml here; run from the project's root")
    outputs: dict[Path, str] = {}
    generated = root / "native" / "generated"
    for folder in folders:
        table = load_commands(root, folder / "commands.toml")
        if table.api != folder.name:
            raise TableError(f"{table.source}: api is {table.api!r} in a folder {folder.name!r}")
        outputs[generated / f"{table.api}_commands.h"] = emit_commands(table)
        outputs[generated / f"{table.api}_codec.h"] = emit_codec(table)
        outputs[generated / f"{table.api}_dispatch.h"] = emit_dispatch(table)
    return outputs
