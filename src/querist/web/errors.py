"""Every failure as `{"error": {"type", "message", "got", "wanted", "hint"}}` with the status code that says whose fault it is."""

from __future__ import annotations

import logging
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from querist.core.errors import BusyError, LabelError, MissingExtraError, PoolError, QueristError, StoreError, UnknownItemError, UsageError

STATUS: Final[tuple[tuple[type[QueristError], int], ...]] = (
    (UnknownItemError, 404),
    (LabelError, 422),
    (UsageError, 422),
    (BusyError, 409),
    (PoolError, 424),  # the item is known but its content cannot be read
    (MissingExtraError, 501),
    (StoreError, 503),
)
_log = logging.getLogger(__name__)


def install(app: FastAPI) -> None:
    """Answer every exception of this application with JSON."""
    app.add_exception_handler(QueristError, _querist)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def answer(status: int, kind: str, message: str, **more: str | None) -> JSONResponse:
    """One error as JSON."""
    error = {"type": kind, "message": message, "got": None, "wanted": None, "hint": None, **more}
    return JSONResponse({"error": error}, status_code=status)


async def _querist(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, QueristError):
        raise error
    status = next((code for kind, code in STATUS if isinstance(error, kind)), 500)
    return JSONResponse({"error": error.payload()}, status_code=status)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return answer(422, "UsageError", f"the request does not hold together at {where}", got=repr(first.get("input"))[:200], wanted=first["msg"])


async def _http(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    return answer(error.status_code, "HTTPError", str(error.detail))


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return answer(500, type(error).__name__, "the server failed; nothing that was acknowledged is lost", hint="See the server's output.")
