"""An inventory file's text against its schema; says of every fault in which line it is."""

from __future__ import annotations

import re
from typing import NoReturn

import msgspec

from aliquot import sizes
from aliquot.devices import inventory_schema as schema
from aliquot.devices.strict_yaml import MOST_BYTES, Document, Path, YamlProblem, parse
from aliquot.errors import BadInventory, UserError

_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[([0-9]+|\.\.\.)\]", re.ASCII)


class InventoryText:
    """A file that was read; raises BadInventory, as all methods do."""

    def __init__(self, path: str) -> None:
        """Read the file and its YAML."""
        self._path = path
        self._document = self._parsed(self._read())

    def checked(self) -> schema.InventoryFile:
        """What the file says, as far as the schema can check it."""
        try:
            return msgspec.convert(self._document.value, type=schema.InventoryFile)
        except msgspec.ValidationError as error:
            what, _, where = str(error).partition(" - at `$")
            place = tuple(
                name or (int(index) if index != "..." else 0)
                for name, index in _STEP.findall(where.rstrip("`"))
            )
            self.refuse(place, what[0].lower() + what[1:].replace("`", "'"), error)

    def size(self, size: schema.Size, where: Path) -> int:
        """Bytes in a size of the file."""
        try:
            return sizes.parse_size(str(size))
        except UserError as error:
            self.refuse(where, f"{error.what}: {error.remedy}", error)

    def refuse(self, place: Path, what: str, cause: Exception | None = None) -> NoReturn:
        """Raise BadInventory with file, line and path."""
        path = ""
        for step in place:
            path += f"[{step}]" if isinstance(step, int) else f".{step}"
        line = self._document.line(place)
        where = f"{self._path}:{line}: {path.lstrip('.') or 'the file'}"
        raise BadInventory(f"{where}: {what}") from cause

    def _read(self) -> str:
        try:
            with open(self._path, "rb") as file:
                data = file.read(MOST_BYTES + 1)
            if len(data) > MOST_BYTES:
                raise BadInventory(f"{self._path}: it is larger than {MOST_BYTES >> 20} MiB")
            return data.decode("utf-8")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text of UTF-8"
            raise BadInventory(f"{self._path}: it can't be read ({reason})") from error

    def _parsed(self, text: str) -> Document:
        try:
            return parse(text)
        except YamlProblem as problem:
            line = f":{problem.line}" if problem.line else ""
            raise BadInventory(f"{self._path}{line}: {problem.what}") from problem
