"""Estimate energy and carbon of a job that nobody measured: hardware x hours, or FLOP x hardware, with its band.

Everything here is modelled: the bounds are wide, since a rated power is no mean draw and a peak is no throughput.
FLOP become joules only by the time that they take on named hardware, or by joules per FLOP that somebody measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from joulewise.carbon import formulas as known
from joulewise.compare import metric_formulas as own
from joulewise.compare.hardware import Hardware, hardware_of
from joulewise.compare.model_spec import ModelSpec, spec_of
from joulewise.compare.published_estimates import others_of
from joulewise.core.errors import OutOfRange, UsageError
from joulewise.core.figures import DEFAULT, MEASURED, MODELLED, REPORTED, Figure, exact
from joulewise.core.formulas import Formula
from joulewise.core.units import s_from_h

_DRAW = "share of TDP drawn: Dodge et al. 2022, table 2 (0.35 to 0.94); Strubell et al. 2019, table 3; judgement"
DRAWN = {
    "gpu": Figure(value=0.75, low=0.35, high=1.0, unit="1", method=DEFAULT, source=_DRAW),
    "tpu": Figure(value=0.65, low=0.35, high=1.0, unit="1", method=DEFAULT, source=_DRAW),
    "cpu": Figure(
        value=0.75, low=0.4, high=1.0, unit="1", method=DEFAULT, source="SPECpower, load 20 to 100 %; judgement"
    ),
    "edge": Figure(value=0.7, low=0.25, high=1.0, unit="1", method=DEFAULT, source="judgement"),
}
"""Mean draw over TDP while the job runs."""
_HOST = "system over devices: Dodge et al. 2022, table 1 (251.6 / 187.1 kWh); high: a DGX A100's 6.5 kW over 3.2 kW"
HOSTS = {
    "gpu": Figure(value=1.345, low=1.0, high=2.03, unit="1", method=DEFAULT, source=_HOST),
    "tpu": Figure(value=1.0, low=0.9, high=1.5, unit="1", method=DEFAULT, source="TPU hosts are shared; judgement"),
    "cpu": Figure(
        value=1.0, low=0.82, high=1.35, unit="1", method=DEFAULT, source="wall over TDP at full load, SPECpower_ssj2008"
    ),
    "edge": Figure(value=1.0, low=1.0, high=1.25, unit="1", method=DEFAULT, source="judgement: the carrier board"),
}
"""Power of the system over that of its devices."""
MFU = {
    "training": Figure(
        value=0.35, low=0.15, high=0.6, unit="1", method=DEFAULT,
        source="model FLOPs utilisation of large training runs: arXiv:2204.02311, table 3 (0.21 to 0.46); judgement",
    ),
    "inference": Figure(
        value=0.1, low=0.01, high=0.6, unit="1", method=DEFAULT,
        source="from one stream of decoding to a full batch: arXiv:2211.05102; judgement",
    ),
}  # fmt: skip
"""Share of the peak that the model's own FLOP reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the user knows better than the defaults: share of TDP drawn, system over devices, share of peak reached,
    joules per FLOP (measured on that machine with such a model)."""

    drawn: Figure | None = None
    host: Figure | None = None
    mfu: Figure | None = None
    energy_per_flop: Figure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A step: its figure, the formula that made it ("" for what was given) and what went in."""

    name: str
    label: str
    figure: Figure
    formula: Formula | None = None
    inputs: Mapping[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a job would cost. `energy` is of the machines (PUE not in it), `facility_energy` with PUE, `emissions` in g;
    each None where `notices` say what is missing. `others` are the same job by published formulas, for the spread."""

    title: str
    terms: tuple[Term, ...]
    notices: tuple[str, ...]
    flop: Figure | None = None
    device_time: Figure | None = None
    energy: Figure | None = None
    facility_energy: Figure | None = None
    emissions: Figure | None = None
    hardware: Hardware | None = None
    device_count: int | None = None
    region: str = ""
    others: tuple[Term, ...] = ()


def estimate(
    *,
    hardware: str | None = None,
    hours: float | Figure | None = None,
    model_spec: ModelSpec | str | None = None,
    region: str = "",
    pue: Figure | None = None,
    intensity: Figure | None = None,
    choices: Choices | None = None,
) -> Estimate:
    """Estimate a job from hardware and hours of wall-clock time, or from what its model does on that hardware.

    `intensity` is in g/kWh, for `region`; without it there is no carbon, without `pue` no facility energy. Raises
    UsageError if neither way is open, NotFound for unknown hardware, OutOfRange for hours or shares out of range.
    """
    if hours is None and model_spec is None:
        raise UsageError(
            "neither hours nor a model is given", hint="--hours 24, or --model-spec 'parameters=7B tokens=2T'"
        )
    device, count = hardware_of(hardware) if hardware else (None, None)
    if hours is not None and device is None:
        raise UsageError("hours of what?", hint="--hardware A100:8")
    sheet = _Sheet(device, count, choices or Choices())
    spec = spec_of(model_spec) if isinstance(model_spec, str) else model_spec
    if spec is not None:
        sheet.count_flop(spec)
    if hours is not None:
        sheet.run_for(hours)
    elif spec is not None:
        sheet.run_model(spec)
    sheet.reach_the_meter(pue, intensity)
    return sheet.made(region, others_of(device, sheet.device_time, pue, spec))


class _Sheet:
    """The steps as they are taken."""

    def __init__(self, device: Hardware | None, count: int | None, choices: Choices) -> None:
        self._device, self._count, self._choices = device, count, choices
        self._terms: list[Term] = []
        self._notices: list[str] = []
        self.flop: Figure | None = None
        self.device_time: Figure | None = None
        self.energy: Figure | None = None
        self.facility_energy: Figure | None = None
        self.emissions: Figure | None = None

    def count_flop(self, spec: ModelSpec) -> None:
        """6 N D to train, 2 N D to answer; or as given."""
        if spec.flop is not None or spec.parameters is None or spec.tokens is None:
            self.flop = spec.flop
            self._given("flop", "FLOP, as given", spec.flop)
            return
        formula = known.training_flop if spec.stage == "training" else own.inference_flop
        inputs = {"parameter_count": spec.active or spec.parameters, "token_count": spec.tokens}
        self.flop = self._take("flop", f"FLOP of {spec.stage}", formula, inputs)
        if spec.active:
            self._notices.append("FLOP by active parameters: the others of a mixture of experts cost memory, not FLOP.")

    def run_for(self, hours: float | Figure) -> None:
        """Device time from wall-clock hours, energy from rated power."""
        given = hours if isinstance(hours, Figure) else exact(float(hours), "h", REPORTED, "as given")
        if given.low < 0 or given.unit != "h":
            raise OutOfRange(f"want hours >= 0 in h, got {given.value} {given.unit}")
        seconds = Figure(
            value=s_from_h(given.value), low=s_from_h(given.low), high=s_from_h(given.high), unit="s",
            method=given.method, source=given.source,
        )  # fmt: skip
        inputs = {"device_count": exact(float(self._count or 1), "1", REPORTED, "as given"), "duration_s": seconds}
        self.device_time = self._take("device_time", "Device time", known.device_time_s, inputs)
        self._draw()

    def run_model(self, spec: ModelSpec) -> None:
        """Energy of FLOP by measured joules per FLOP, or by the time that they take on the hardware."""
        per_flop = self._choices.energy_per_flop
        if self.flop is not None and per_flop is not None:
            if per_flop.method != MEASURED:
                raise OutOfRange("joules per FLOP must be measured: FLOP alone are a weak proxy of energy")
            inputs = {"flop": self.flop, "energy_j_per_flop": per_flop}
            self.energy = self._take("energy", "Energy of the machines", own.flop_energy_j, inputs)
        elif self.flop is not None and self._device is not None:
            reached = _share(self._choices.mfu or MFU[spec.stage], "share of the peak")
            inputs = {
                "flop": self.flop,
                "peak_flop_per_s": self._device.peak_of(spec.precision),
                "utilisation": reached,
            }
            self.device_time = self._take("device_time", "Device time", own.device_time_of_flop_s, inputs)
            self._draw()
        else:
            self._notices.append("No energy: FLOP alone are no joules. Name the hardware, or joules per FLOP measured.")

    def _draw(self) -> None:
        device = self._device
        if device is None or self.device_time is None:
            return
        inputs = {
            "tdp_w": device.tdp,
            "utilisation": _share(self._choices.drawn or DRAWN[device.kind], "share of TDP"),
            "host_ratio": self._choices.host or HOSTS[device.kind],
        }
        power = self._take("power", "Mean power of a device with its host", own.device_power_w, inputs)
        energy = {"power_w": power, "duration_s": self.device_time}
        self.energy = self._take("energy", "Energy of the machines", known.power_energy_j, energy)
        self._notices.append(f"{device.name}: {device.tdp.value:g} W rated ({device.source})" + _noted(device))

    def reach_the_meter(self, pue: Figure | None, intensity: Figure | None) -> None:
        """PUE once, then the grid."""
        if self.energy is None:
            return
        if pue is None:
            self._notices.append("No facility energy and no carbon: the PUE is not known.")
            return
        self._given("pue", "PUE", pue)
        inputs = {"it_energy_j": self.energy, "pue": pue}
        self.facility_energy = self._take("facility_energy", "Energy of the facility", known.facility_energy_j, inputs)
        if intensity is None:
            self._notices.append("No carbon: the intensity of the grid is not known.")
            return
        self._given("intensity", "Intensity of the grid", intensity)
        grid = {"energy_j": self.facility_energy, "intensity_g_per_kwh": intensity}
        self.emissions = self._take("emissions", "Operational carbon", known.operational_g, grid)

    def made(self, region: str, others: Iterator[tuple[str, str, Formula, Mapping[str, Figure]]]) -> Estimate:
        what = f"{self._count} x {self._device.name}" if self._device else "a model's FLOP"
        return Estimate(
            title=f"Estimate: {what}" + (f" in {region}" if region else ""),
            terms=tuple(self._terms),
            notices=tuple(self._notices),
            flop=self.flop,
            device_time=self.device_time,
            energy=self.energy,
            facility_energy=self.facility_energy,
            emissions=self.emissions,
            hardware=self._device,
            device_count=self._count,
            region=region,
            others=tuple(_term(*one) for one in others),
        )

    def _take(self, name: str, label: str, formula: Formula, inputs: Mapping[str, Figure]) -> Figure:
        term = _term(name, label, formula, inputs)
        self._terms.append(term)
        return term.figure

    def _given(self, name: str, label: str, figure: Figure | None) -> None:
        if figure is not None:
            self._terms.append(Term(name=name, label=label, figure=figure))


def _term(name: str, label: str, formula: Formula, inputs: Mapping[str, Figure]) -> Term:
    """A calculation counts as modelled even where its inputs are weaker or surer: it is an estimate by a formula."""
    return Term(name=name, label=label, figure=formula.figure(inputs, method=MODELLED), formula=formula, inputs=inputs)


def _noted(device: Hardware) -> str:
    told = [device.note if device.note != "dense" else "", device.doubts]
    return "".join(f"; {one}" for one in told if one) + "."


def _share(figure: Figure, name: str) -> Figure:
    if not 0 < figure.low <= figure.high <= 1:
        raise OutOfRange(f"want a {name} above 0 and at most 1, got {figure.low} to {figure.high}")
    return figure
