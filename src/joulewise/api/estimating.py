"""`joulewise.estimate`: what a job would cost that nobody measured, and what the four Ms would cut of it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joulewise import api
from joulewise.api.what_ifs import changes_of
from joulewise.carbon import FactorSet, formulas
from joulewise.compare.estimating import Choices, Estimate, Term
from joulewise.compare.estimating import estimate as estimated
from joulewise.compare.four_ms import Situation, what_if
from joulewise.compare.hardware import catalogue, hardware_of
from joulewise.compare.model_spec import spec_of
from joulewise.core.errors import DataError, OutOfRange, UsageError
from joulewise.core.figures import MODELLED, REPORTED, Figure, exact, scaled
from joulewise.core.settings import Settings
from joulewise.report.digits import number
from joulewise.report.estimate_view import draw_estimate, estimate_list, headline
from joulewise.report.listing import Listing, simple
from joulewise.report.waterfall import waterfall_list, waterfall_of

if TYPE_CHECKING:
    from joulewise.compare.four_ms import WhatIf
    from joulewise.report.waterfall import Waterfall

_CLASSES = {"gpu": "gpu-server", "tpu": "gpu-server", "cpu": "server", "edge": "edge"}
"""Kind of hardware to the class of machine whose default PUE and water hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateRequest:
    """A job: `hardware` ("A100:8") for `hours`, or what a model does: `parameters` x `tokens`, or a `model_spec` (a
    line or a file). `region` is a cloud region or grid zone, by default the settings' zone. `drawn` is the mean share
    of the rated power, `mfu` the share of the peak reached. `what_if` changes the four Ms: {"model": "0.5", ...}.
    """

    hardware: str = ""
    hours: float | None = None
    region: str = ""
    parameters: str | float | None = None
    tokens: str | float | None = None
    stage: str = ""
    precision: str = ""
    model_spec: str = ""
    drawn: float | None = None
    mfu: float | None = None
    what_if: Mapping[str, str | float] | None = None

    def spec(self) -> str | None:
        """The model in a line, whatever way it was given; None without one. Raises UsageError for two ways at once."""
        given = {"parameters": self.parameters, "tokens": self.tokens}
        told = {key: value for key, value in given.items() if value is not None}
        words = {key: value for key, value in (("stage", self.stage), ("precision", self.precision)) if value}
        if not self.model_spec:
            if not told:
                return None
            return " ".join(f"{key}={value}" for key, value in (told | words).items())
        if told:
            raise UsageError("the model is described twice", hint="--model-spec alone, or --parameters and --tokens")
        return " ".join([_read_spec(self.model_spec), *(f"{key}={value}" for key, value in words.items())])

    def choices(self) -> Choices:
        """What the user knows better than the defaults. Raises OutOfRange for a share that is none."""
        return Choices(drawn=_share(self.drawn, "--drawn"), mfu=_share(self.mfu, "--mfu"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """An estimate with its steps, and the waterfall of a what-if where one was asked for. All of it is modelled."""

    estimate: Estimate
    what_if: WhatIf | None = None

    @property
    def energy(self) -> Figure | None:
        """Energy with PUE in J; of the machines alone where the PUE is not known; None where neither is."""
        return self.estimate.facility_energy or self.estimate.energy

    @property
    def emissions(self) -> Figure | None:
        """Operational carbon in g, None where the place is not known."""
        return self.estimate.emissions

    @property
    def waterfall(self) -> Waterfall | None:
        """The what-if in steps."""
        return waterfall_of(self.what_if) if self.what_if else None

    def records(self) -> list[dict[str, Any]]:
        """A record a step, then one for each other way to estimate it."""
        return [dict(one) for one in estimate_list(self.estimate).records]

    def document(self) -> dict[str, Any]:
        """All of it as JSON can hold it."""
        fall = self.waterfall
        return {
            "title": self.estimate.title,
            "steps": self.records(),
            "what_if": [dict(one) for one in waterfall_list(fall).records] if fall else None,
            "notices": list(self.estimate.notices),
        }

    def to_json(self) -> str:
        """The document as JSON."""
        return json.dumps(self.document(), indent=2, allow_nan=False) + "\n"

    def summary(self) -> str:
        """One line: energy and carbon with their bands."""
        return f"{self.estimate.title}: " + (", ".join(f"{label} {text}" for label, text in headline(self.estimate)))

    def __str__(self) -> str:
        return draw_estimate(self.estimate, "table")


def estimate(*, settings: Settings | None = None, **wanted: Any) -> Estimated:
    """Estimate energy, carbon, water and money of a job that nobody measured.

    joulewise.estimate(hardware="A100:8", hours=24, region="eu-north-1")
    joulewise.estimate(hardware="H100:64", parameters=7e9, tokens=1e12, what_if={"region": "SE"})

    Args:
        settings: Those in force unless given; they hold zone, pue, wue and price.
        wanted: Fields of EstimateRequest.
    Raises: UsageError, NotFound with close names for hardware or a region, OutOfRange, UndefinedFigure where no peak is
        known at that precision.
    """
    strange = set(wanted) - set(EstimateRequest.__dataclass_fields__)
    if strange:
        raise UsageError(f"estimate knows no {min(strange)!r}", hint=", ".join(EstimateRequest.__dataclass_fields__))
    request = EstimateRequest(**wanted)
    settings = settings or api.load_settings()
    place = _Place(request, settings)
    made = estimated(
        hardware=request.hardware or None,
        hours=request.hours,
        model_spec=request.spec(),
        region=place.name,
        pue=place.pue,
        intensity=place.intensity,
        choices=request.choices(),
    )
    made = replace(made, terms=(*_timed(made, request), *_further(made, place, settings)))
    return Estimated(estimate=made, what_if=_what_if(request, made, place))


def _timed(made: Estimate, request: EstimateRequest) -> Iterator[Term]:
    """The steps, with the time by the clock where it follows from the FLOP. Raises OutOfRange for hours in which the
    hardware can't do the FLOP that the model takes."""
    if request.hours is not None:
        _check_hours(made, request)
    for term in made.terms:
        yield term
        if term.name == "device_time" and request.hours is None and made.device_count:
            spread = scaled(term.figure, 1.0 / made.device_count)
            told = f"device time over {made.device_count} devices, all at work at once"
            yield Term(name="duration", label="Time by the clock", figure=replace(spread, source=told))


def _check_hours(made: Estimate, request: EstimateRequest) -> None:
    if made.flop is None or made.device_time is None or made.hardware is None or made.device_time.value <= 0:
        return
    spec = spec_of(request.spec() or "")
    peak_flop = made.device_time.value * made.hardware.peak_of(spec.precision).value
    if made.flop.low > peak_flop:
        least_h = made.flop.low / peak_flop * (request.hours or 0.0)
        raise OutOfRange(
            f"{request.hours:g} h are too few: at its full peak the hardware takes {number(float(f'{least_h:.3g}'))} h",
            hint="leave out --hours, and they follow from the FLOP; or name more devices",
        )


class _Place:
    """Where the job runs: its PUE, grid and water, from the settings first, then the factors."""

    def __init__(self, request: EstimateRequest, settings: Settings) -> None:
        self.factors = FactorSet.bundled()
        self.name = request.region or settings.zone
        found = self.factors.resolve(self.name) if self.name else None
        self.zone = found.zone if found else ""
        region = [found.region] if found and found.region else []
        kind = hardware_of(request.hardware)[0].kind if request.hardware else "gpu"
        self._places = [*region, _CLASSES[kind]]
        self.pue = _given(settings, "pue", "1") or self._factor("pue", *self._places)
        self.wue = _given(settings, "wue", "L/kWh") or self._factor("wue", *self._places)
        self.intensity = self._factor("intensity", self.zone) if self.zone else None
        self.ewif = self._factor("ewif", self.zone, self.zone.partition("-")[0], "WORLD") if self.zone else None

    def _factor(self, kind: str, *zones: str) -> Figure | None:
        """The newest factor of the first zone that has one."""
        found = (self.factors.get(kind, zone) for zone in zones)
        return next((one.as_figure() for one in found if one is not None), None)


def _further(made: Estimate, place: _Place, settings: Settings) -> Iterator[Term]:
    """Water and money, where what they need is known."""
    if made.energy is not None and place.pue and place.wue and place.ewif:
        inputs = {
            "it_energy_j": made.energy,
            "pue": place.pue,
            "wue_l_per_kwh": place.wue,
            "ewif_l_per_kwh": place.ewif,
        }
        yield _term("water", "Water, on site and for the electricity", formulas.water_l, inputs)
    price = _given(settings, "price_per_kwh", f"{settings.currency}/kWh")
    if made.facility_energy is not None and price is not None:
        term = _term(
            "cost",
            "Price of the electricity",
            formulas.cost,
            {"energy_j": made.facility_energy, "price_per_kwh": price},
        )
        yield replace(term, figure=replace(term.figure, unit=settings.currency))


def _term(name: str, label: str, formula: Any, inputs: Mapping[str, Figure]) -> Term:
    return Term(name=name, label=label, figure=formula.figure(inputs, method=MODELLED), formula=formula, inputs=inputs)


def _what_if(request: EstimateRequest, made: Estimate, place: _Place) -> WhatIf | None:
    if not request.what_if:
        return None
    if made.energy is None or place.pue is None:
        raise UsageError("what if needs an energy to start from", hint="--hardware A100:8 --hours 24")
    changes = changes_of(request.what_if, made.hardware, place.factors)
    return what_if(Situation(energy=made.energy, pue=place.pue, intensity=place.intensity), changes)


def _given(settings: Settings, name: str, unit: str) -> Figure | None:
    value = getattr(settings, name)
    return None if value is None else exact(float(value), unit, REPORTED, settings.origins.get(name) or "as given")


def _share(value: float | None, name: str) -> Figure | None:
    if value is None:
        return None
    if not 0 < value <= 1:
        raise OutOfRange(f"{name} wants a share above 0 and at most 1, got {value}", hint=f"{name} 0.6")
    return exact(value, "1", REPORTED, "as given")


def _read_spec(text: str) -> str:
    """A line as it is; of a .toml or .json file its keys, of any other file its text."""
    path = Path(text).expanduser()
    if "=" in text and not path.is_file():
        return text
    try:
        content = path.read_text(encoding="utf-8")
        if path.suffix not in (".toml", ".json"):
            return content
        read = tomllib.loads(content) if path.suffix == ".toml" else json.loads(content)
        return " ".join(f"{key}={value}" for key, value in dict(read).items())
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"can't read the model's description {text}: {error}", hint='parameters = "7B"') from error


def hardware_list() -> Listing:
    """All hardware that an estimate knows by name."""
    columns = ("Hardware", "Kind", "Rated power", "Peak at fp16", "Source")
    lines = [
        (
            one.name,
            one.kind,
            f"{number(one.tdp.value)} W",
            f"{number(peak.value / 1e12)} TFLOP/s" if (peak := one.peak.get("fp16")) else "–",
            f"{one.source}, {one.version}",
        )
        for one in catalogue()
    ]
    records = tuple(
        {
            "name": one.name,
            "kind": one.kind,
            "tdp_w": one.tdp.value,
            **{f"{name}_flop_per_s": figure.value for name, figure in one.peak.items()},
            "source": one.source,
            "url": one.url,
            "licence": one.licence,
            "version": one.version,
        }
        for one in catalogue()
    )
    grid = simple("Hardware", columns, lines, numeric=("Rated power", "Peak at fp16"), spare=("Source",))
    return Listing(grid=grid, records=records)
