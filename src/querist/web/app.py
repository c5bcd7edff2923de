"""The labelling server as an ASGI application."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.staticfiles import StaticFiles

from querist.project.project import Project
from querist.web import errors, routes
from querist.web.board import Board
from querist.web.docs import operations
from querist.web.security import Guard

_HERE = Path(__file__).parent
FORMS: Final = frozenset({"choice"})
"""Widgets that the labelling page has."""


def no_worker() -> Mapping[str, Any]:
    """The state of a worker that this server has not got."""
    return {"state": "off", "why": None}


def create_app(
    project: Project | str | Path, token: str | None = None, *, hosts: Iterable[str] = (), worker: Callable[[], Mapping[str, Any]] = no_worker
) -> FastAPI:
    """The application over one project.

    Args:
        project: An open project, or the path of one.
        token: The secret that every request must know; a random one by default (then `app.state.token`).
        hosts: Names besides `localhost` and plain addresses by which the server may be called.
        worker: Says what the training worker does, for the status.

    Raises:
        StoreError: if there is no such project.
    """
    opened = project if isinstance(project, Project) else Project.open(project)
    secret = token or secrets.token_urlsafe(24)
    pages = Environment(loader=PackageLoader("querist.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    app = FastAPI(title="Querist labelling server", version="1", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    app.state.token, app.state.project = secret, opened
    board = Board(opened, worker)
    errors.install(app)
    app.include_router(routes.api(opened, board))
    app.include_router(routes.items(opened))
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")

    @app.get("/", include_in_schema=False)
    def page() -> HTMLResponse:
        shown, space = opened.store.place.shown, board.space()
        if space.widget not in FORMS:
            return HTMLResponse(pages.get_template("no_form.html").render(name=_title(shown), kind=space.kind))
        config = {"project": hashlib.sha256(shown.encode()).hexdigest()[:12], "name": _title(shown), "widget": space.widget, "schema": space.schema()}
        return HTMLResponse(pages.get_template("label.html").render(config=config))

    @app.get("/api/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        schema = app.openapi()
        return HTMLResponse(pages.get_template("docs.html").render(info=schema["info"], operations=operations(schema)))

    app.add_middleware(Guard, token=secret, hosts=tuple(hosts), refusal=pages.get_template("refused.html").render())
    return app


def _title(shown: str) -> str:
    """What to call a project: its file's name, or the database's without user and password."""
    return shown.rsplit("/", 1)[-1].partition("?")[0].removesuffix(".querist")
