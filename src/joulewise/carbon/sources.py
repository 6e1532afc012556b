"""From the settings to the chain: which sources, at which address, with which memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from joulewise.carbon.cache import Cached
from joulewise.carbon.chain import Chain, unanswered
from joulewise.carbon.clock import utc_now
from joulewise.carbon.factors import FactorSet
from joulewise.carbon.providers.context import SourceContext
from joulewise.carbon.shapes import BundledShapes
from joulewise.carbon.web import Web
from joulewise.core import plugins
from joulewise.core.errors import JoulewiseError, NotFound, UsageError
from joulewise.core.protocols import IntensityProvider
from joulewise.core.settings import Settings, cache_folder

BUNDLED = "bundled"
"""May be named as a source; it stands at the end of every chain anyway."""


def chain_of(
    settings: Settings,
    environ: Mapping[str, str],
    factors: FactorSet | None = None,
    *,
    now: Callable[[], datetime] = utc_now,
    web: Web | None = None,
) -> Chain:
    """The chain that the settings ask for; without `intensity` it uses no network.

    Never raises: a source that can't be used is left out, and a notice says why (`check_sources` raises instead).
    """
    factors = factors or FactorSet.bundled()
    sources: list[IntensityProvider] = []
    notices = []
    web = web or Web()
    for name in _names(settings):
        try:
            sources.append(_source(name, settings, environ, now, web))
        except JoulewiseError as error:
            notices.append(unanswered(name, error))
    return Chain(sources, factors=factors, shapes=BundledShapes(factors), now=now, notices=notices)


def check_sources(settings: Settings, environ: Mapping[str, str]) -> None:
    """Raise what is wrong with the settings of sources: better said before the work. Asks nobody.

    Raises NotFound for an unknown source, PluginMissing, UsageError for an address that can't be one.
    """
    for name in _names(settings):
        _source(name, settings, environ, utc_now, Web())
    for name in _addresses(settings):
        if name not in plugins.names("intensity"):
            raise NotFound(f"intensity_urls names an unknown source {name!r}", hint=", ".join(_known()))


def _names(settings: Settings) -> list[str]:
    return [name for name in dict.fromkeys(settings.intensity) if name != BUNDLED]


def _known() -> list[str]:
    return [name for name in plugins.names("intensity") if name != BUNDLED]


def _source(
    name: str, settings: Settings, environ: Mapping[str, str], now: Callable[[], datetime], web: Web
) -> IntensityProvider:
    if name not in _known():
        raise NotFound(f"no source of intensities {name!r}", hint=f"intensity is one or more of {', '.join(_known())}")
    context = SourceContext(
        url=_addresses(settings).get(name, ""), file=settings.intensity_file, environ=environ, web=web, now=now
    )
    source: IntensityProvider = plugins.load("intensity", name)(context)
    if getattr(source, "local", False):
        return source
    return Cached(source, Path(cache_folder(settings, environ)), now)


def _addresses(settings: Settings) -> dict[str, str]:
    """Source to address. Raises UsageError; the address itself is not repeated, it might hold a password."""
    found = {}
    for text in settings.intensity_urls:
        name, _, url = text.partition("=")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise UsageError(
                f"intensity_urls: want {name.strip() or 'SOURCE'}=https://HOST/PATH, without a user or password",
                hint="joulewise config --explain",
            )
        found[name.strip()] = url.strip()
    return found
