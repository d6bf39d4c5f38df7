"""Which files come from which table."""

from __future__ import annotations

from pathlib import Path

from tools.generate import emit_async
from tools.generate.emit_codec import emit_codec
from tools.generate.emit_commands import emit_commands
from tools.generate.emit_coverage import emit_coverage
from tools.generate.emit_dispatch import emit_dispatch
from tools.generate.emit_exports import emit_exports, emit_version_script
from tools.generate.emit_fields import emit_fields
from tools.generate.emit_functions import emit_functions
from tools.generate.emit_grammar import emit_grammar
from tools.generate.emit_table import emit_table_header, emit_table_source
from tools.generate.emit_trace import emit_trace_header, emit_trace_source
from tools.generate.functions import FunctionTable, load_functions
from tools.generate.table import TableError, load_commands


def outputs_of(root: Path) -> dict[Path, str]:
    """Every generated file below `root`, by path, with the text that it should have."""
    folders = sorted(path.parent for path in (root / "spec").glob("*/commands.toml"))
    if not folders:
        raise TableError("no spec/<api>/commands.toml here; run from the project's root")
    texts: dict[str, str] = {}
    function_tables: list[FunctionTable] = []
    for folder in folders:
        commands = load_commands(root, folder / "commands.toml")
        api = commands.api
        if api != folder.name:
            raise TableError(f"{commands.source}: api is {api!r} in a folder {folder.name!r}")
        texts[f"{api}_commands.h"] = emit_commands(commands)
        texts[f"{api}_codec.h"] = emit_codec(commands)
        texts[f"{api}_dispatch.h"] = emit_dispatch(commands)
        texts[f"{api}_fields.h"] = emit_fields(commands)
        texts[f"{api}_grammar.h"] = emit_grammar(commands)
        texts[f"{api}_trace.h"] = emit_trace_header(commands)
        texts[f"{api}_trace.cpp"] = emit_trace_source(commands)
        functions = load_functions(root, folder / "functions.toml", commands)
        function_tables.append(functions)
        texts[f"{api}_functions.h"] = emit_functions(functions)
        texts[f"{api}_exports.cpp"] = emit_exports(functions)
        texts[f"{api}_exports.map"] = emit_version_script(functions)
        texts[f"{api}_{functions.dispatch_file}.h"] = emit_table_header(functions)
        texts[f"{api}_{functions.dispatch_file}.cpp"] = emit_table_source(functions)
    generated = root / "native" / "generated"
    outputs = {generated / name: text for name, text in texts.items()}
    outputs[root / "docs" / "coverage.md"] = emit_coverage(function_tables)
    client = root / emit_async.SOURCE
    if client.is_file():
        outputs[root / emit_async.TARGET] = emit_async.emit_async(client.read_text())
    return outputs
