"""`aliquot completion`: completion scripts, made from the same parsers as --help."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from aliquot.cli.commands import COMMANDS
from aliquot.cli.parser import Option, Parser
from aliquot.errors import UsageError

_RUNNING = ("run", "exec")  # what follows is a command of its own


def build_parser() -> Parser:
    """The options of `aliquot completion`."""
    parser = Parser(
        "completion",
        "Prints a completion script for a shell.",
        example='eval "$(aliquot completion bash)"',
        exit_status="0; 2 for an unknown shell.",
    )
    parser.add_argument("shell", nargs="?", choices=["bash", "zsh", "fish"], help="the shell")
    parser.add_argument(
        "--names",
        choices=["vgpus", "devices", "groups", "profiles", "leases", "tokens"],
        help="print what the daemon has of this kind, as the scripts ask for it; else nothing",
    )
    return parser


def main(arguments: Sequence[str]) -> int:
    """Print the script."""
    given = build_parser().parse_args(arguments)
    if (given.shell is None) == (given.names is None):
        raise UsageError("name a shell: bash, zsh or fish")
    if given.names is not None:
        from aliquot.cli.completion_names import names

        print(*names(given.names), sep="\n")
        return 0
    writers = {"bash": bash_script, "zsh": zsh_script, "fish": fish_script}
    print(writers[given.shell](), end="")
    return 0


def bash_script() -> str:
    """Completion for bash; after `--` the command's own completion takes over."""
    cases: list[str] = []
    values: list[str] = []
    for name, options in _commands().items():
        words = [word for option in options for word in (option.names or option.choices)]
        kinds = [option.kind for option in options if not option.names and option.kind]
        asked = f'; [[ $current == -* ]] || words+=" {_asked(kinds[0])}"' if kinds else ""
        cases.append(f"    {name}) words={shlex.quote(' '.join(words))}{asked} ;;")
        for option in options:
            if not option.names or not option.takes_value:
                continue
            pattern = "|".join(f"{name}:{flag}" for flag in option.names)
            answer = (
                'COMPREPLY=($(compgen -f -- "$current"))'
                if option.is_file
                else f'COMPREPLY=($(compgen -W "{_values(option)}" -- "$current"))'
            )
            values.append(f"    {pattern}) {answer}; return ;;")
    for verb, kind in _kinds_of_verbs():
        values.append(
            f'    {verb}) COMPREPLY=($(compgen -W "{_asked(kind)}" -- "$current")); return ;;'
        )
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
        if name in _RUNNING:
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
        if name not in _RUNNING:
            lines.append(f"complete -c aliquot {condition} -f")
        for option in options:
            if not option.names:
                if option.choices:
                    choices = shlex.quote(" ".join(option.choices))
                    lines.append(f"complete -c aliquot {condition} -a {choices}")
                elif option.kind:
                    asked = shlex.quote(_asked(option.kind, "({})"))
                    lines.append(f"complete -c aliquot {condition} -a {asked}")
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
                elif option.kind:
                    value += f" -a {shlex.quote(_asked(option.kind, '({})'))}"
            lines.append(
                f"complete -c aliquot {condition} {flags}{value} -d {shlex.quote(option.text)}"
            )
    return "\n".join([*lines, ""])


def _zsh_specification(option: Option, place: int) -> str:
    """For an argument its place among the arguments counts, and what it may be."""
    if not option.names:
        if option.choices:
            return f"'{place}:what:({' '.join(option.choices)})'"
        if option.kind is None:
            return ""
        return shlex.quote(f"{place}:{option.value.lower()}:{_zsh_asked(option.kind)}")
    text = option.text
    for special in "[]:":
        text = text.replace(special, "\\" + special)
    value = ""
    if option.takes_value:
        names = _zsh_asked(option.kind) if option.kind else f"({' '.join(option.choices)})"
        value = ":file:_files" if option.is_file else f":value:{names}"
    return " ".join(shlex.quote(f"{flag}[{text}]{value}") for flag in option.names)


def _asked(kind: str, substitution: str = "$({})") -> str:
    """What makes a shell ask for the names of a kind, at the time of completion."""
    return substitution.format(f"aliquot completion --names {kind} 2>/dev/null")


def _values(option: Option) -> str:
    """What may follow an option: the words themselves, or what asks for them."""
    return _asked(option.kind) if option.kind else " ".join(option.choices)


def _zsh_asked(kind: str) -> str:
    """As an action of _arguments: in braces it is evaluated, and in parentheses taken as it is."""
    return f"{{compadd -- {_asked(kind)}}}"


def _kinds_of_verbs() -> Iterator[tuple[str, str]]:
    """`command:verb` with what its argument is one of."""
    for command in COMMANDS:
        for verb, parser in command.load().build_parser().verbs.items():
            for option in parser.options:
                if not option.names and option.kind:
                    yield f"{command.name}:{verb}", option.kind


def _commands() -> dict[str, list[Option]]:
    """The options of each command, with those of the commands that it has of its own."""
    found: dict[str, list[Option]] = {}
    for command in COMMANDS:
        parser = command.load().build_parser()
        options = list(parser.options)
        known = {name for option in options for name in option.names}
        for option in (option for verb in parser.verbs.values() for option in verb.options):
            # A verb's own argument comes second, and what it is one of is told by its kind.
            if option.names and not known & set(option.names):
                known |= set(option.names)
                options.append(option)
        found[command.name] = options
    return found
