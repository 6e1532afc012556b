"""Every efficiency metric of a model from what is known of it: each a figure with its interval, or the reason why not.

Each names numerator, denominator, stage and boundary. None of them ranks: `fronts.rank` does, after the floors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from joulewise.carbon import formulas as known
from joulewise.compare import metric_formulas as own
from joulewise.compare.floors import Entry
from joulewise.core.errors import JoulewiseError
from joulewise.core.figures import Figure, scaled
from joulewise.core.formulas import Formula

INFERRED = "the thesis gives performance over resource; the exact form is inferred, so compare within joulewise only"
NEVER_RANKS = "a ratio rewards small bad models: use it above a floor of quality, never to rank"
TRAINING, INFERENCE, MODEL = "training", "inference", "model"
_SHARES = ("1", "ratio", "", "share")
_POINTS = ("%", "pp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What is known of a model. Figures: quality as a share (unit "1") or in %, bytes, FLOP of one forward pass, s, J.

    `inference_energy` and `inference_duration` are of one inference, `latency` what a caller waits for (its mean),
    `throughput` per s and `power` (mean W) are of one and the same run. Boundaries are device, node or facility.
    """

    metric: str = "quality"
    greater_is_better: bool = True
    quality: Figure | None = None
    size: Figure | None = None
    forward_flop: Figure | None = None
    training_duration: Figure | None = None
    training_energy: Figure | None = None
    finetuning_energy: Figure | None = None
    inference_duration: Figure | None = None
    inference_energy: Figure | None = None
    latency: Figure | None = None
    throughput: Figure | None = None
    power: Figure | None = None
    example_count: Figure | None = None
    epoch_count: Figure | None = None
    experiment_count: Figure | None = None
    training_boundary: str = "device"
    inference_boundary: str = "device"


@dataclass(frozen=True, slots=True, kw_only=True)
class Efficiency:
    """One metric. `figure` is None where `reason` says what is absent. `stage` is training, inference or model (no
    run); `formula` is an id that `joulewise explain` knows; `boundary` is "" where no energy or time is in it."""

    key: str
    label: str
    numerator: str
    denominator: str
    stage: str
    boundary: str
    formula: Formula
    greater_is_better: bool
    figure: Figure | None = None
    note: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Metric:
    key: str
    label: str
    formula: Formula
    inputs: Mapping[str, str]
    """Parameter of the formula to field of Costs; "quality_pp" is quality in percentage points."""
    stage: str
    numerator: str
    denominator: str
    greater_is_better: bool
    note: str = ""


