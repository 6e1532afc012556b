"""What a source of intensities gets to work with: an entry point of `joulewise.intensity` is called with this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from joulewise.carbon.clock import utc_now
from joulewise.carbon.keys import Key, Ring, ask_keyring, key_of
from joulewise.carbon.web import Web


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceContext:
    """`url` replaces the public address, `file` is the setting `intensity_file`; the rest are stand-ins for tests."""

    url: str = ""
    file: str = ""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)  # it holds the keys
    web: Web = field(default_factory=Web)
    now: Callable[[], datetime] = utc_now
    ring: Ring = ask_keyring

    def address(self, public: str) -> str:
        """The address in force, without a slash at its end."""
        return (self.url or public).rstrip("/")

    def key(self, provider: str, field: str) -> Key:
        """The key of a provider. Raises ProviderUnavailable with the cure."""
        return key_of(provider, field, self.environ, self.ring)


class AddressedSource:
    """What the providers on the web share: `public` is their address, which the context may replace."""

    public: ClassVar[str]

    def __init__(self, context: SourceContext | None = None) -> None:
        self._context = context or SourceContext()
        self._url = self._context.address(self.public)

    @property
    def identity(self) -> str:
        """What tells its answers from those of another address."""
        return self._url
