"""`querist label`: the server, its worker and the browser."""

from __future__ import annotations

import contextlib
import functools
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Final

import uvicorn

from querist.core.errors import UsageError
from querist.project.project import Project
from querist.web.app import create_app, no_worker
from querist.web.worker import Worker

PORT: Final = 8765
"""Tried first, so that the address (and what the browser keeps under it) stays the same from day to day."""

_say = functools.partial(print, flush=True)


def serve(
    path: str | Path,
    port: int | None = None,
    open_browser: bool = True,
    worker: bool = True,
    *,
    host: str = "127.0.0.1",
    token: str | None = None,
    say: Callable[[str], object] = _say,
) -> None:
    """Serve the labelling page of a project until Ctrl-C.

    Args:
        path: The project.
        port: Where; `PORT` or, if that is taken, any free one by default.
        open_browser: Open the page in the default browser.
        worker: Train in a process of its own while people label.
        host: Address to listen on. Anything but this machine's own needs a network that you trust: there is no encryption.
        token: The secret of the URL; a random one by default.
        say: Told the URL.

    Raises:
        StoreError: if there is no such project.
        UsageError: if the port is taken, or none.
    """
    with Project.open(path) as project, _listen(host, port) as listener:
        secret = token or secrets.token_urlsafe(24)
        trainer = Worker(str(path)) if worker and project.spec["pool"] is not None else None
        names = () if host == "127.0.0.1" else (socket.gethostname(), socket.getfqdn())
        app = create_app(project, secret, hosts=names, worker=trainer.state if trainer is not None else no_worker)
        # The access log would write the token down with the first request.
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=3))
        url = f"http://{_shown(host)}:{listener.getsockname()[1]}/?token={secret}"
        say(url)
        if open_browser:
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
        if trainer is not None:
            trainer.start()
        try:
            with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is how this ends; uvicorn has shut down by then
                server.run(sockets=[listener])
        finally:
            if trainer is not None:
                trainer.stop()


def _listen(host: str, port: int | None) -> socket.socket:
    """A socket that queues connections at once, so that the URL works from the moment it is printed."""
    if port is not None and not 0 <= port <= 65535:
        raise UsageError("not a port", got=port, wanted="0 to 65535 (0: any free one)")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for wanted in (PORT, 0) if port is None else (port,):
        try:
            return socket.create_server((host, wanted), family=family, backlog=128)
        except OSError as error:
            if wanted != PORT or port is not None:
                raise UsageError(f"cannot listen on port {wanted}: {error}", got=wanted, wanted="a free port", hint="Leave the port out to get one.") from error
    raise AssertionError("the loop returns or raises")


def _shown(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1"}.get(host, f"[{host}]" if ":" in host else host)
