"""From the joules of a piece of work to gCO2e, water and money: one call, every figure traceable.

What can't be known is absent, with a notice; what is a default says so and has wide bounds. PUE enters once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from joulewise.carbon import formulas
from joulewise.carbon.factors import FactorSet
from joulewise.carbon.hardware import Machine, machine_of
from joulewise.carbon.intensity import BundledAnnual, Interval, factor_of, spread_energy
from joulewise.carbon.location import Location, locate, unknown
from joulewise.carbon.shapes import BundledShapes
from joulewise.carbon.sheet import Input, Sheet, given
from joulewise.carbon.zones import WORLD
from joulewise.core.errors import FactorError, UndefinedFigure
from joulewise.core.figures import DEFAULT, MEASURED, REPORTED, Figure, exact
from joulewise.core.records import Calculation, Factor, Host, Measurement
from joulewise.core.settings import Settings
from joulewise.core.signals import Signal
from joulewise.core.units import g_from_kg, s_from_years

LOCATION, MARKET = "location", "market"
STALE_YEARS = 2
"""A factor that is older than the run by this many years or more gets a notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What was measured. `energy` is energy_j with attribution with_idle_share; times are aware UTC.

    `resource_share` is the part of the machine held, 0..1, None if unknown. `energy_by_interval` holds
    (start, end, energy_j); without it the energy counts as even over the run.
    """

    run_id: str
    energy: Measurement
    started_at: datetime
    ended_at: datetime
    duration_s: float
    unit: str | None = None
    unit_count: float | None = None
    host: Host | None = None
    resource_share: Figure | None = None
    energy_by_interval: Sequence[Interval] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """All calculations of a piece of work, the factors that they used, notices for the user, and the place."""

    calculations: tuple[Calculation, ...]
    factors: tuple[Factor, ...]
    notices: tuple[str, ...]
    location: Location

    def get(self, name: str, basis: str = "") -> Calculation | None:
        """The calculation of that name (and basis, where there are two), None if absent."""
        return next((one for one in self.calculations if one.name == name and basis in ("", one.basis)), None)


def account(
    work: Work,
    settings: Settings,
    factors: FactorSet | None = None,
    intervals: Sequence[Signal] | None = None,
    *,
    location: Location | None = None,
) -> Account:
    """Calculate all that can be calculated. `intervals` are a provider's signals in place of what is bundled: the
    zone's typical hours, or its annual factors where none are known.

    `location` is taken as given; by default it comes from the settings alone (no network).
    """
    factors = factors or FactorSet.bundled()
    sheet = Sheet(work.run_id, work.energy.phase_id)
    place = location or _locate(settings, factors, sheet)
    if place.notice:
        sheet.notice(place.notice)
    context = _Context(work, settings, factors, sheet, place)
    energy = _energy(work, sheet)
    embodied = _embodied(context)
    if energy is not None:
        facility = _facility(context, energy)
        if facility is not None:
            _emissions(context, facility, embodied, intervals)
            _cost(context, facility)
        _water(context, energy)
        _per_unit(context, energy)
    return Account(
        calculations=tuple(sheet.calculations),
        factors=tuple(sheet.factors[id] for id in sorted(sheet.factors)),
        notices=tuple(sheet.notices),
        location=place,
    )


class _Context:
    """What every step needs, and how a step finds a number: the setting first, then the factors."""

    def __init__(self, work: Work, settings: Settings, factors: FactorSet, sheet: Sheet, location: Location) -> None:
        self.work = work
        self.settings = settings
        self.factors = factors
        self.sheet = sheet
        self.location = location
        self.machine: Machine = machine_of(settings.device_class, work.host)
        self._intensities: dict[str, tuple[Factor, ...]] = {}

    def intensities(self, zone: str) -> tuple[Factor, ...]:
        """The annual factors of a zone, looked up once."""
        if zone not in self._intensities:
            self._intensities[zone] = self.factors.list("intensity", zone)
        return self._intensities[zone]

    def setting(self, name: str, unit: str, convert: Callable[[float], float] = float) -> Input | None:
        """A figure that the user gave, in our unit; None if he gave none."""
        value = getattr(self.settings, name)
        if value is None:
            return None
        origin = self.settings.origins.get(name) or "setting"
        return given("setting", name, exact(convert(value), unit, REPORTED, origin))

    def factor(self, kind: str, *zones: str) -> Input | None:
        """The newest factor of the first zone that has one; None, with a notice, if none has."""
        for zone in zones:
            found = self.factors.get(kind, zone)
            if found is not None:
                return self.sheet.factor(found)
        self.sheet.notice(f"no {kind}: no factor for {' or '.join(zones)}")
        return None

    def pue(self) -> Input | None:
        """PUE: the user's, the region's, or the default band of the device class."""
        places = [self.location.region] if self.location.region else []
        return self.setting("pue", "1") or self.factor("pue", *places, self.machine.device_class)


def _locate(settings: Settings, factors: FactorSet, sheet: Sheet) -> Location:
    try:
        return locate(settings, {}, cloud=lambda: None, factors=factors)
    except FactorError as error:  # the work is done: file it with the world average rather than lose it
        sheet.notice(error)
        return unknown({})


def _energy(work: Work, sheet: Sheet) -> Input | None:
    figure = work.energy.figure
    if figure.value == 0 and figure.method != MEASURED:
        sheet.notice(f"no emissions, water or cost: energy is zero but {figure.method}, so nothing was measured")
        return None
    return given("measurement", work.energy.id, figure)


def _pue_included(work: Work) -> bool:
    return work.energy.pue_included or work.energy.boundary == "facility"


def _facility(context: _Context, energy: Input) -> Input | None:
    if _pue_included(context.work):
        if context.settings.pue is not None:
            context.sheet.notice("pue is not applied: the measured energy includes it")
        inputs = {"facility_energy_j": energy}
        return context.sheet.add("facility_energy_j", formulas.metered_facility_energy_j, inputs)
    pue = context.pue()
    if pue is None:
        return None
    inputs = {"it_energy_j": energy, "pue": pue}
    return context.sheet.add("facility_energy_j", formulas.facility_energy_j, inputs)


def _emissions(context: _Context, facility: Input, embodied: Input | None, intervals: Sequence[Signal] | None) -> None:
    location = market = None
    try:
        intensity = _intensity(context, intervals)
    except (FactorError, UndefinedFigure) as error:
        context.sheet.notice(f"no operational_g: {error}")
        intensity = None
    if intensity is not None:
        location = _operational(context, facility, intensity, LOCATION)
    contract = context.setting("market_g_per_kwh", "g/kWh")
    if contract is not None:
        market = _operational(context, facility, contract, MARKET)
    for basis, operational in ((LOCATION, location), (MARKET, market)):
        if operational is not None and embodied is not None:
            inputs = {"operational_g": operational, "embodied_g": embodied}
            total = context.sheet.add("emissions_g", formulas.emissions_g, inputs, basis=basis)
            if basis == LOCATION and total is not None:
                _sci(context, total)


def _operational(context: _Context, facility: Input, intensity: Input, basis: str) -> Input | None:
    inputs = {"energy_j": facility, "intensity_g_per_kwh": intensity}
    return context.sheet.add("operational_g", formulas.operational_g, inputs, basis=basis)


def _intensity(context: _Context, intervals: Sequence[Signal] | None) -> Input | None:
    """The one factor of the run, or the energy-weighted mean over the hours as a calculation of its own."""
    work = context.work
    end = max(work.ended_at, work.started_at + timedelta(microseconds=1))
    energy = work.energy_by_interval or [(work.started_at, end, 1.0)]
    if intervals is None:
        edges = [edge for part in energy for edge in part[:2]]
        intervals = _bundled(context, min(edges), max(*edges, end))
    parts = spread_energy(energy, intervals)
    if not parts:  # a measured zero: any weights will do
        parts = [(signal, 1.0) for signal in intervals]
    inputs = _by_factor(context, parts)
    if len(inputs) == 1:
        return inputs[0][0]
    return context.sheet.add("intensity_g_per_kwh", formulas.weighted_intensity_g_per_kwh, _weights(work, inputs))


def _bundled(context: _Context, start: datetime, end: datetime) -> Sequence[Signal]:
    """The zone's typical hours, or its annual factors where none are known."""
    zone = context.location.zone
    try:
        return BundledShapes(context.factors).signals(zone, start, end)
    except FactorError:
        return BundledAnnual(context.factors).signals(zone, start, end)


