"""Refuses every request that does not come from the page itself: by its token, its host and its origin."""

from __future__ import annotations

import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Nothing is loaded from elsewhere, no other site can frame the page, and no script runs but the page's own. plotly.js
# writes styles into the document.
_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",  # the address contains the token
    "X-Content-Type-Options": "nosniff",
}


def make_token() -> str:
    """Return a random token for the address of the page, of 192 bits."""
    return secrets.token_urlsafe(24)


class Guard:
    """ASGI middleware that lets through only requests with the token, to this host, from this origin.

    The token is the first part of the path. So a browser never sends it by itself, as it sends a cookie, and another
    site cannot forge a request. The host is checked because a name that another site resolves to 127.0.0.1 (DNS
    rebinding) would otherwise count as the same origin.

    Parameters
    ----------
    token
        As `make_token` returned it.
    port
        The port of the page on loopback.
    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app = app
        self._token = token
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403 with the reason, or pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        reason = self._find_reason(scope)
        app = PlainTextResponse(f"{reason}\n", 403) if reason else self._app
        await app(scope, receive, send_safely)

    def _find_reason(self, scope: Scope) -> str:
        """Return why a request is refused; empty if it is not."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if host not in self._hosts:
            return f"This page is for {' and '.join(sorted(self._hosts))}, not for the host {host!r}."
        if not secrets.compare_digest(scope["path"].split("/")[1].encode(), self._token.encode()):
            return "The address has no valid token; use the one that 'sagebuild ui' printed."
        origin = headers.get("origin")
        if origin is None and scope["method"] not in ("GET", "HEAD"):
            return "A request that changes something must come from the page."
        if origin is not None and origin != f"http://{host}":
            return f"The request comes from another page: {origin}."
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return "The request comes from another page."
        return ""
