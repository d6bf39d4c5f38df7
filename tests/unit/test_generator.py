"""The generator: fresh output, tables that are refused, layouts, and a second API."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.generate.__main__ import main
from tools.generate.cpp import WIDTH, wrap_call
from tools.generate.functions import load_functions
from tools.generate.layout import HEADER_BYTES, layout_of
from tools.generate.outputs import outputs_of
from tools.generate.table import Command, Element, Field, TableError, load_commands

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ROOT / "spec/opencl/commands.toml"
FUNCTIONS = ROOT / "spec/opencl/functions.toml"

# An API that has nothing of OpenCL: other names, no dispatch table, all functions exported.
TOY_COMMANDS = """
api = "toy"
kinds = ["stream", "module"]
reply_fields = [{ name = "reply_slot", type = "u32" }]

[command.open_stream]
opcode = 1
reply = "nothing"
cost = "driver"
records = "creates"
fields = [{ name = "stream", type = "new:stream" }]

[command.load_module]
opcode = 2
asynchronous = true
cost = "compiler"
fields = [
  { name = "module", type = "new:module" },
  { name = "stream", type = "handle:stream", optional = true },
  { name = "image", type = "bytes", max = 100 },
  { name = "delta", type = "i32" },
  { name = "others", type = "array:handle:module", max = 3 },
]

[command.flush]
opcode = 9
asynchronous = true
cost = "light"
"""

TOY_FUNCTIONS = """
api = "toy"
title = "Toy"
prefix = "toy"
call_convention = "TOY_CALL"
headers = ["toy.h"]
error_type = "toy_result"
error_parameter = "result"
internal_commands = ["flush"]
types = { Notify = "void(TOY_CALL*)(int, void*)" }
handles = { toy_stream = "stream" }

[function.toyOpenStream]
since = "1"
group = "Streams"
status = "remoted"
commands = ["open_stream"]
exported = true
parameters = ["out toy_stream* stream", "in Notify notify", "in void* user"]

[function.toyLoad]
since = "1"
group = "Modules"
status = "remoted"
commands = ["load_module"]
exported = true
parameters = ["in const void* image [size bytes]", "in size_t size"]

[function.toyLoadAgain]
since = "2"
group = "Modules"
alias = "toyLoad"
exported = true
parameters = ["in const void* image [size bytes]", "in size_t size"]

[function.toyGraph]
since = "2"
group = "Graphs"
status = "unsupported"
error = "TOY_NOT_SUPPORTED"
why = "Graphs are recorded nowhere."
plan = "not yet"
exported = true
parameters = ["in Notify notify", "out int* nodes"]

[function.toyMap]
since = "2"
group = "Graphs"
returns = "void*"
status = "unsupported"
error = "TOY_NOT_SUPPORTED"
why = "Nothing can be mapped."
plan = "never"
exported = true
parameters = ["in size_t size", "out toy_result* result"]
"""

TOY_HEADER = """
#pragma once
#include <stddef.h>
#define TOY_CALL
#define TOY_NOT_SUPPORTED 801
typedef int toy_result;
typedef struct toy_stream_object* toy_stream;
"""

TOY_PROGRAM = """
#include <cstdio>
#include <cstring>

#include "generated/toy_dispatch.h"
#include "generated/toy_fields.h"
#include "generated/toy_functions.h"
#include "generated/toy_grammar.h"
#include "generated/toy_table.h"
#include "generated/toy_trace.h"

namespace aliquot::guest::toy {
toy_result OpenStream(toy_stream*, Notify, void*) { return 5; }
toy_result Load(const void*, size_t size) { return static_cast<toy_result>(size); }
}  // namespace aliquot::guest::toy

extern "C" toy_result toyLoadAgain(const void*, size_t);
extern "C" toy_result toyGraph(aliquot::guest::toy::Notify, int*);
extern "C" void* toyMap(size_t, toy_result*);

