"""Lists of nodes and pods: what is read, and that nothing is guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from aliquot.errors import BadNodeList, BadPodList
from aliquot.placement.engine import WHOLE, Node, Request
from aliquot.placement.simulation.openb import Pod, read_nodes, read_pods

NODES = "sn,cpu_milli,memory_mib,gpu,model\n"
PODS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos\n"


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_nodes(tmp_path: Path) -> None:
    path = written(tmp_path / "n.csv", NODES + "a,64000,262144,2,P100\nb,8000,1024,0,\n")
    assert read_nodes(path) == [
        Node(name="a", cpu=64000, memory=262144 << 20, devices=2, model="P100"),
        Node(name="b", cpu=8000, memory=1024 << 20, devices=0, model=""),
    ]


def test_pods(tmp_path: Path) -> None:
    path = written(
        tmp_path / "p.csv",
        PODS + "a,12000,16384,1,1000,,LS\nb,6000,1,1,460,T4|P100|T4,BE\nc,500,2,0,0,,LS\n",
    )
    assert read_pods(path) == [
        Pod("a", Request(cpu=12000, memory=16384 << 20, devices=1, share=WHOLE)),
        Pod(
            "b",
            Request(
                cpu=6000,
                memory=1 << 20,
                devices=1,
                share=4600,
                models=frozenset({"T4", "P100"}),
            ),
        ),
        Pod("c", Request(cpu=500, memory=2 << 20)),
    ]


def test_a_list_without_models_asks_for_none(tmp_path: Path) -> None:
    text = "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,1,1,1,1000.0\n"
    (pod,) = read_pods(written(tmp_path / "p.csv", text))
    assert pod.request.models is None
    assert pod.request.share == WHOLE


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("a,1,1,1\n", "line 2: as many fields"),
        ("a,1,1,1,T4,x\n", "line 2: as many fields"),
        ("a,1,1,17,T4\n", "17 devices are more than 16"),
        ("a,-1,1,1,T4\n", "cpu_milli is '-1', not a whole number"),
        ("a,1.5,1,1,T4\n", "cpu_milli is '1.5'"),
        ("a,1e3,1,1,T4\n", "cpu_milli is '1e3'"),
        ("a,,1,1,T4\n", "cpu_milli is ''"),
        ("a,99999999999999999,1,1,T4\n", "cpu_milli"),
        (f"a,{'9' * 5000},1,1,T4\n", "cpu_milli"),
        ("a,1,1,1,T4\na,1,1,1,T4\n", "line 3: the name 'a' is there twice"),
        (",1,1,1,T4\n", "the name '' is empty"),
        ("a,1,1,0,T4\n", "no node with a device"),
        ("", "no node with a device"),
        ("".join(f"n{at},1,1,1,m{at}\n" for at in range(65)), "line 66: more than 64 models"),
        ('a,1,1,1,"T4\n', "no CSV file"),
    ],
)
def test_bad_nodes(tmp_path: Path, lines: str, told: str) -> None:
    with pytest.raises(BadNodeList) as raised:
        read_nodes(written(tmp_path / "n.csv", NODES + lines))
    assert told in raised.value.what
    assert raised.value.code == "ALQ-E701"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("a,1,1,1,0,,\n", "gpu_milli is 0, not from 1 to 1000"),
        ("a,1,1,1,1001,,\n", "gpu_milli is 1001"),
        ("a,1,1,17,1000,,\n", "asks for 17 devices"),
        ("a,1,1,0,0,,\n", "no pod that asks for a device"),
        ("a,1,x,1,1000,,\n", "memory_mib is 'x'"),
        ("a,1,\u0661,1,1000,,\n", "memory_mib is '\u0661'"),
    ],
)
def test_bad_pods(tmp_path: Path, lines: str, told: str) -> None:
    with pytest.raises(BadPodList) as raised:
        read_pods(written(tmp_path / "p.csv", PODS + lines))
    assert told in raised.value.what
    assert raised.value.code == "ALQ-E702"


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(BadNodeList, match="can't be read"):
        read_nodes(str(tmp_path / "absent.csv"))
    with pytest.raises(BadNodeList, match="no column 'cpu_milli'"):
        read_nodes(written(tmp_path / "n.csv", "sn,gpu\na,1\n"))
    (tmp_path / "b.csv").write_bytes(NODES.encode() + b"\xff\xfe,1,1,1,T4\n")
    with pytest.raises(BadNodeList, match="no CSV file in UTF-8"):
        read_nodes(str(tmp_path / "b.csv"))
