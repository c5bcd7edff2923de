"""The routes: each one verb of the project."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Response

from querist.core.errors import UnknownItemError
from querist.project.project import Project
from querist.web.board import Board
from querist.web.content import content
from querist.web.schemas import (
    AskBody,
    QueryAnswer,
    ReleaseAnswer,
    ReleaseBody,
    RoundAnswer,
    SkipAnswer,
    SkipBody,
    TellAnswer,
    TellBody,
)


def api(project: Project, board: Board) -> APIRouter:
    """Everything under `/api`."""
    router = APIRouter(prefix="/api")

    @router.get("/status")
    def status() -> dict[str, Any]:
        """Counts and facts of the project, classes, learning curve, worker."""
        return board.status()

    @router.get("/round")
    def round_() -> RoundAnswer:
        """The round in force."""
        current = asdict(project.rounds()[-1])
        return RoundAnswer(round=current.pop("n"), behind=project.progress().fresh, **current)

    @router.post("/ask")
    def ask(body: AskBody) -> QueryAnswer:
        """Lease items to an annotator."""
        query, space = project.ask(body.k, by=_name(body.by), ttl=body.ttl), board.space()
        items = [{**asdict(asked), "guess": board.guesses.guess(query.round, asked.id, space)} for asked in query.items]
        return QueryAnswer.model_validate({"query": query.id, "round": query.round, "by": query.by, "expires": query.expires, "items": items})

    @router.post("/tell")
    def tell(body: TellBody) -> TellAnswer:
        """Append a label; the same annotator again is a revision, another one a second opinion."""
        told = project.tell(body.item, body.value, by=_name(body.by), seconds=body.seconds, key=body.key)
        return TellAnswer(told=1, revisions=int(told.supersedes is not None), errors=[], number=told.number)

    @router.post("/skip")
    def skip(body: SkipBody) -> SkipAnswer:
        """Pass an item over."""
        project.skip(body.item, reason=body.reason, again=not body.never, by=_name(body.by))
        return SkipAnswer(skipped=body.item)

    @router.post("/release")
    def release(body: ReleaseBody) -> ReleaseAnswer:
        """Give the leases of a query back."""
        return ReleaseAnswer(released=project.release(body.query))

    return router


def items(project: Project) -> APIRouter:
    """The content of items."""
    router = APIRouter()

    @router.get("/items/{item_id:path}", response_class=Response, responses={200: {"content": {"image/*": {}, "text/plain": {}, "application/json": {}}}})
    def item(item_id: str, part: str | None = None) -> Response:
        """The content of a pool item. Looked up in the store, never on disk; an item of named parts is a JSON list of them."""
        row = project.store.find(item_id)
        if row is None or row["part"] != "pool":
            raise UnknownItemError("there is no such item in this project", got=repr(item_id), wanted="the id of a pool item")
        shown = content(project.pool, item_id, part)
        headers = {"Content-Security-Policy": "default-src 'none'; sandbox", "Content-Disposition": "inline", "Cache-Control": "private, max-age=600"}
        return Response(shown.body, media_type=shown.media, headers=headers)

    return router


def _name(by: str | None) -> str | None:
    return (by or "").strip() or None
