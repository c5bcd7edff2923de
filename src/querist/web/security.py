"""Who may talk to the labelling server. It usually listens on this machine only, but every page of every site in the browser can reach that.

Three questions for each request: does it call us by a name that is ours (DNS rebinding), does it come from our own page
(cross-site requests), and does it know the token?
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """ASGI middleware that lets nobody in without the token.

    Args:
        app: What it guards.
        token: The secret of the printed URL.
        hosts: Names besides `localhost` and plain addresses by which the server may be called.
        refusal: The HTML page for a browser without the cookie.
    """

    def __init__(self, app: ASGIApp, *, token: str, hosts: Iterable[str] = (), refusal: str = "") -> None:
        self._app = app
        self._token = token
        self._hosts = frozenset(host.lower() for host in hosts)
        self._refusal = refusal
        # Cookies do not know ports: the name keeps two servers on one machine apart.
        self._cookie = f"querist_{hashlib.sha256(token.encode()).hexdigest()[:12]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # nothing else is served; the server closes the connection

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._stops(scope)
        await (self._app if answer is None else answer)(scope, receive, guarded)

    def _stops(self, scope: MutableMapping[str, Any]) -> Response | None:
        """The answer to a request that goes no further; None for one that may."""
        headers = Headers(scope=scope)
        if not self._called_by_our_name(headers):
            return _refused(403, "this server is not called by that name", "The address must be this machine's.")
        if scope["method"] not in SAFE and not _own_origin(headers):
            return _refused(403, "a request from another site", "Use the page of this server, or send no Origin header.")
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["method"] in SAFE and scope["path"] == "/" and self._is_token(given):
            response = RedirectResponse("/", status_code=303)
            response.set_cookie(self._cookie, self._token, httponly=True, samesite="strict", path="/")
            return response
        if self._knows_token(headers):
            return None
        if "text/html" in headers.get("accept", "") and scope["method"] in SAFE and not scope["path"].startswith("/api/"):
            return HTMLResponse(self._refusal, status_code=401)
        return _refused(401, "the token is missing or wrong", "Open the URL that was printed, or send `Authorization: Bearer TOKEN`.")

    def _called_by_our_name(self, headers: Headers) -> bool:
        """A name that an attacker could point at us is never a plain address; those are safe."""
        try:
            called = urlsplit(f"//{headers.get('host', '')}")
            host, _ = called.hostname or "", called.port  # both raise ValueError where the header is malformed
            if host != "localhost" and host not in self._hosts:
                ipaddress.ip_address(host)
        except ValueError:
            return False
        return True

    def _knows_token(self, headers: Headers) -> bool:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme:
            return scheme.lower() == "bearer" and self._is_token(bearer.strip())
        return any(self._is_token(cookie) for cookie in _cookies(headers, self._cookie))

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._token.encode())


def _own_origin(headers: Headers) -> bool:
    """Does a request that changes something come from our own page, or from no page at all?

    Another port of this machine is the same *site* to a browser, and its cookies travel along; only the origin tells.
    """
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def _cookies(headers: Headers, name: str) -> list[str]:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(headers.get("cookie", ""))
    except CookieError:
        return []
    return [jar[name].value] if name in jar else []


def _refused(status: int, message: str, hint: str) -> JSONResponse:
    error = {"type": "Refused", "message": message, "got": None, "wanted": None, "hint": hint}
    return JSONResponse({"error": error}, status_code=status, headers={"WWW-Authenticate": "Bearer"} if status == 401 else None)
