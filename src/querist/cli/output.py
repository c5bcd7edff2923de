"""The one door to the outside: results to stdout, everything else to stderr, errors in one to three lines, and the exit code."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Final, TextIO

from querist.core.errors import MissingExtraError, QueristError, StoreError, UsageError

DONE: Final = 0
FAILED: Final = 1
MISUSED: Final = 2
INTERRUPTED: Final = 130

_stdout: ContextVar[TextIO | None] = ContextVar("stdout", default=None)
_as_json: ContextVar[bool] = ContextVar("as_json", default=False)


def emit(result: Mapping[str, Any], text: Any = None) -> None:
    """Print what a command has to say, once: the object with `--json`, else the text for people.

    Args:
        result: JSON-ready mapping.
        text: A text or anything that rich can render; None prints nothing.
    """
    out = _stdout.get() or sys.stdout
    if _as_json.get():
        out.write(json.dumps(result, ensure_ascii=False, allow_nan=False) + "\n")
    elif isinstance(text, str):
        out.write(text + "\n")
    elif text is not None:
        from rich.console import Console

        Console(file=out, width=None if out.isatty() else 160).print(text)
    out.flush()


def note(text: str) -> None:
    """Say something beside the result: one line on stderr."""
    sys.stderr.write(_one_line(text) + "\n")


@contextlib.contextmanager
def reporting() -> Iterator[Callable[[str, float, Mapping[str, Any]], None]]:
    """A `Report` that draws progress bars on stderr where that is a terminal, and is silent elsewhere."""
    if not sys.stderr.isatty():
        yield lambda phase, fraction, extra: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def report(phase: str, fraction: float, extra: Mapping[str, Any]) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase, total=1.0)
            bars.update(tasks[phase], completed=fraction)

        yield report


def through_the_door(command: Callable[[Sequence[str]], Any], argv: Sequence[str]) -> int:
    """Run the program and turn whatever happens into output and an exit code.

    Args:
        command: Runs the parsed command line and returns an exit code or None; raises click's errors.
        argv: The arguments.
    """
    options = argv[: argv.index("--")] if "--" in argv else argv
    as_json = "--json" in options and "--help" not in options
    log, handler = logging.getLogger("querist"), logging.StreamHandler(sys.stderr)
    log.addHandler(handler)
    tokens = _stdout.set(sys.stdout), _as_json.set(as_json)
    try:
        # What libraries print must not mix with the one object on stdout.
        with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
            code = command(argv)
        if code == INTERRUPTED:  # newer typer's form of Ctrl-C
            return _interrupted()
        return code if isinstance(code, int) else DONE
    except Exception as error:
        return _failed(error, options)
    except KeyboardInterrupt:
        return _interrupted()
    finally:
        log.removeHandler(handler)
        _stdout.reset(tokens[0])
        _as_json.reset(tokens[1])


def _failed(error: Exception, argv: Sequence[str]) -> int:
    if isinstance(error, OSError) and error.errno == errno.EPIPE:
        _forget_stdout()
        return FAILED
    if isinstance(error.__cause__, KeyboardInterrupt):
        return _interrupted()
    if os.environ.get("QUERIST_DEBUG"):
        traceback.print_exception(error)
    known = _known(error, argv)
    payload = known.payload() if known else {"type": type(error).__name__, "message": _unexpected(error), "got": None, "wanted": None, "hint": _REPORT}
    if _as_json.get():
        emit({"error": payload})
    else:
        note(f"error: {known}" if known else f"error: {_unexpected(error)}. {_REPORT}")
    return MISUSED if isinstance(known, UsageError) else FAILED


_REPORT = "Please report it; with QUERIST_DEBUG=1 it shows where."


def _unexpected(error: Exception) -> str:
    return _one_line(f"unexpected {type(error).__name__}: {error}")


def _known(error: Exception, argv: Sequence[str]) -> QueristError | None:
    """The error as one of ours, if it is anything that a user can do something about."""
    if isinstance(error, QueristError):
        return error
    if hasattr(error, "format_message"):  # click's, whichever click typer brings
        context = getattr(error, "ctx", None)
        path = context.command_path if context else "querist"
        got = _given(getattr(getattr(error, "param", None), "opts", ()), argv)
        return UsageError(_one_line(error.format_message()).rstrip("."), got=got, hint=f"See: {path} --help")
    if isinstance(error, ModuleNotFoundError) and error.name:
        return _missing(error.name)
    if isinstance(error, OSError) and error.strerror:
        return StoreError(error.strerror, got=error.filename, hint="Does the place exist, and may you use it?")
    return None


def _given(options: Sequence[str], argv: Sequence[str]) -> str | None:
    """The value that was given to an option; the parser's own message does not always say it."""
    for place, word in enumerate(argv):
        name, equals, value = word.partition("=")
        if name in options:
            return value if equals else next(iter(argv[place + 1 : place + 2]), None)
    return None


def _missing(module: str) -> MissingExtraError | None:
    from querist.core.optional import extra_of

    root = module.partition(".")[0]
    extra = extra_of(root)
    return MissingExtraError(f"this needs the package {root!r}, which is not installed", hint=f"Run: pip install 'querist[{extra}]'") if extra else None


def _interrupted() -> int:
    note("interrupted; what was acknowledged is safe, and the same command goes on where it can")
    return INTERRUPTED


def _forget_stdout() -> None:
    # Whoever read us is gone: without this the interpreter complains when it flushes at its end.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _one_line(text: str) -> str:
    return " ".join(text.split())
