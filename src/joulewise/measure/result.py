"""What a session measured, for its user; derived from the journal when somebody asks."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from joulewise.core.errors import NotFound
from joulewise.core.figures import Figure
from joulewise.core.records import Bundle
from joulewise.core.units import readable
from joulewise.measure.bundle import bundle_of
from joulewise.measure.fold import Folded, fold
from joulewise.measure.journal import Journal
from joulewise.measure.reading import JournalData, journals_in, parse, read


@dataclass(frozen=True, slots=True)
class Result:
    """Figures of one run. `figure(name)` gives value, bounds, method and source; the properties give bare values.

    A property is None where there is no figure: nothing measured is never zero.
    """

    bundle: Bundle
    energy_by_hour: tuple[tuple[datetime, datetime, float], ...] = ()
    trace: dict[str, list[float]] = field(default_factory=dict, repr=False)
    notices: tuple[str, ...] = ()

    @property
    def run_id(self) -> str:
        return self.bundle.run.id

    @property
    def duration_s(self) -> float:
        return self.bundle.run.duration_s

    @property
    def energy_j(self) -> float | None:
        """What our work added plus our share of the idle power, J."""
        return self._value("energy_j")

    @property
    def dynamic_j(self) -> float | None:
        """What our work added, J."""
        return self._value("energy_j", "dynamic")

    @property
    def machine_j(self) -> float | None:
        """What the meters read for the whole machine, J."""
        return self._value("energy_j", "machine")

    @property
    def cpu_time_s(self) -> float | None:
        """CPU time of all our processes, s."""
        return self._value("cpu_time_s")

    @property
    def emissions_g(self) -> float | None:
        """Operational (location-based) and embodied emissions, gCO2e."""
        return self._value("emissions_g")

    @property
    def coverage(self) -> float | None:
        return self.bundle.run.coverage

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.bundle.run.warnings

    def figure(self, name: str, attribution: str = "with_idle_share", phase: str | None = None) -> Figure:
        """The figure of that name for the run or one phase. Raises NotFound with the names that there are."""
        phase_ids = {one.id for one in self.bundle.phases if one.name == phase} if phase is not None else {None}
        for one in self.bundle.measurements:
            wanted = one.quantity == name and one.attribution in (None, attribution) and one.phase_id in phase_ids
            if wanted and (one.component == "total" or name != "energy_j"):
                return one.figure
        for calculation in self.bundle.calculations:
            if calculation.name == name and calculation.phase_id in phase_ids and calculation.basis != "market":
                return calculation.figure
        names = {one.quantity for one in self.bundle.measurements} | {one.name for one in self.bundle.calculations}
        raise NotFound(f"no figure {name!r} in this run", hint=f"one of {', '.join(sorted(names)) or 'none'}")

    def __str__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """One line for people."""
        parts = [f"{self.bundle.run.name or 'run'}: {self.duration_s:.1f} s"]
        for name, label in (("energy_j", ""), ("emissions_g", " CO2e")):
            try:
                figure = self.figure(name)
            except NotFound:
                parts.append(f"{name.partition('_')[0]} not measured")
                continue
            value, unit = readable(figure.value, figure.unit)
            scale = value / figure.value if figure.value else 1.0
            low, high = figure.low * scale, figure.high * scale
            parts.append(f"{value:.3g} {unit}{label} ({low:.3g} to {high:.3g}, {figure.method})")
        return ", ".join(parts)

    def _value(self, name: str, attribution: str = "with_idle_share") -> float | None:
        try:
            return self.figure(name, attribution).value
        except NotFound:
            return None


def result_of(journal: Journal, folder: str | None) -> Result:
    """The result of a session from its journal, with those of the other ranks on this node if it has any."""
    journals = [parse(journal.content(), journal.path or "")]
    if folder is not None:
        journals += [read(path) for path in journals_in(folder) if path != journal.path]
    return result_from(journals)


def result_from(journals: list[JournalData], status: str | None = None) -> Result:
    """Fold journals of one run on one node into a result. `status` overrules what the journals say."""
    return result_of_fold(fold(journals), status)


def result_of_fold(folded: Folded, status: str | None = None) -> Result:
    """The result of a folded run."""
    bundle = bundle_of(folded, status or status_of(folded.journals))
    return Result(bundle=bundle, energy_by_hour=tuple(_by_hour(folded, bundle)), trace=_trace(folded))


def status_of(journals: list[JournalData]) -> str:
    """The worst of the ranks' statuses; recovered if one has no proper end."""
    statuses = [one.final["status"] if one.final else "recovered" for one in journals]
    return max(statuses, key=["finished", "recovered", "killed", "failed"].index)


def _by_hour(folded: Folded, bundle: Bundle) -> list[tuple[datetime, datetime, float]]:
    """Our energy in each clock hour (UTC), for intensities that change by the hour."""
    start, end = bundle.run.started_at, bundle.run.ended_at
    hours: list[tuple[datetime, datetime, float]] = []
    while start < end:
        stop = min(end, start.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1))
        window = [
            folded.start_us + round((moment - bundle.run.started_at).total_seconds() * 1e6) for moment in (start, stop)
        ]
        joules = sum(one.part(part, *window) for one in folded.added_up() for part in ("mine_dynamic", "mine_idle"))
        hours.append((start, stop, joules))
        start = stop
    return hours


def _trace(folded: Folded, points: int = 2000) -> dict[str, list[float]]:
    """Power over time: t_s is the end of each interval, one column a channel in W, NaN where nothing was read."""
    moments = sorted({moment for one in folded.journals for moment in one.moments_us.values()})
    moments = _thinned(moments, max(100_000, (folded.end_us - folded.start_us) // points))
    columns: dict[str, list[float]] = {"t_s": [(moment - folded.start_us) / 1e6 for moment in moments[1:]]}
    for energy in folded.energies:
        powers = columns[f"{energy.channel.key}_w"] = []
        for start_us, end_us in itertools.pairwise(moments):
            covered_s = energy.part("covered_s", start_us, end_us)
            known = covered_s > 0.5 * (end_us - start_us) / 1e6
            powers.append(energy.part("machine", start_us, end_us) / covered_s if known else float("nan"))
    mine = columns["mine_w"] = []
    parts = folded.added_up()
    for start_us, end_us in itertools.pairwise(moments):
        known = bool(parts) and all(one.part("covered_s", start_us, end_us) > 0 for one in parts)
        joules = sum(one.part(part, start_us, end_us) for one in parts for part in ("mine_dynamic", "mine_idle"))
        mine.append(joules * 1e6 / (end_us - start_us) if known else float("nan"))
    return columns


def _thinned(moments: list[int], gap_us: int) -> list[int]:
    kept = moments[:1]
    for moment in moments[1:]:
        if moment - kept[-1] >= gap_us or moment == moments[-1]:
            kept.append(moment)
    return kept


def with_bundle(result: Result, bundle: Bundle, notices: tuple[str, ...]) -> Result:
    """The result with what other rooms added."""
    return replace(result, bundle=bundle, notices=notices)