struct Handler {
  int loads = 0;
  void on(const aliquot::toy::OpenStreamCommand&) {}
  void on(const aliquot::toy::FlushCommand&) {}
  void on(const aliquot::toy::LoadModuleCommand& command) {
    loads += command.delta == -3 && command.image.size() == 2 && command.others[0] == 8;
  }
};

int main() {
  using namespace aliquot;
  toy_result result = 0;
  if (toyLoadAgain(nullptr, 7) != 7 || toyGraph(nullptr, nullptr) != TOY_NOT_SUPPORTED) return 1;
  if (toyMap(1, &result) != nullptr || result != TOY_NOT_SUPPORTED) return 2;
  if (guest::toy::find_function("toyGraph") == nullptr) return 3;
  if (guest::toy::find_supported_function("toyGraph") != nullptr) return 4;
  if (guest::toy::find_supported_function("toyLoad") == nullptr) return 5;
  if (guest::toy::find_function("toyNothing") || guest::toy::find_function(nullptr)) return 6;

  toy::LoadModuleCommand load;
  const uint8_t image[] = {1, 2};
  const uint32_t others[] = {8};
  load.image = image;
  load.others = others;
  load.delta = -3;
  alignas(8) unsigned char frame[256];
  toy::encode(load, frame);
  Handler handler;
  const auto outcome = toy::dispatch(handler, {frame, toy::encoded_size(load)});
  if (outcome != protocol::Outcome::kHandled || handler.loads != 1) return 7;
  char line[toy::kTraceLine];
  toy::format(load, line, sizeof line);
  std::puts(line);
  return 0;
}
"""


def make_tree(root: Path, commands: str = TOY_COMMANDS, functions: str = TOY_FUNCTIONS) -> Path:
    """A project root with one small table."""
    folder = root / "spec/toy"
    folder.mkdir(parents=True)
    (folder / "commands.toml").write_text(commands)
    (folder / "functions.toml").write_text(functions)
    return root


def test_checked_in_files_are_fresh() -> None:
    stale = [
        str(path.relative_to(ROOT))
        for path, text in outputs_of(ROOT).items()
        if not path.is_file() or path.read_text() != text
    ]
    assert stale == []


def test_generated_lines_are_narrow_and_say_where_they_come_from() -> None:
    for path, text in outputs_of(ROOT).items():
        assert "Made by `python -m tools.generate` from" in text.splitlines()[0], path
        assert text.endswith("\n")
        assert "\t" not in text
        if path.suffix != ".md":
            assert max(len(line) for line in text.splitlines()) <= WIDTH, path


def test_check_lists_stale_and_missing_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_tree(tmp_path)
    assert main(["--check"], root) == 1
    assert not (root / "native").exists()
    assert main([], root) == 0
    assert main(["--check"], root) == 0
    (root / "native/generated/toy_codec.h").write_text("// changed by hand\n")
    (root / "docs/coverage.md").unlink()
    capsys.readouterr()
    assert main(["--check"], root) == 1
    listed = [line.split()[1] for line in capsys.readouterr().out.splitlines()]
    assert sorted(listed) == ["docs/coverage.md", "native/generated/toy_codec.h"]
    assert main([], root) == 0
    assert main(["--check"], root) == 0


def test_outside_the_root_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], tmp_path) == 2
    assert "run from the project's root" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("opcode = 2", "opcode = 1", "unique and ascending"),
        ("opcode = 2", "opcode = 0", "1 to 65535"),
        ("opcode = 2\nasynchronous = true", "opcode = 2", "either a reply or asynchronous"),
        ('reply = "nothing"', 'reply = "nothing"\nasynchronous = true', "either a reply"),
        ('type = "i32"', 'type = "i16"', "unknown type"),
        ("handle:stream", "handle:river", "unknown type"),
        ('"bytes", max = 100', '"bytes"', "needs max"),
        ('"i32"', '"i32", max = 3', "max is for arrays"),
        ('"i32"', '"i32", optional = true', "only an id"),
        ('"i32"', '"i32", colour = 1', "unknown key"),
        ('"delta"', '"class"', "not a usable name"),
        ('"delta"', '"module"', "named twice"),
        ('"compiler"', '"cheap"', "unknown"),
        ('api = "toy"', 'api = "other"', "in a folder"),
    ],
)
def test_bad_command_tables_are_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in TOY_COMMANDS
    root = make_tree(tmp_path, commands=TOY_COMMANDS.replace(old, new, 1))
    with pytest.raises(TableError, match=re.escape(told)):
        outputs_of(root)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('["load_module"]', '["load_modules"]', "commands unknown there or used by no function"),
        ('["flush"]', "[]", "commands unknown there or used by no function"),
        ('status = "remoted"\ncommands = ["open_stream"]', 'status = "guest"', "say why"),
        ('plan = "never"', 'plan = "perhaps"', "plan"),
        ('error = "TOY_NOT_SUPPORTED"\nwhy = "Graphs', 'why = "Graphs', "error is needed"),
        ('alias = "toyLoad"', 'alias = "toyLoads"', "alias of nothing"),
        ("[function.toyGraph]", "[function.graph]", "lacks the prefix"),
        ("[size bytes]", "[length bytes]", "no parameter"),
        ("in size_t size", "size_t size", "can't read the parameter"),
        ('toy_stream = "stream"', 'toy_stream = "river"', "handles names a kind"),
    ],
)
def test_bad_function_tables_are_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in TOY_FUNCTIONS
    root = make_tree(tmp_path, functions=TOY_FUNCTIONS.replace(old, new, 1))
    with pytest.raises(TableError, match=re.escape(told)):
        outputs_of(root)


def compiler_command(root: Path) -> list[str]:
    """The C++ compiler with the project's warnings, as errors."""
    compiler = os.environ.get("CXX") or shutil.which("c++")
    assert compiler, "a C++ compiler is needed to build this project"
    return [
        *compiler.split(), "-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
        "-fno-exceptions", "-fno-rtti", f"-I{root}", f"-I{root / 'native'}",
        f"-I{ROOT / 'native'}",
    ]  # fmt: skip