def _by_factor(context: _Context, parts: Sequence[tuple[Signal, float]]) -> list[tuple[Input, float]]:
    """Each factor once, with all the energy that falls under it: a week of typical hours is 24 factors, not 168."""
    inputs: dict[str, Input] = {}
    energy_j: dict[str, float] = {}
    for signal, part_j in parts:
        annual = _annual_of(context, signal)
        factor = annual if annual is not None and signal.status == "annual" else factor_of(signal)
        inputs[factor.id] = context.sheet.factor(factor)
        energy_j[factor.id] = energy_j.get(factor.id, 0.0) + part_j
        if annual is not None:
            _tell_age(context, annual)
    return [(inputs[id], energy_j[id]) for id in inputs]


def _annual_of(context: _Context, signal: Signal) -> Factor | None:
    """The annual factor that a bundled signal is, or is scaled to; None for those of other sources."""
    if signal.status not in ("annual", "climatology"):
        return None
    id = signal.source.rpartition(" x ")[2]
    return next((factor for factor in context.intensities(signal.zone) if factor.id == id), None)


def _weights(work: Work, parts: Sequence[tuple[Input, float]]) -> dict[str, Input]:
    method = work.energy.figure.method
    inputs: dict[str, Input] = {}
    for index, (intensity, part_j) in enumerate(parts):
        # the weights share the meter's error, so that it cancels here and counts once, in the energy
        weight = exact(part_j, "J", method, "share of the energy by time")
        inputs[f"energy_{index}_j"] = given("measurement", work.energy.id, weight)
        inputs[f"intensity_{index}_g_per_kwh"] = intensity
    return inputs


