"""`aliquot setup`: what it installs, that it does so once, and that it removes just that."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from aliquot.service.installed_file import InstalledFile
from tests.absent import absent
from tests.fakes.installation import FakeInstallation

FILES = {
    "config/systemd/user/aliquot.service",
    "config/systemd/user/aliquot.socket",
    "config/fish/completions/aliquot.fish",
    "data/bash-completion/completions/aliquot",
    "data/zsh/site-functions/_aliquot",
    "data/man/man1/aliquot.1",
}


@pytest.fixture
def home(fakes: FakeInstallation) -> Path:
    home = fakes.directory / "home"
    home.mkdir()
    fakes.environment |= {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
    }
    return home


def there(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}


def setup(fakes: FakeInstallation, *options: str) -> tuple[int, dict[str, str]]:
    done = fakes.run("setup", "--json", *options)
    told = json.loads(done.stdout)
    return done.returncode, {Path(file["path"]).name: file["done"] for file in told["files"]}


def test_install_again_and_remove(fakes: FakeInstallation, home: Path) -> None:
    (home / "config").mkdir()
    (home / "config/mine").write_text("mine")
    status, done = setup(fakes, "--user", "--dry-run")
    assert (status, set(done.values()), there(home)) == (0, {"installed"}, {"config/mine"})
    status, done = setup(fakes, "--user")
    assert (status, set(done.values())) == (0, {"installed"})
    assert there(home) == FILES | {"config/mine"}
    status, done = setup(fakes, "--user")
    assert (status, set(done.values())) == (0, {"is there already"})
    status, done = setup(fakes, "--user", "--remove")
    assert (status, set(done.values())) == (0, {"removed"})
    assert there(home) == {"config/mine"}
    status, done = setup(fakes, "--user", "--remove")
    assert (status, set(done.values())) == (0, {"isn't there"})


def test_what_is_not_ours_stays(fakes: FakeInstallation, home: Path) -> None:
    foreign = home / "data/man/man1/aliquot.1"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("another aliquot's")
    status, done = setup(fakes, "--user")
    assert (status, done["aliquot.1"]) == (1, "left as it is (not ours)")
    edited = home / "config/systemd/user/aliquot.service"
    edited.write_text(edited.read_text() + "# mine\n")
    for options in (["--user"], ["--user", "--remove"]):
        status, done = setup(fakes, *options)
        assert status == 1
        assert done["aliquot.service"] == "left as it is (one of ours, changed by hand)"
    assert there(home) == {"config/systemd/user/aliquot.service", "data/man/man1/aliquot.1"}
    assert foreign.read_text() == "another aliquot's"


def test_an_older_one_of_ours_is_replaced(fakes: FakeInstallation, home: Path) -> None:
    old = InstalledFile(str(home / "data/zsh/site-functions/_aliquot"), "old\n", first="#compdef\n")
    old.write()
    _, done = setup(fakes, "--user")
    assert done["_aliquot"] == "replaced"
    # Shells look at the first line, and at nothing else, for what it completes.
    assert Path(old.path).read_text().startswith("#compdef aliquot\n")


def test_a_folder_for_packages(fakes: FakeInstallation, tmp_path: Path) -> None:
    root = tmp_path / "root"
    done = fakes.run("setup", "--root", str(root))
    assert done.returncode == 0, done.stderr
    assert there(root) == {
        "etc/systemd/system/aliquot.service",
        "etc/systemd/system/aliquot.socket",
        "usr/local/share/bash-completion/completions/aliquot",
        "usr/local/share/zsh/site-functions/_aliquot",
        "usr/local/share/fish/vendor_completions.d/aliquot.fish",
        "usr/local/share/man/man1/aliquot.1",
    }
    assert "Next: systemctl enable --now aliquot.socket" in done.stdout
    assert {path.stat().st_mode & 0o777 for path in root.rglob("*") if path.is_file()} == {0o644}


def test_a_place_that_can_t_be_written(fakes: FakeInstallation, home: Path) -> None:
    (home / "config").write_text("a file where a folder is to be")
    done = fakes.run("setup", "--user")
    assert (done.returncode, "ALQ-E444" in done.stderr) == (2, True)


def test_the_man_page_is_sound(fakes: FakeInstallation, home: Path) -> None:
    if shutil.which("man") is None:
        absent("man is not installed here")
    setup(fakes, "--user")
    done = subprocess.run(
        ["man", "--warnings", "-l", str(home / "data/man/man1/aliquot.1")],
        capture_output=True,
        text=True,
        check=True,
        env={**fakes.environment, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"},
    )
    assert done.stderr == ""
    assert "aliquot - divides physical GPUs into virtual GPUs" in done.stdout
