"""Keeps keys out of what is said: messages of servers, and the debug lines of the HTTP library."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from urllib.parse import quote, quote_plus

SHOWN = 160


def said_by(body: bytes) -> str:
    """What a server says of its refusal, one short printable line; "" for a page."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    for name in ("message", "error", "detail"):
        if isinstance(found, dict) and found.get(name):
            found = found[name]
    text = found if isinstance(found, str) else json.dumps(found)
    return "".join(letter for letter in text if letter.isprintable())[:SHOWN]


def blanked(text: str, secrets: Sequence[str]) -> str:
    """The text without the secrets, as they are or as they stand in an address."""
    for secret in secrets:
        for form in (secret, quote(secret, safe=""), quote_plus(secret)):
            text = text.replace(form, "...")
    return text


class _Blank(logging.Filter):
    """Takes keys out of urllib3's debug lines."""

    def __init__(self) -> None:
        super().__init__()
        self.secrets: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                blanked(one, tuple(self.secrets)) if isinstance(one, str) else one for one in record.args
            )
        return True


_blank = _Blank()


def hide(secrets: Sequence[str]) -> None:
    """From now on, no debug line of the HTTP library shows these."""
    if not _blank.secrets:
        logging.getLogger("urllib3.connectionpool").addFilter(_blank)
    _blank.secrets.update(secrets)