def test_a_second_api_compiles_and_works(tmp_path: Path) -> None:
    root = make_tree(tmp_path)
    assert main([], root) == 0
    (root / "toy.h").write_text(TOY_HEADER)
    (root / "toy.cpp").write_text(TOY_PROGRAM)
    generated = sorted(str(path) for path in (root / "native/generated").glob("*.cpp"))
    program = str(root / "toy")
    command = [*compiler_command(root), str(root / "toy.cpp"), *generated, "-o", program]
    subprocess.run(command, check=True, timeout=240)
    run = subprocess.run([program], capture_output=True, text=True, timeout=30)
    assert run.returncode == 0
    expected = "load_module module=0 stream=0 image=<2: 0102> delta=-3 others=[8]"
    assert run.stdout.strip() == expected


@pytest.mark.parametrize(
    ("slots", "sound"),
    [
        ("open_stream load load_again graph map", True),
        ("open_stream load load_again graph map later", True),
        ("load open_stream load_again graph map", False),
        ("before open_stream load load_again graph map", False),
        ("open_stream load load_again graph", False),
    ],
)
def test_the_compiler_holds_the_order_of_the_slots(tmp_path: Path, slots: str, sound: bool) -> None:
    types = {
        "open_stream": "toy_result (*toyOpenStream)(toy_stream*, void (*)(int, void*), void*)",
        "load": "toy_result (*toyLoad)(const void*, size_t)",
        "load_again": "toy_result (*toyLoadAgain)(const void*, size_t)",
        "graph": "void* toyGraph",  # untyped
        "map": "void* (*toyMap)(size_t, toy_result*)",
        "before": "void* before",
        "later": "void* later",
    }
    functions = TOY_FUNCTIONS.replace(
        'prefix = "toy"', 'prefix = "toy"\ndispatch = "toy_dispatch"'
    ).replace('plan = "not yet"', 'plan = "not yet"\nuntyped = true')
    root = make_tree(tmp_path, functions=functions)
    assert main([], root) == 0
    members = "".join(f"  {types[slot]};\n" for slot in slots.split())
    struct = "typedef struct toy_dispatch {\n" + members + "} toy_dispatch;\n"
    (root / "toy.h").write_text(TOY_HEADER + struct)
    source = str(root / "native/generated/toy_table.cpp")
    run = subprocess.run(
        [*compiler_command(root), "-fsyntax-only", source], capture_output=True, timeout=240
    )
    assert (run.returncode == 0) == sound, run.stderr.decode()


