"""Keys of the providers: from the environment, else from the user's keyring (service "joulewise").

A key is never part of a repr, a message, a log line, the ledger or the cache.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from joulewise.carbon.deadline import within
from joulewise.core.errors import ProviderUnavailable

_log = logging.getLogger(__name__)

SERVICE = "joulewise"
KEYRING_S = 5.0
"""A keyring may wait for somebody to unlock it; after so long it counts as silent, s."""

Ring = Callable[[str, str], str | None]
"""(service, name) to the secret, None if there is none."""


class Key:
    """A secret that shows itself only when asked by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself, for a request."""
        return self._text

    def __repr__(self) -> str:
        return "Key(...)"

    def __reduce__(self) -> str:
        raise TypeError("a key is not written anywhere")


def key_of(provider: str, field: str, environ: Mapping[str, str], ring: Ring | None = None) -> Key:
    """The key: JOULEWISE_<PROVIDER>_<FIELD>, else "<provider>_<field>" in the keyring.

    Raises ProviderUnavailable, with the cure, if there is none or it can't be a key.
    """
    name = f"{provider}_{field}"
    variable = f"JOULEWISE_{name.upper()}"
    text = (
        environ.get(variable) or within(KEYRING_S, lambda: (ring or ask_keyring)(SERVICE, name), "the keyring")
    ) or ""
    text = text.strip()
    if not text:
        raise ProviderUnavailable(
            f"no {name} is known", hint=f"export {variable}=..., or: keyring set {SERVICE} {name}"
        )
    if not text.isascii() or not text.isprintable():
        raise ProviderUnavailable(f"{variable} holds characters that no key has", hint="copy it again")
    return Key(text)


def ask_keyring(service: str, name: str) -> str | None:
    """From the desktop's or system's keyring; None without one."""
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return None
    try:
        found: str | None = keyring.get_password(service, name)
    except KeyringError as error:
        _log.info("the keyring gives no %s: %s", name, type(error).__name__)
        return None
    return found