def _tell_age(context: _Context, factor: Factor) -> None:
    made = int(factor.valid_from[:4])
    if context.work.ended_at.year - made >= STALE_YEARS:
        context.sheet.notice(f"the intensity of {factor.zone} is that of {made} ({factor.source})")


def _embodied(context: _Context) -> Input | None:
    sheet, work, machine = context.sheet, context.work, context.machine
    own = context.setting("embodied_kg", "g", g_from_kg)
    lifespan = context.setting("lifespan_years", "s", s_from_years) or context.factor("lifespan", machine.device_class)
    reserved = given("run", work.run_id, exact(work.duration_s, "s", MEASURED, "monotonic clock"))
    if lifespan is None:
        return None
    held = {"reserved_s": reserved, "lifespan_s": lifespan, "resource_share": _share(context)}
    if own is None and machine.core_count is not None:
        by_core = context.factor("embodied", "vcpu")
        cores = given("run", work.run_id, exact(machine.core_count, "1", REPORTED, "virtual cores of the machine"))
        if by_core is None:
            return None
        inputs = {"total_g_per_core": by_core, "core_count": cores, **held}
        return sheet.add("embodied_g", formulas.embodied_by_core_g, inputs, pue_included=False)
    total = own or context.factor("embodied", machine.device_class)
    if total is None:
        return None
    if own is None and machine.notice:
        sheet.notice(machine.notice)
    return sheet.add("embodied_g", formulas.embodied_g, {"total_g": total, **held}, pue_included=False)


def _share(context: _Context) -> Input:
    work = context.work
    if work.resource_share is not None:
        return given("run", work.run_id, work.resource_share)
    context.sheet.notice("the share of the machine held is unknown: all of it is charged, with one core as low bound")
    least = 1.0 / work.host.cpu_count if work.host and work.host.cpu_count > 0 else 0.0
    whole = Figure(value=1.0, low=least, high=1.0, unit="1", method=DEFAULT, source="whole machine")
    return given("run", work.run_id, whole)


def _water(context: _Context, energy: Input) -> None:
    location, machine = context.location, context.machine
    pue = context.pue()
    wue = context.setting("wue", "L/kWh") or context.factor(
        "wue", *([location.region] if location.region else []), machine.device_class
    )
    ewif = context.factor("ewif", location.zone, location.zone.partition("-")[0], WORLD)
    if pue is None or wue is None or ewif is None:
        return
    inputs = {"pue": pue, "wue_l_per_kwh": wue, "ewif_l_per_kwh": ewif}
    if _pue_included(context.work):
        context.sheet.add("water_l", formulas.water_of_facility_l, {"facility_energy_j": energy, **inputs})
    else:
        context.sheet.add("water_l", formulas.water_l, {"it_energy_j": energy, **inputs})


def _cost(context: _Context, facility: Input) -> None:
    price = context.setting("price_per_kwh", f"{context.settings.currency}/kWh")
    if price is not None:
        context.sheet.add("cost", formulas.cost, {"energy_j": facility, "price_per_kwh": price})


def _count(work: Work) -> Input | None:
    if not work.unit_count:
        return None
    return given("run", work.run_id, exact(work.unit_count, work.unit or "unit", MEASURED, "counted"))


def _per_unit(context: _Context, energy: Input) -> None:
    count = _count(context.work)
    if count is not None:
        inputs = {"energy_j": energy, "unit_count": count}
        included = _pue_included(context.work)
        context.sheet.add("energy_j_per_unit", formulas.energy_j_per_unit, inputs, pue_included=included)


def _sci(context: _Context, emissions: Input) -> None:
    count = _count(context.work)
    if count is not None:
        inputs = {"emissions_g": emissions, "unit_count": count}
        context.sheet.add("sci_g_per_unit", formulas.sci_g_per_unit, inputs, basis=LOCATION)
