"""The lists of nodes and of pods of "openb", as CSV.

Alibaba's cluster-trace-gpu-v2023, in the form that was published with Weng et al., USENIX ATC 2023.

Read strictly: what is not understood is an error that names the line, never left out.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping

import msgspec

from aliquot.errors import AliquotError, BadNodeList, BadPodList, ImpossibleRequest
from aliquot.placement.engine import WHOLE, Node, Request
from aliquot.placement.engine.cluster import MOST_DEVICES, MOST_MODELS

_NODE_COLUMNS = ("sn", "cpu_milli", "memory_mib", "gpu", "model")
_POD_COLUMNS = ("name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli")
_MIB = 1 << 20
_MILLI = 1_000  # of a device, in which the lists tell shares
_MOST = 1 << 40  # no number in such a list is as large
_DIGITS = 20  # Python reads no number of thousands


class Pod(msgspec.Struct, frozen=True):
    """A line of a list of pods: something that wants a place."""

    name: str
    request: Request


def read_nodes(path: str) -> list[Node]:
    """The nodes of a file, in its order; raises BadNodeList."""
    nodes: list[Node] = []
    models: set[str] = set()
    for where, line in _lines(path, _NODE_COLUMNS, BadNodeList):
        devices = _number(line, "gpu", where, BadNodeList)
        if devices > MOST_DEVICES:
            raise BadNodeList(f"{where}: {devices} devices are more than {MOST_DEVICES}")
        models.add(line["model"])
        if len(models) > MOST_MODELS:
            raise BadNodeList(f"{where}: more than {MOST_MODELS} models")
        nodes.append(
            Node(
                name=line["sn"],
                cpu=_number(line, "cpu_milli", where, BadNodeList),
                memory=_number(line, "memory_mib", where, BadNodeList) * _MIB,
                devices=devices,
                model=line["model"],
            )
        )
    if not sum(node.devices for node in nodes):
        raise BadNodeList(f"{path!r} has no node with a device")
    return nodes


def read_pods(path: str) -> list[Pod]:
    """The pods of a file, in its order; raises BadPodList."""
    pods: list[Pod] = []
    for where, line in _lines(path, _POD_COLUMNS, BadPodList):
        devices = _number(line, "num_gpu", where, BadPodList)
        share = _number(line, "gpu_milli", where, BadPodList)
        if devices and not 1 <= share <= _MILLI:
            raise BadPodList(f"{where}: gpu_milli is {share}, not from 1 to {_MILLI}")
        request = Request(
            cpu=_number(line, "cpu_milli", where, BadPodList),
            memory=_number(line, "memory_mib", where, BadPodList) * _MIB,
            devices=devices,
            share=share * WHOLE // _MILLI if devices else 0,
            models=_models(line.get("gpu_spec") or "") if devices else None,
        )
        try:
            request.check()
        except ImpossibleRequest as error:
            raise BadPodList(f"{where}: {error.what}") from error
        pods.append(Pod(line["name"], request))
    if not sum(pod.request.total for pod in pods):
        raise BadPodList(f"{path!r} has no pod that asks for a device")
    return pods


def _models(spec: str) -> frozenset[str] | None:
    """The models that will do, of names between bars; None where none is named: any."""
    return frozenset(name for name in spec.split("|") if name) or None


def _lines(
    path: str, columns: tuple[str, ...], kind: type[AliquotError]
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Each line by its columns, and where it is; names in the first column are there once."""
    names: set[str] = set()
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if missing := [one for one in columns if one not in (reader.fieldnames or ())]:
                raise kind(f"{path!r} has no column {missing[0]!r}")
            for line in reader:
                where = f"{path!r}, line {reader.line_num}"
                if None in line or None in line.values():
                    raise kind(f"{where}: as many fields as columns are wanted")
                name = line[columns[0]]
                if not name or name in names:
                    raise kind(
                        f"{where}: the name {name!r} is " + ("there twice" if name else "empty")
                    )
                names.add(name)
                yield where, line
    except OSError as error:
        raise kind(f"{path!r} can't be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise kind(f"{path!r} is no CSV file in UTF-8 ({error})") from error


def _number(line: Mapping[str, str], column: str, where: str, kind: type[AliquotError]) -> int:
    """A whole number from 0 on. Published lists have some with a zero behind a point."""
    text = line[column].removesuffix(".0")
    digits = text.isascii() and text.isdigit() and len(text) <= _DIGITS
    if not digits or int(text) > _MOST:
        raise kind(f"{where}: {column} is {line[column]!r}, not a whole number")
    return int(text)
