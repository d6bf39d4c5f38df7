"""Completion scripts work in the shells that are here, and name every option in all three."""

import shutil
import subprocess

import pytest

from aliquot.cli import completion
from aliquot.cli.commands import COMMANDS
from tests.absent import absent
from tests.fakes.installation import FakeInstallation

SCRIPTS = {
    "bash": completion.bash_script(),
    "zsh": completion.zsh_script(),
    "fish": completion.fish_script(),
}


@pytest.mark.parametrize("shell", SCRIPTS)
def test_every_option_is_there(shell: str) -> None:
    for command in COMMANDS:
        assert command.name in SCRIPTS[shell]
        for option in command.load().build_parser().options:
            for name in option.names:
                shown = name.lstrip("-") if shell == "fish" else name
                assert shown in SCRIPTS[shell], (command.name, name)


NAMES = {"vgpus": "train try-2", "devices": "0 1", "profiles": "small", "groups": "pair"}


def complete(*words: str) -> list[str]:
    """What bash offers for the last word, where the daemon has NAMES."""
    cases = " ".join(f"{kind}) echo {listed} ;;" for kind, listed in NAMES.items())
    line = " ".join(f"'{word}'" for word in words)
    program = (
        f"aliquot() {{ case $3 in {cases} esac; }}\n{SCRIPTS['bash']}\n"
        f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}\n"
        '_aliquot; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes() -> None:
    assert complete("aliquot", "d") == ["devices", "diagram", "delete", "detach", "doctor"]
    assert complete("aliquot", "group", "cr") == ["create"]
    assert complete("aliquot", "create", "--wa") == ["--wait"]
    assert complete("aliquot", "run", "--mem") == ["--memory"]
    assert complete("aliquot", "run", "--transfer", "") == ["auto", "staged"]
    assert complete("aliquot", "bench", "rem") == ["remoting"]
    assert complete("aliquot", "bench", "daemon", "--case", "li") == ["limit-25-alone", "list-2000"]
    assert complete("aliquot", "completion", "z") == ["zsh"]
    assert complete("aliquot", "run", "--priority", "l") == ["latency"]
    assert complete("aliquot", "policy", "0", "eq") == ["equal-share"]
    assert complete("aliquot", "bench", "fairness", "--case", "lim") == ["limit-25-alone"]
    assert "cat" in complete("aliquot", "run", "--memory", "1G", "--", "ca")


def test_bash_completes_what_the_daemon_has() -> None:
    assert complete("aliquot", "exec", "tr") == ["train", "try-2"]
    assert complete("aliquot", "show", "") == [*complete("aliquot", "show", "-"), "train", "try-2"]
    assert complete("aliquot", "move", "train", "--device", "") == ["0", "1"]
    assert complete("aliquot", "create", "--profile", "s") == ["small"]
    assert complete("aliquot", "group", "delete", "") == ["pair"]


def test_names_where_no_daemon_is(fakes: FakeInstallation) -> None:
    done = fakes.run("completion", "--names", "vgpus")
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


def test_zsh_knows_which_argument_it_is() -> None:
    assert "'2:what:(best-effort equal-share fixed-share)'" in SCRIPTS["zsh"]
    assert "'1:what:(remoting fairness daemon)'" in SCRIPTS["zsh"]


def test_zsh_and_fish_ask_the_daemon_at_the_time() -> None:
    asked = "aliquot completion --names vgpus 2>/dev/null"
    assert f"'1:vgpu:{{compadd -- $({asked})}}'" in SCRIPTS["zsh"]
    assert f"'__aliquot_own exec' -a '({asked})'" in SCRIPTS["fish"]


@pytest.mark.parametrize("shell", SCRIPTS)
def test_syntax(shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        absent(f"{shell} is not installed here")
    option = "--no-execute" if shell == "fish" else "-n"
    subprocess.run([program, option], input=SCRIPTS[shell], text=True, check=True)
