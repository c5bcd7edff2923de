"""docs/commands.md: one heading for every command, its help and its options, read from the program itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

HEAD = """# Commands

<!-- Made by docs/gen from the command line itself; do not edit. -->

Every command takes `--help`. With `--json` it prints exactly one JSON object on stdout; logs and progress go to stderr. Exit code 0: done, 1: failed, 2: usage.
With `--json` a failure prints `{"error": {"type", "message", "got", "wanted", "hint"}}`; the types are in [Errors](errors.md).
A project is a path ending in `.querist` (a SQLite file; artifacts beside it in `<name>.querist.d/`) or a `postgresql://` URL.
"""


def render(commands: Mapping[str, Any]) -> str:
    """The page.

    Args:
        commands: Command name → click command, as `querist.cli.main.commands()` gives them; a group has `commands` of its own.
    """
    return HEAD + "\n" + "\n".join(line for name, command in sorted(commands.items()) for line in _section(f"querist {name}", command))


def _section(name: str, command: Any, level: int = 2) -> Iterator[str]:
    yield from (f"{'#' * level} `{name}`", "", inspect.cleandoc(command.help or ""), "")
    parameters = [parameter for parameter in command.params if parameter.name != "help" and not getattr(parameter, "hidden", False)]
    if parameters:
        yield from ("| | | |", "|---|---|---|", *map(_parameter, parameters), "")
    for inner, child in sorted(getattr(command, "commands", {}).items()):
        yield from _section(f"{name} {inner}", child, level + 1)


def _parameter(parameter: Any) -> str:
    optional = parameter.param_type_name == "option"
    name = ", ".join(f"`{option}`" for option in parameter.opts) if optional else f"`{(parameter.metavar or parameter.name or '').upper()}`".replace("|", "\\|")
    default = parameter.default
    shown = "" if default is None or default is False or default == () or parameter.required or callable(default) else f"default {default}"
    text = " ".join((getattr(parameter, "help", None) or "").split()).replace("|", "\\|")
    return f"| {name} | {text} | {'required' if parameter.required and optional else shown} |"
