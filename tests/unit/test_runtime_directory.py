"""Nobody else can put something where device hosts and programs meet."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from aliquot import runtime_directory
from aliquot.errors import BadRuntimeDirectory
from tests.folders import short_folder

UUID = "01234567-89ab-cdef-0123-456789abcdef"
# Through root's folders other users reach the sockets of their own vGPUs.
MODE = 0o711 if os.geteuid() == 0 else 0o700


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with short_folder() as folder:
        root = folder / "r"
        monkeypatch.setenv("ALIQUOT_RUNTIME_DIR", str(root))
        yield root


def test_it_is_made_for_the_user_alone(root: Path) -> None:
    assert runtime_directory.prepare(UUID) == str(root)
    assert runtime_directory.prepare(UUID) == str(root)
    for directory in (root, root / UUID):
        assert directory.stat().st_mode & 0o777 == MODE


@pytest.mark.parametrize("mode", [0o700, 0o600])
def test_one_that_is_shut_is_opened_as_far_as_it_must(root: Path, mode: int) -> None:
    (root / UUID).mkdir(parents=True)
    for directory in (root / UUID, root):
        directory.chmod(mode)
    runtime_directory.prepare(UUID)
    for directory in (root, root / UUID):
        assert directory.stat().st_mode & 0o777 == MODE


def test_one_that_others_can_write_is_refused(root: Path) -> None:
    root.mkdir()
    root.chmod(0o777)
    with pytest.raises(BadRuntimeDirectory, match="written by others"):
        runtime_directory.prepare(UUID)


def test_a_link_is_refused(root: Path, tmp_path: Path) -> None:
    root.symlink_to(tmp_path)
    with pytest.raises(BadRuntimeDirectory, match="not a directory"):
        runtime_directory.prepare(UUID)


@pytest.mark.needs_root
def test_another_user_s_is_refused(root: Path) -> None:
    root.mkdir(mode=0o700)
    os.chown(root, 12345, 12345)
    with pytest.raises(BadRuntimeDirectory, match="belongs to user 12345"):
        runtime_directory.prepare(UUID)


def test_a_path_too_long_for_a_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ALIQUOT_RUNTIME_DIR", str(tmp_path / ("x" * 90)))
    with pytest.raises(BadRuntimeDirectory, match="too long"):
        runtime_directory.prepare(UUID)


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ALIQUOT_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert runtime_directory.path() == "/run/aliquot"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert runtime_directory.path() == str(tmp_path / "aliquot")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "relative")
    assert runtime_directory.path() == "/tmp/aliquot-1000"


def test_only_sockets_count_as_device_hosts(root: Path) -> None:
    runtime_directory.prepare(UUID)
    assert list(runtime_directory.device_hosts()) == []
