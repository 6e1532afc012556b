"""One HTTP GET with a time-out, for meters that are someone else's: no redirects, no secrets in messages.

Traps:  a redirect would carry our password to another host; a server may send for ever, or without end.
"""

from __future__ import annotations

import time

from joulewise.core.errors import MeterUnavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from joulewise.core.channels import MeterContext

    Transport = Callable[[str, Mapping[str, str], float], bytes]

MOST_BYTES = 8 << 20
_CHUNK = 1 << 16


def fault_of(url: str) -> str:
    """What is wrong with a base URL; "" if nothing is. A password in it would end up in logs."""
    scheme, _, rest = url.partition("://")
    if scheme not in ("http", "https") or not rest.strip("/"):
        return "want http://HOST or https://HOST"
    if "@" in rest.partition("/")[0]:
        return "the URL must not hold a user or password"
    return "" if url.isprintable() and " " not in url else "the URL holds blanks or control characters"


def host_of(url: str) -> str:
    """Host and port, for messages."""
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2]


def transport_of(context: MeterContext) -> Transport:
    """The test's transport, or the network."""
    return context.transport or get


def get(url: str, headers: Mapping[str, str], timeout_s: float) -> bytes:
    """The body of the answer, at most 8 MiB within `timeout_s`. Raises MeterUnavailable with the host and the cause."""
    import urllib.error
    import urllib.request
    from http.client import HTTPException

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_arguments: Any, **_more: Any) -> None:
            return None

    deadline_s = time.monotonic() + timeout_s
    request = urllib.request.Request(url, headers=dict(headers))
    try:
        with urllib.request.build_opener(NoRedirect).open(request, timeout=timeout_s) as answer:
            return _body(answer, deadline_s)
    except urllib.error.HTTPError as error:
        error.close()
        raise MeterUnavailable(f"{host_of(url)} answers HTTP {error.code}") from None
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise MeterUnavailable(f"{host_of(url)}: {type(reason).__name__}") from None


def _body(answer: Any, deadline_s: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := answer.read1(_CHUNK):
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            raise OSError("too long an answer")
        if time.monotonic() > deadline_s:
            raise TimeoutError
    return b"".join(parts)


def json_of(body: bytes) -> Any:
    """The parsed answer. Raises MeterUnavailable if it is no JSON."""
    import json

    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MeterUnavailable("the answer is no JSON") from error


def count_of(value: object, per_unit: float) -> int | None:
    """A count of a non-negative, finite number or its text, times `per_unit`; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value) * per_unit
    except (ValueError, OverflowError):
        return None
    return round(number) if 0 <= number < 1 << 63 else None