_QUALITY = {"quality_pp": "quality_pp"}
_METRICS = (
    _Metric("quality_per_size", "Quality per size", own.quality_pp_per_mb, {**_QUALITY, "size_bytes": "size"},
            MODEL, "quality", "model size", True, INFERRED),
    _Metric("quality_per_training_time", "Quality per training time", own.quality_pp_per_training_h,
            {**_QUALITY, "training_duration_s": "training_duration"}, TRAINING, "quality", "training time", True,
            INFERRED),
    _Metric("quality_per_training_energy", "Quality per training energy", own.quality_pp_per_training_kwh,
            {**_QUALITY, "training_energy_j": "training_energy"}, TRAINING, "quality", "training energy", True,
            INFERRED),
    _Metric("quality_per_inference_time", "Quality per inference time", own.quality_pp_per_inference_s,
            {**_QUALITY, "inference_duration_s": "inference_duration"}, INFERENCE, "quality", "time of an inference",
            True, INFERRED),
    _Metric("quality_per_inference_energy", "Quality per inference energy", own.quality_pp_per_inference_j,
            {**_QUALITY, "energy_j_per_inference": "inference_energy"}, INFERENCE, "quality",
            "energy of an inference", True, INFERRED),
    _Metric("quality_per_gflop", "Quality per GFLOP", known.accuracy_pp_per_gflop,
            {"accuracy_pp": "quality_pp", "flop": "forward_flop"}, MODEL, "quality", "GFLOP of a forward pass", True,
            "1 MAC = 2 FLOP; FLOP are a weak proxy of energy"),
    _Metric("inferences_per_joule", "Inferences per joule", own.inferences_per_j,
            {"energy_j_per_inference": "inference_energy"}, INFERENCE, "inferences", "energy", True),
    _Metric("edh", "E x D x H (Green AI cost)", known.edh_flop,
            {"example_flop": "forward_flop", "example_count": "example_count", "experiment_count": "experiment_count"},
            TRAINING, "FLOP of an example x examples x experiments", "", False,
            "proportional, without epochs and backward pass"),
    _Metric("search_flop", "FLOP of training and search", known.search_flop,
            {"forward_flop": "forward_flop", "example_count": "example_count", "epoch_count": "epoch_count",
             "experiment_count": "experiment_count"}, TRAINING, "3 x forward FLOP x examples x epochs x experiments",
            "", False, "the absolute form; 3 = forward and backward"),
    _Metric("energy_delay", "Energy-delay product", known.energy_delay_js,
            {"energy_j": "inference_energy", "duration_s": "latency"}, INFERENCE, "energy x latency", "", False),
    _Metric("energy_delay_squared", "Energy-delay-squared product", known.energy_delay_squared_js2,
            {"energy_j": "inference_energy", "duration_s": "latency"}, INFERENCE, "energy x latency^2", "", False),
    _Metric("wh_per_thousand_queries", "Energy of 1,000 queries (AI Energy Score mode)", own.wh_per_thousand_queries,
            {"energy_j_per_inference": "inference_energy"}, INFERENCE, "energy", "1,000 queries", False,
            "the original counts the accelerator of an H100 only"),
    _Metric("offline", "Offline, MLPerf-Power-like", own.samples_per_j,
            {"throughput_samples_per_s": "throughput", "power_w": "power"}, INFERENCE, "samples", "energy", True,
            "a submission measures the whole system at the wall"),
    _Metric("single_stream", "Single stream, MLPerf-Power-like", known.power_energy_j,
            {"power_w": "power", "duration_s": "latency"}, INFERENCE, "mean latency x mean power", "stream", False,
            "a submission measures the whole system at the wall"),
)  # fmt: skip


def efficiency_of(costs: Costs) -> tuple[Efficiency, ...]:
    """Every metric, in a fixed order; what can't be known has no figure and a reason, never a zero."""
    return (*(_made(one, costs) for one in _METRICS), _break_even(costs))


def along_the_front(front: Sequence[Entry]) -> tuple[Efficiency, ...]:
    """Quality gained for each further kWh between neighbours of a front, cheapest first: the steps that are dear show
    red AI better than a ratio does. Absent between two that tie in energy or have no figure."""
    known_energy = [(one.energy.value, one.name, one) for one in front if one.energy]
    return tuple(_incremental(cheaper, dearer) for (*_, cheaper), (*_, dearer) in pairwise(sorted(known_energy)))


def quality_points(costs: Costs) -> tuple[Figure | None, str]:
    """Quality in percentage points, or the reason why it has none."""
    quality = costs.quality
    if quality is None:
        return None, f"{costs.metric} is absent"
    if not costs.greater_is_better:
        return None, f"{costs.metric} is better when smaller: no ratio to a cost means anything"
    if quality.unit not in (*_SHARES, *_POINTS):
        return None, f"{costs.metric} is in {quality.unit}, not a share"
    if quality.low < 0:
        return None, f"{costs.metric} may be below zero: no ratio to a cost means anything"
    return scaled(quality, 1.0 if quality.unit in _POINTS else 100.0, "pp"), ""


