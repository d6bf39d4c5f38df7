"""Completion scripts work in the shells that are here, and name every option in all three."""

import shutil
import subprocess

import pytest

from aliquot.cli import completion
from aliquot.cli.commands import COMMANDS
from tests.absent import absent

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


def complete(*words: str) -> list[str]:
    """What bash offers for the last word."""
    line = " ".join(f"'{word}'" for word in words)
    program = (
        f"{SCRIPTS['bash']}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}\n"
        '_aliquot; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes() -> None:
    assert complete("aliquot", "d") == ["devices", "doctor"]
    assert complete("aliquot", "run", "--mem") == ["--memory"]
    assert complete("aliquot", "run", "--transfer", "") == ["auto", "staged"]
    assert complete("aliquot", "bench", "rem") == ["remoting"]
    assert complete("aliquot", "completion", "z") == ["zsh"]
    assert complete("aliquot", "run", "--priority", "l") == ["latency"]
    assert complete("aliquot", "policy", "0", "eq") == ["equal-share"]
    assert complete("aliquot", "bench", "fairness", "--case", "lim") == ["limit-25-alone"]
    assert "cat" in complete("aliquot", "run", "--memory", "1G", "--", "ca")


def test_zsh_knows_which_argument_it_is() -> None:
    assert "'2:what:(best-effort equal-share fixed-share)'" in SCRIPTS["zsh"]
    assert "'1:what:(remoting fairness)'" in SCRIPTS["zsh"]


@pytest.mark.parametrize("shell", SCRIPTS)
def test_syntax(shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        absent(f"{shell} is not installed here")
    option = "--no-execute" if shell == "fish" else "-n"
    subprocess.run([program, option], input=SCRIPTS[shell], text=True, check=True)
