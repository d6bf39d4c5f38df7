"""`aliquot completion`: completion scripts, made from the same parsers as --help."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from aliquot.cli.commands import COMMANDS
from aliquot.cli.parser import Option, Parser


def build_parser() -> Parser:
    """The options of `aliquot completion`."""
    parser = Parser(
        "completion",
        "Prints a completion script for a shell.",
        example='eval "$(aliquot completion bash)"\n'
        "  aliquot completion fish > ~/.config/fish/completions/aliquot.fish",
        exit_status="0; 2 for an unknown shell.",
    )
    parser.add_argument("shell", choices=["bash", "zsh", "fish"], help="the shell")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Print the script."""
    given = build_parser().parse_args(arguments)
    writers = {"bash": bash_script, "zsh": zsh_script, "fish": fish_script}
    print(writers[given.shell](), end="")
    return 0


def bash_script() -> str:
    """Completion for bash; after `--` the command's own completion takes over."""
    cases: list[str] = []
    values: list[str] = []
    for name, options in _commands().items():
        words = [word for option in options for word in (option.names or option.choices)]
        cases.append(f"    {name}) words={shlex.quote(' '.join(words))} ;;")
        for option in options:
            if not option.names or not option.takes_value:
                continue
            pattern = "|".join(f"{name}:{flag}" for flag in option.names)
            answer = (
                'COMPREPLY=($(compgen -f -- "$current"))'
                if option.is_file
                else f"COMPREPLY=($(compgen -W {shlex.quote(' '.join(option.choices))} "
                '-- "$current"))'
            )
            values.append(f"    {pattern}) {answer}; return ;;")
    names = " ".join(command.name for command in COMMANDS)
    return "\n".join(
        [
            "_aliquot() {",
            '  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}"',
            "  local command=${COMP_WORDS[1]} words= place",
            "  for ((place = 2; place < COMP_CWORD; place++)); do",
            '    if [[ ${COMP_WORDS[place]} == "--" ]]; then',
            "      if declare -F _command_offset >/dev/null; then",
            "        _command_offset $((place + 1))",
            "      else",
            '        COMPREPLY=($(compgen -c -f -- "$current"))',
            "      fi",
            "      return",
            "    fi",
            "  done",
            "  if ((COMP_CWORD == 1)); then",
            f"    COMPREPLY=($(compgen -W {shlex.quote(names + ' --help --version')} "
            '-- "$current"))',
            "    return",
            "  fi",
            '  case "$command:$previous" in',
            *values,
            "  esac",
            '  case "$command" in',
            *cases,
            "  esac",
            '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
            "}",
            "complete -F _aliquot aliquot",
            "",
        ]
    )


def zsh_script() -> str:
    """Completion for zsh."""
    lines = ["#compdef aliquot", "_aliquot() {", "  local -a commands", "  commands=("]
    lines += [f"    {shlex.quote(command.name + ':' + command.summary)}" for command in COMMANDS]
    lines += [
        "  )",
        "  if ((CURRENT == 2)); then",
        "    _describe command commands",
        "    return",
        "  fi",
        "  case $words[2] in",
    ]
    for name, options in _commands().items():
        places = [option for option in options if not option.names]
        specifications = [
            _zsh_specification(option, places.index(option) + 1 if option in places else 0)
            for option in options
        ]
        if name == "run":
            specifications.append("'(-)*::command:_normal'")
        lines.append(f"    {name})")
        lines.append("      shift words; ((CURRENT--))")
        lines.append("      _arguments -s -S " + " ".join(filter(None, specifications)) + " ;;")
    return "\n".join([*lines, "  esac", "}", "compdef _aliquot aliquot", ""])


def fish_script() -> str:
    """Completion for fish."""
    lines = [
        "function __aliquot_own",
        "  set -l tokens (commandline -opc)",
        "  test (count $tokens) -ge 2; and test $tokens[2] = $argv[1]; "
        "and not contains -- -- $tokens",
        "end",
        "complete -c aliquot -n '__fish_use_subcommand' -f",
    ]
    for command in COMMANDS:
        lines.append(
            f"complete -c aliquot -n '__fish_use_subcommand' -a {command.name} "
            f"-d {shlex.quote(command.summary)}"
        )
    for name, options in _commands().items():
        condition = f"-n '__aliquot_own {name}'"
        if name != "run":
            lines.append(f"complete -c aliquot {condition} -f")
        for option in options:
            if not option.names:
                if option.choices:
                    choices = shlex.quote(" ".join(option.choices))
                    lines.append(f"complete -c aliquot {condition} -a {choices}")
                continue
            flags = " ".join(
                f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"
                for flag in option.names
            )
            value = ""
            if option.takes_value:
                value = " -r" if option.is_file else " -x"
                if option.choices:
                    value += f" -a {shlex.quote(' '.join(option.choices))}"
            lines.append(
                f"complete -c aliquot {condition} {flags}{value} -d {shlex.quote(option.text)}"
            )
    return "\n".join([*lines, ""])


def _zsh_specification(option: Option, place: int) -> str:
    """For an argument its place among the arguments counts, and what it may be."""
    if not option.names:
        return f"'{place}:what:({' '.join(option.choices)})'" if option.choices else ""
    text = option.text
    for special in "[]:":
        text = text.replace(special, "\\" + special)
    value = ""
    if option.takes_value:
        value = ":file:_files" if option.is_file else f":value:({' '.join(option.choices)})"
    return " ".join(shlex.quote(f"{flag}[{text}]{value}") for flag in option.names)


def _commands() -> dict[str, list[Option]]:
    """The options of each command."""
    return {command.name: command.load().build_parser().options for command in COMMANDS}