def _made(metric: _Metric, costs: Costs) -> Efficiency:
    inputs: dict[str, Figure] = {}
    reasons: list[str] = []
    for parameter, name in metric.inputs.items():
        figure, reason = quality_points(costs) if name == "quality_pp" else _field(costs, name)
        if figure is None:
            reasons.append(reason)
        else:
            inputs[parameter] = figure
    note = "; ".join(filter(None, (metric.note, NEVER_RANKS if "quality_pp" in metric.inputs.values() else "")))
    figure, failed = (None, "; ".join(reasons)) if reasons else _computed(metric.formula, inputs)
    boundary = {TRAINING: costs.training_boundary, INFERENCE: costs.inference_boundary}.get(metric.stage, "")
    return Efficiency(
        key=metric.key, label=metric.label, numerator=metric.numerator.replace("quality", costs.metric),
        denominator=metric.denominator, stage=metric.stage, boundary="" if "flop" in metric.key or metric.key == "edh"
        else boundary, formula=metric.formula, greater_is_better=metric.greater_is_better, figure=figure, note=note,
        reason=failed,
    )  # fmt: skip


def _field(costs: Costs, name: str) -> tuple[Figure | None, str]:
    return getattr(costs, name), f"{name.replace('_', ' ')} is absent"


def _computed(formula: Formula, inputs: Mapping[str, Figure]) -> tuple[Figure | None, str]:
    try:
        return formula.figure(inputs), ""
    except JoulewiseError as error:
        return None, error.message


def _break_even(costs: Costs) -> Efficiency:
    """Inferences until serving has cost what training did; both within one boundary, or it says nothing."""
    figure, reason = None, ""
    if costs.training_energy is None or costs.inference_energy is None:
        reason = "; ".join(_absences(costs, ("training_energy", "inference_energy")))
    elif costs.training_boundary != costs.inference_boundary:
        reason = f"training is within the {costs.training_boundary}, inference within the {costs.inference_boundary}"
    else:
        tuned = costs.finetuning_energy or scaled(costs.training_energy, 0.0)
        inputs = {"training_energy_j": costs.training_energy, "finetuning_energy_j": tuned}
        figure, reason = _computed(known.break_even_count, {**inputs, "energy_j_per_inference": costs.inference_energy})
    return Efficiency(
        key="break_even_inferences",
        label="Inferences that equal the training",
        numerator="training energy" + (" and fine-tuning energy" if costs.finetuning_energy else ""),
        denominator="energy of an inference",
        stage="training and inference",
        boundary=costs.inference_boundary,
        formula=known.break_even_count,
        greater_is_better=False,
        figure=figure,
        note="more inferences mean that training weighs more",
        reason=reason,
    )


def _absences(costs: Costs, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        figure, reason = _field(costs, name)
        if figure is None:
            yield reason


def _incremental(cheaper: Entry, dearer: Entry) -> Efficiency:
    (more, reason), (less, other_reason) = _points(dearer), _points(cheaper)
    figure: Figure | None = None
    if more and less and dearer.energy and cheaper.energy:
        inputs = {"accuracy_pp": more, "reference_accuracy_pp": less}
        energies = {"energy_j": dearer.energy, "reference_energy_j": cheaper.energy}
        tie = dearer.energy.low <= cheaper.energy.high
        figure, reason = (
            (None, "their energies tie") if tie else _computed(known.accuracy_pp_per_kwh, inputs | energies)
        )
    return Efficiency(
        key=f"incremental:{cheaper.name}:{dearer.name}",
        label=f"From {cheaper.name} to {dearer.name}",
        numerator=f"{cheaper.metric} gained",
        denominator="further energy of an inference",
        stage=INFERENCE,
        boundary="device",
        formula=known.accuracy_pp_per_kwh,
        greater_is_better=True,
        figure=figure,
        note="along the front: quality per incremental joule",
        reason="" if figure else reason or other_reason,
    )


def _points(one: Entry) -> tuple[Figure | None, str]:
    return quality_points(Costs(metric=one.metric, quality=one.quality, greater_is_better=one.greater_is_better))
