"""A local stand-in for the providers of grid data: their shapes, their keys, and their bad days on demand.

    with grid_server() as server:
        chain = chain_of(server.settings("uk", cache=folder), server.environ, now=server.now)

`server.grid` holds what the grid does (nulls, gaps, revisions); `server.faults` what the network does next.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from joulewise.core.settings import Settings
from joulewise.testing import grid_answers
from joulewise.testing.grid_answers import ENVIRON, KEYS, Grid, as_json
from joulewise.testing.serving import QuietHandler, serving

PATHS = {"electricitymaps": "/v3", "watttime": "/wt", "uk": "/uk", "eia": "/eia/v2", "entsoe": "/entsoe/api"}
DRIP_S = 0.02


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one request: a status with headers and a body, or one of HOWS."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    how: str = ""


HOWS = ("drop", "drip", "drip-headers", "huge", "hang")
"""drop closes the line, drip sends a byte now and then for ever, huge sends without end, hang says nothing."""
HTML = Fault(body=b"<html><body>Please log in to the guest network</body></html>")
DROP, DRIP, DRIP_HEADERS, HUGE, HANG = (Fault(how=how) for how in HOWS)


def busy(retry_after: str | None = None, status: int = 429) -> Fault:
    """Too many requests, or a server in trouble."""
    headers = () if retry_after is None else (("Retry-After", retry_after),)
    return Fault(status, headers, as_json({"error": "Rate limit exceeded"}))


def redirect(location: str) -> Fault:
    """A move to another place."""
    return Fault(302, (("Location", location),))


@dataclass(slots=True)
class GridServer:
    """`faults` are used up one a request; `always` stays. `asked` are (path, query) of all requests."""

    url: str
    grid: Grid = field(default_factory=Grid)
    faults: list[Fault] = field(default_factory=list)
    always: Fault | None = None
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    refused_paths: set[str] = field(default_factory=set)
    logins: int = 0
    ending: Event = field(default_factory=Event)

    environ = ENVIRON

    def now(self) -> datetime:
        """The stand-in's clock."""
        return self.grid.now

    def address(self, provider: str) -> str:
        """Where this provider is played."""
        return self.url + PATHS[provider]

    def settings(self, *providers: str, cache: str | Path, **more: Any) -> Settings:
        """Settings that ask these providers here."""
        urls = tuple(f"{name}={self.address(name)}" for name in providers if name in PATHS)
        return Settings(intensity=providers, intensity_urls=urls, cache=str(cache), **more)

    def expire_logins(self) -> None:
        """All tokens of WattTime are too old from now on."""
        self.logins += 100

    def answer(self, path: str, query: dict[str, str], headers: dict[str, str]) -> tuple[int, bytes]:
        """Status and body as the provider would."""
        if any(refused in path for refused in self.refused_paths):
            return 401, as_json({"error": f"Request unauthorized for path {path}"})
        if path.startswith(("/v3/", "/v4/")):
            if headers.get("auth-token") != KEYS["electricitymaps_token"]:
                return 401, as_json({"message": "Invalid auth-token"})
            return _json(grid_answers.electricitymaps(self.grid, path, query))
        if path.startswith("/wt/"):
            return self._watttime(path, query, headers)
        if path.startswith("/uk/"):
            return _json(grid_answers.uk(self.grid, path))
        if path.startswith("/eia/"):
            if query.get("api_key") != KEYS["eia_key"]:
                return 403, as_json(
                    {"error": {"code": "API_KEY_INVALID", "message": "An invalid api_key was supplied"}}
                )
            return _json(grid_answers.eia(self.grid, query, query["facets[respondent][]"] != "PJM"))
        if query.get("securityToken") != KEYS["entsoe_token"]:
            return 401, b"<html>Unauthorized</html>"
        return grid_answers.entsoe(self.grid, query)

    def _watttime(self, path: str, query: dict[str, str], headers: dict[str, str]) -> tuple[int, bytes]:
        if path == "/wt/login":
            pair = f"{KEYS['watttime_user']}:{KEYS['watttime_password']}"
            if headers.get("Authorization") != f"Basic {base64.b64encode(pair.encode()).decode()}":
                return 403, as_json({"error": "Forbidden", "message": "wrong user or password"})
            self.logins += 1
            return 200, as_json({"token": f"token-{self.logins}"})
        if headers.get("Authorization") != f"Bearer token-{self.logins}":
            return 401, as_json({"error": "Unauthorized", "message": "token expired"})
        return _json(grid_answers.watttime(self.grid, path, query))


def _json(answer: tuple[int, Any]) -> tuple[int, bytes]:
    return answer[0], as_json(answer[1])


class _Handler(QuietHandler):
    play: GridServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        self.play.asked.append((parts.path, query))
        fault = self.play.faults.pop(0) if self.play.faults else self.play.always
        if fault is None:
            status, body = self.play.answer(parts.path, query, dict(self.headers))
            fault = Fault(status, (("Content-Type", "application/json"),), body)
        if fault.how:
            self._misbehave(fault.how)
        else:
            self._send(fault)

    def _send(self, fault: Fault) -> None:
        self.send_response(fault.status)
        for name, value in fault.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(fault.body)))
        self.end_headers()
        self.wfile.write(fault.body)

    def _misbehave(self, how: str) -> None:
        self.close_connection = True
        start = {"drop": b"", "hang": b"", "drip-headers": b"HTTP/1.1 200 OK\r\nX-Slow: "}
        piece = {"drop": b"", "hang": b"", "huge": b" " * 65_536}.get(how, b"0")
        try:
            self.wfile.write(start.get(how, b"HTTP/1.1 200 OK\r\n\r\n"))
            while how != "drop" and not self.play.ending.wait(0 if how == "huge" else DRIP_S):
                self.wfile.write(piece)
        except OSError:  # the other side has had enough
            return


@contextmanager
def grid_server(grid: Grid | None = None) -> Iterator[GridServer]:
    """Serve until the block ends."""
    handler = type("Handler", (_Handler,), {})
    with serving(handler) as url:
        server = GridServer(url, grid or Grid())
        handler.play = server  # type: ignore[attr-defined]
        try:
            yield server
        finally:
            server.ending.set()
