"""HTTP GET for the providers of intensities: bounded in time and size, patient with busy servers, silent about keys.

Traps:  a server may send a byte a minute or without end; a redirect would carry a key to another host; urllib3 puts the
        whole address, key and all, into its errors and debug lines, so neither is passed on.
Needs:  urllib3 (joulewise[grid]).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from joulewise.carbon.deadline import Unreachable, within
from joulewise.carbon.redaction import blanked, hide, said_by
from joulewise.core.errors import PluginMissing, ProviderUnavailable

DEADLINE_S = 10.0
MOST_BYTES = 16 << 20
_TRIES = 3
_BUSY = (429, 500, 502, 503, 504)
_MOST_REDIRECTS = 3
_CHUNK = 1 << 16
_FIRST_PAUSE_S = 0.5
_HEADERS = {"Accept": "application/json, application/xml", "Connection": "close"}
_LOCAL = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of an answer, with the headers that we read."""

    status: int
    body: bytes
    location: str = ""
    retry_after_s: float | None = None


class Web:
    """Asks one question at a time. After "wait so long" (429, 503) a host is left alone for that time."""

    def __init__(
        self,
        *,
        deadline_s: float = DEADLINE_S,
        most_bytes: int = MOST_BYTES,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        proxies: Mapping[str, str] | None = None,
    ) -> None:
        self._deadline_s = deadline_s
        self._most_bytes = most_bytes
        self._sleep = sleep
        self._monotonic = monotonic
        self._proxies = proxies
        self._closed_until_s: dict[str, float] = {}

    def get(
        self,
        url: str,
        query: Sequence[tuple[str, str]] = (),
        *,
        headers: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
        accept: Sequence[int] = (200,),
    ) -> Answer:
        """The answer, if its status is one of `accept`. `secrets` are blanked in whatever is said about it.

        Raises ProviderUnavailable with the host and the cause, PluginMissing without urllib3.
        """
        host = _checked(url, secrets)
        wait_s = self._closed_until_s.get(host, 0.0) - self._monotonic()
        if wait_s > 0:
            raise Unreachable(f"{host} asked to be left alone for {wait_s:.0f} s more")
        hide(secrets)
        whole = f"{url}?{urlencode(query)}" if query else url
        sent = {**_HEADERS, **(headers or {})}
        answer = within(self._deadline_s, lambda: self._patiently(whole, sent, accept), host)
        if answer.status in accept:
            return answer
        raise _refusal(host, answer, secrets)

    def _patiently(self, url: str, headers: Mapping[str, str], accept: Sequence[int]) -> Answer:
        """One answer after at most _TRIES attempts; a busy server is asked again if that fits into the time left."""
        end_s = self._monotonic() + self._deadline_s
        for attempt in range(_TRIES):
            last = attempt == _TRIES - 1
            pause_s = _FIRST_PAUSE_S * 2**attempt
            try:
                answer = self._following(url, headers, end_s)
            except ProviderUnavailable:
                if last or self._monotonic() + pause_s >= end_s:
                    raise
            else:
                if answer.status in accept or answer.status not in _BUSY:
                    return answer
                pause_s = pause_s if answer.retry_after_s is None else answer.retry_after_s
                if last or self._monotonic() + pause_s >= end_s:
                    self._closed_until_s[_host(url)] = self._monotonic() + min(3600.0, answer.retry_after_s or 0.0)
                    return answer
            self._sleep(pause_s)
        raise AssertionError("unreachable")

    def _following(self, url: str, headers: Mapping[str, str], end_s: float) -> Answer:
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self._once(url, headers, end_s)
            if answer.status not in (301, 302, 303, 307, 308):
                return answer
            there = urljoin(url, answer.location)
            if urlsplit(there)[:2] != urlsplit(url)[:2]:
                raise ProviderUnavailable(
                    f"{_host(url)} redirects to {_host(there)}, which is not followed",
                    hint="give the new address in intensity_urls if you trust it",
                )
            url = there
        raise ProviderUnavailable(f"{_host(url)} redirects for ever")

    def _once(self, url: str, headers: Mapping[str, str], end_s: float) -> Answer:
        urllib3 = _urllib3()
        left_s = max(0.05, end_s - self._monotonic())
        try:
            answer = _pool(urllib3, url, self._proxies).request(
                "GET",
                url,
                headers=headers,
                timeout=urllib3.Timeout(connect=min(left_s, 5.0), read=left_s),
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                body = self._body(answer, end_s)
            finally:
                answer.close()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise Unreachable(f"{_host(url)} can't be reached: {type(error).__name__}") from None
        retry = answer.headers.get("Retry-After")
        return Answer(answer.status, body, answer.headers.get("Location", ""), _seconds_of(retry))

    def _body(self, answer: Any, end_s: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        while part := answer.read1(_CHUNK, decode_content=False):
            parts.append(part)
            size += len(part)
            if size > self._most_bytes:
                raise ProviderUnavailable(f"an answer of more than {self._most_bytes >> 20} MiB is not read")
            if self._monotonic() > end_s:
                raise Unreachable("the answer takes too long")
        return b"".join(parts)


def _checked(url: str, secrets: Sequence[str]) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ProviderUnavailable("the address must be https://HOST/..., without a user", hint="see intensity_urls")
    if secrets and parts.scheme == "http" and parts.hostname not in _LOCAL:
        raise ProviderUnavailable(
            f"a key is not sent to {parts.netloc} in the clear", hint="use https in intensity_urls"
        )
    return parts.netloc


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2] or "nowhere"


def _urllib3() -> Any:
    try:
        import urllib3
    except ImportError as error:
        raise PluginMissing("live intensities need urllib3", hint="pip install 'joulewise[grid]'") from error
    return urllib3


def _pool(urllib3: Any, url: str, proxies: Mapping[str, str] | None) -> Any:
    """A pool of its own for each request: nothing stays open. The proxy is the one of the environment."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    proxy = (getproxies() if proxies is None else proxies).get(parts.scheme)
    if not proxy or parts.hostname in _LOCAL or proxy_bypass(parts.netloc):
        return urllib3.PoolManager()
    auth = urllib3.util.parse_url(proxy).auth
    return urllib3.ProxyManager(proxy, proxy_headers=urllib3.util.make_headers(proxy_basic_auth=auth) if auth else None)


def _seconds_of(text: str | None) -> float | None:
    """Retry-After in seconds, given as a number or as a date."""
    from email.utils import parsedate_to_datetime

    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _refusal(host: str, answer: Answer, secrets: Sequence[str]) -> ProviderUnavailable:
    said = blanked(said_by(answer.body), secrets)
    text = f"{host} answers HTTP {answer.status}" + (f": {said}" if said else "")
    if answer.status in (401, 403):
        return ProviderUnavailable(text, hint="check the key, and whether your plan covers this zone")
    if answer.status == 429 and answer.retry_after_s:
        return Unreachable(f"{text} (wait {answer.retry_after_s:.0f} s)")
    return Unreachable(text) if answer.status in _BUSY else ProviderUnavailable(text)
