"""YAML without its surprises, with the line of every value.

Plain scalars are read as YAML 1.2's core schema has them. (YAML 1.1, which PyYAML follows, takes
the PCI address 0000:41:00.0 for a number of base 60, and `no` for false.) A key twice, a tag, and
aliases that grow without bound are errors.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import yaml

MOST_BYTES = 4 << 20
_MOST_VALUES = 300_000
_DEEPEST = 32
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(
    r"[-+]?(?:[0-9]{1,30}\.[0-9]{0,30}|\.[0-9]{1,30}|[0-9]{1,30})(?:e[-+]?[0-9]{1,3})?",
    re.ASCII | re.IGNORECASE,
)
# What a value is without a tag of its own.
_TAGS = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}

Path = tuple[str | int, ...]


class YamlProblem(Exception):
    """What is wrong with a text, and in which line, counted from 1; 0: in none."""

    def __init__(self, line: int, what: str) -> None:
        """State what is wrong, in a clause."""
        super().__init__(what)
        self.line = line
        self.what = what


class Document(NamedTuple):
    """A text's value, and the line of each value in it by its path."""

    value: Any
    lines: dict[Path, int]

    def line(self, path: Path) -> int:
        """The line of a value, or of the nearest one around it that is there."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def parse(text: str) -> Document:
    """Read one document; raises YamlProblem."""
    try:
        root = yaml.BaseLoader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise YamlProblem(line, str(error.problem or "it is no YAML")) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = str(error).split("\n")[0]
        raise YamlProblem(0, f"it is no YAML ({reason})") from error
    if root is None:
        raise YamlProblem(1, "it is empty")
    reader = _Reader()
    return Document(reader.read(root, ()), reader.lines)


class _Reader:
    """Turns nodes into values."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}

    def read(self, node: yaml.Node, path: Path) -> Any:
        line = node.start_mark.line + 1 if node.start_mark else 0
        self.lines[path] = line
        if len(path) > _DEEPEST or len(self.lines) > _MOST_VALUES:
            raise YamlProblem(line, "it is nested too deeply or repeats itself without end")
        if node.tag not in _TAGS:
            raise YamlProblem(line, f"the tag {node.tag[:40]!r} means nothing here")
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        raise YamlProblem(line, "it is neither text, list nor mapping")

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise YamlProblem(line, "a key must be text")
            name = str(key.value)
            if name in found:
                raise YamlProblem(line, f"the key {name[:40]!r} is there twice")
            found[name] = self.read(value, (*path, name))
        return found


def _scalar(node: yaml.ScalarNode) -> Any:
    """Quoted and block text is text; plain text may be a number or a word."""
    text = str(node.value)
    if node.style is not None:
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    return text