def elements() -> st.SearchStrategy[Element]:
    return st.sampled_from(
        [Element("u32"), Element("i32"), Element("u64"), Element("u32", "stream")]
    )


@st.composite
def commands(draw: st.DrawFn) -> Command:
    scalars = draw(st.lists(elements(), max_size=9))
    arrays = draw(st.lists(st.tuples(elements(), st.integers(1, 5000)), max_size=5))
    fields = [Field(f"scalar_{i}", element) for i, element in enumerate(scalars)]
    fields += [Field(f"array_{i}", element, max=most) for i, (element, most) in enumerate(arrays)]
    shuffled = tuple(draw(st.permutations(fields)))
    return Command("some", 1, shuffled, draw(st.none() | st.just("x")), False, "light", "none")


@given(commands())
def test_layouts_fill_the_fixed_part_without_gap_or_overlap(command: Command) -> None:
    reply = (Field("reply_slot", Element("u32")), Field("reply_offset", Element("u64")))
    layout = layout_of(command, reply)
    position = HEADER_BYTES
    for slot in (*layout.slots, *layout.counts):
        assert slot.offset == position
        assert slot.offset % slot.size == 0
        position += slot.size
    assert position == layout.used
    assert layout.fixed % 8 == 0
    assert 0 <= layout.fixed - layout.used < 8
    names = {slot.member for slot in layout.slots}
    replies = {"reply.slot", "reply.offset"} if command.reply else set[str]()
    assert names == {f.name for f in command.scalars} | replies
    assert [slot.member for slot in layout.counts] == [f.name for f in command.arrays]
    assert layout.largest >= layout.fixed
    assert layout.largest % 8 == 0


@given(st.lists(st.from_regex(r"[a-z_]{1,30}\*? [a-z_]{1,20}", fullmatch=True), max_size=12))
def test_wrapped_calls_keep_their_words_and_the_width(arguments: list[str]) -> None:
    lines = wrap_call("cl_int CL_API_CALL SomeFunctionName(", arguments, ");")
    assert all(len(line) <= WIDTH for line in lines)
    joined = "cl_int CL_API_CALL SomeFunctionName(" + ", ".join(arguments) + ");"
    assert " ".join(" ".join(lines).split()).replace("( ", "(") == " ".join(joined.split())


def test_coverage_names_every_function_once() -> None:
    table = load_functions(ROOT, FUNCTIONS, load_commands(ROOT, COMMANDS))
    text = (ROOT / "docs/coverage.md").read_text()
    listed = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert sorted(listed) == sorted(f.name for f in table.functions)
    counts = [int(n) for n in re.findall(r"^\| [A-Z][^|]* \| (\d+) \| \d+ \|$", text, re.MULTILINE)]
    assert sum(counts) == len(table.functions)
    for function in table.functions:
        if function.status == "unsupported":
            assert function.why, function.name


def test_every_frame_fits_the_ring() -> None:
    table = load_commands(ROOT, COMMANDS)
    text = (ROOT / "native/protocol/connection_layout.h").read_text()
    match = re.search(r"kLargestFrame = size_t\{(\d+)\} << (\d+)", text)
    assert match
    largest = int(match[1]) << int(match[2])
    for command in table.commands:
        assert layout_of(command, table.reply_fields).largest <= largest, command.name
