"""What of docs/cli.md is made of the source: the variables, and each command with its --help."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from aliquot.cli.commands import COMMANDS
from aliquot.cli.help_text import help_text
from aliquot.cli.parser import Parser
from aliquot.environment import VARIABLES

COLUMNS = 96
_END = "<!-- end -->\n"
# Examples as --help and the prose have them: indented, and nothing but a command line.
_EXAMPLE = re.compile(r"^(?:  |    )((?:aliquot |eval |journalctl ).*?)(?:  +#.*)?$", re.MULTILINE)


def with_reference(page: str) -> str:
    """The page with its tables of variables and commands as they are now."""
    return _replaced(_replaced(page, "variables", _variables()), "commands", _reference())


def _replaced(page: str, part: str, lines: Iterable[str]) -> str:
    begin = f"<!-- {part}: made by `python -m tools.docs` -->\n"
    before, found, rest = page.partition(begin)
    _, end, after = rest.partition(_END)
    if not (found and end):
        raise ValueError(f"docs/cli.md lacks the lines between which its {part} belong")
    return before + begin + "\n" + "\n".join(lines) + "\n" + end + after


def examples(page: str) -> list[str]:
    """All command lines that a page shows, in its order."""
    return [match[1] for match in _EXAMPLE.finditer(page)]


def _variables() -> Iterator[str]:
    yield "| variable | since | what it does |"
    yield "|---|---|---|"
    for variable in VARIABLES:
        yield f"| `{variable.name}` | {variable.since} | {variable.sentence} |"
    yield ""


def _reference() -> Iterator[str]:
    yield "| command | what it does |"
    yield "|---|---|"
    for command in COMMANDS:
        yield f"| [`aliquot {command.name}`](#aliquot-{command.name}) | {command.summary} |"
    yield ""
    for command in COMMANDS:
        parser = command.load().build_parser()
        yield from _section(parser, "###")
        for verb in parser.verbs.values():
            yield from _section(verb, "####")


def _section(parser: Parser, heading: str) -> Iterator[str]:
    text = help_text(parser, COLUMNS)
    if parser.verbs:  # the verbs have examples of their own
        text = re.sub(r"example:\n(?:  .*\n)+\n", "", text)
    yield f"{heading} {parser.prog}"
    yield ""
    yield "```text"
    yield text.rstrip()
    yield "```"
    yield ""
