"""What there is to choose from: factors, formulas, plug-ins, zones."""

from __future__ import annotations

import os
from collections.abc import Sequence

from joulewise.carbon import FactorChange, FactorSet
from joulewise.core.formulas import Formula
from joulewise.core.records import Factor
from joulewise.core.settings import Settings
from joulewise.measure.equipment import NO_METER


def check_meters(settings: Settings) -> None:
    """Better said before the work: a meter that was named is not one. Raises NotFound with those that there are."""
    from joulewise.core import plugins
    from joulewise.core.errors import NotFound

    known = plugins.names("meters")
    for name in settings.meters:
        if name not in (*known, NO_METER):
            rapl = "powercap and perf read RAPL; " if name.casefold() == "rapl" else ""
            raise NotFound(f"there is no meter {name!r}", hint=f"{rapl}one of {', '.join((*known, NO_METER))}")


def check_zone(settings: Settings) -> None:
    """Better said before the work: the zone, or a source of intensities, that was set does not exist.

    Raises FactorError or NotFound with close names, UsageError for an address of a source that can't be one.
    """
    if settings.zone:
        factor_set().resolve(settings.zone)
    if settings.intensity or settings.intensity_urls:
        from joulewise.carbon import check_sources

        check_sources(settings, os.environ)


def factor_set(path: str | None = None) -> FactorSet:
    """The bundled factors, with those of a CSV file laid over them if `path` is given. Raises FactorError."""
    from joulewise.carbon import FactorSet

    bundled = FactorSet.bundled()
    return bundled.with_file(path) if path else bundled


def factors(kind: str | None = None, zone: str | None = None, path: str | None = None) -> Sequence[Factor]:
    """All factors, or those of a kind or zone."""
    return factor_set(path).list(kind, zone)


def factor_changes(path: str) -> Sequence[FactorChange]:
    """What a factor file changes of the bundled set."""
    return factor_set().diff(factor_set(path))


def formulas() -> list[Formula]:
    """Every registered formula."""
    import joulewise.carbon.formulas
    import joulewise.compare.metric_formulas  # noqa: F401 - both register theirs
    from joulewise.core.formulas import all_formulas

    return all_formulas()


def plugins() -> list[tuple[str, str, str, str]]:
    """Kind, name, state (ready or missing) and cure of every plug-in."""
    from joulewise.core import plugins
    from joulewise.core.errors import PluginMissing

    found = []
    for kind in plugins.KINDS:
        for name in plugins.names(kind):
            try:
                plugins.load(kind, name)
            except PluginMissing as error:
                found.append((kind, name, f"missing: {error.message}", error.hint))
            else:
                found.append((kind, name, "ready", ""))
    return found
