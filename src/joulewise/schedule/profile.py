"""How much power a job takes, and how long: from a past run of the ledger, or from figures that the user gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, floor, inf, isfinite

from joulewise.core.errors import OutOfRange, UndefinedFigure, UsageError
from joulewise.core.records import Bundle, Measurement
from joulewise.core.units import MOST_DURATION_S, MOST_ENERGY_J, MOST_POWER_W

MOST_STRETCHES = 48
"""A profile of more parts would not change a plan."""
OURS = "mine_w"
"""The column of a trace that holds our share of the power."""

Stretches = tuple[tuple[float, float], ...]
Trace = Mapping[str, Sequence[float | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """`stretches` are (duration_s, power_w) in order, `name` is that of the run they are from, "" if they were given.

    `pue_included` is true if the power was metered with PUE in it. `low_ratio` and `high_ratio` are the meter's 95 %
    bounds over its value: all of the course may be off by as much.
    """

    stretches: Stretches
    name: str = ""
    run_id: str | None = None
    pue_included: bool = False
    low_ratio: float = 1.0
    high_ratio: float = 1.0

    @property
    def duration_s(self) -> float:
        """Seconds in all."""
        return sum(seconds for seconds, _ in self.stretches)

    @property
    def energy_j(self) -> float:
        """Joules in all."""
        return sum(seconds * power_w for seconds, power_w in self.stretches)

    def lasting(self, duration_s: float) -> Profile:
        """The same course of power over another time: a longer job of the same kind uses more energy."""
        _require("duration", duration_s)
        ratio = duration_s / self.duration_s
        stretches = tuple((seconds * ratio, power_w) for seconds, power_w in self.stretches)
        return replace(self, stretches=stretches)


def given(*, duration_s: float | None, energy_j: float | None, power_w: float | None) -> Profile:
    """A steady profile from two of duration, energy and power (or all three, if they agree).

    Raises UsageError if less is given or they contradict each other, OutOfRange for what is not finite and positive.
    """
    for what, number in (("duration", duration_s), ("energy", energy_j), ("power", power_w)):
        if number is not None:
            _require(what, number)
    if duration_s is None and energy_j is not None and power_w is not None:
        duration_s = energy_j / power_w
    if duration_s is None:
        raise UsageError("how long does the job take?", hint="--duration 6h, or the name of a past run")
    if power_w is None:
        if energy_j is None:
            raise UsageError("how much power does the job take?", hint="--power 250W, --energy 5kWh, or a past run")
        power_w = energy_j / duration_s
    if energy_j is not None and abs(energy_j - power_w * duration_s) > 0.01 * energy_j:
        raise UsageError("duration, energy and power contradict each other", hint="give two of them")
    return Profile(stretches=((duration_s, power_w),))


def corrected(profile: Profile, *, duration_s: float | None, energy_j: float | None, power_w: float | None) -> Profile:
    """A past run's profile with what the user knows better: another duration, energy or mean power.

    Raises UsageError if all three are given, OutOfRange for what is not finite and positive.
    """
    if duration_s is not None:
        profile = profile.lasting(duration_s)
    if energy_j is not None and power_w is not None:
        raise UsageError("energy and power of a past run are both given", hint="give one of them")
    if energy_j is None and power_w is None:
        return profile
    if power_w is not None:
        _require("power", power_w)
        energy_j = power_w * profile.duration_s
    wanted_j = energy_j or 0.0
    _require("energy", wanted_j)
    ratio = wanted_j / profile.energy_j
    stretches = tuple((seconds, each_w * ratio) for seconds, each_w in profile.stretches)
    return replace(profile, stretches=stretches, low_ratio=1.0, high_ratio=1.0)  # what the user says is taken as it is


def assumed(what: str, text: str) -> str:
    """The notice of a plan that a "duration" or "power" was nobody's word: "assumed power: 100 W, since ..."."""
    return f"assumed {what}: {text}"


def assumed_in(notices: Sequence[str]) -> list[str]:
    """What was assumed, of a plan's notices: "duration", "power"."""
    return [what for what in _EXAMPLES if any(notice.startswith(assumed(what, "")) for notice in notices)]


def of_run(bundle: Bundle, trace: Trace | None = None) -> Profile:
    """The profile of a filed run: its energy, spread as its power trace says where there is one.

    Raises UndefinedFigure for a run without energy.
    """
    energy = energy_of(bundle)
    run = bundle.run
    if energy is None or not energy.figure.value > 0 or not run.duration_s > 0:
        raise UndefinedFigure(f"run {run.id} has no measured energy", hint="--power 250W, or another run")
    mean_w = energy.figure.value / run.duration_s
    stretches = _from_trace(trace or {}, run.duration_s, energy.figure.value) or ((run.duration_s, mean_w),)
    included = energy.pue_included or energy.boundary == "facility"
    return Profile(
        stretches=stretches,
        name=run.name or run.id,
        run_id=run.id,
        pue_included=included,
        low_ratio=energy.figure.low / energy.figure.value,
        high_ratio=energy.figure.high / energy.figure.value,
    )


def energy_of(bundle: Bundle) -> Measurement | None:
    """The run's whole energy, with its share of the idle power where that is known."""
    totals = [
        one
        for one in bundle.measurements
        if (one.quantity, one.component, one.phase_id) == ("energy_j", "total", None)
        and one.attribution in ("with_idle_share", None)
    ]
    return next(iter(totals), None)


def quantile_s(durations_s: Sequence[float], share: float) -> float:
    """The duration that a `share` of the past runs did not exceed, linear between runs.

    Source: Hyndman and Fan 1996, definition 7. Raises OutOfRange, UndefinedFigure for no runs.
    """
    if not 0 < share < 1:
        raise OutOfRange(f"want a quantile between 0 and 1, got {share}", hint="--quantile 0.9")
    if not durations_s:
        raise UndefinedFigure("no past run has finished", hint="--duration 6h")
    ordered = sorted(durations_s)
    place = share * (len(ordered) - 1)
    low, high = ordered[floor(place)], ordered[ceil(place)]
    return low + (high - low) * (place - floor(place))


def _from_trace(trace: Trace, duration_s: float, energy_j: float) -> Stretches:
    """Our power by equal parts of the run, scaled to its energy; () if the trace has no course of it."""
    known = [
        (float(moment), float(power_w))
        for moment, power_w in zip(trace.get("t_s", ()), trace.get(OURS, ()), strict=False)
        if moment is not None and power_w is not None and isfinite(power_w) and power_w >= 0
    ]
    if len(known) < 3:
        return ()
    parts = min(MOST_STRETCHES, len(known) // 2)
    part_s = duration_s / parts
    means = [_mean_w(known, index * part_s, (index + 1) * part_s) for index in range(parts)]
    total = sum(means) * part_s
    return tuple((part_s, mean_w * energy_j / total) for mean_w in means) if total > 0 else ()


def _mean_w(known: Sequence[tuple[float, float]], first_s: float, last_s: float) -> float:
    """Mean power in [first_s, last_s); a row of a trace holds the mean of the time up to it."""
    covered_s = energy_j = 0.0
    for (before_s, _), (after_s, power_w) in pairwise([(0.0, 0.0), *known]):
        overlap_s = min(after_s, last_s) - max(before_s, first_s)
        if overlap_s > 0:
            covered_s += overlap_s
            energy_j += overlap_s * power_w
    return energy_j / covered_s if covered_s > 0 else known[-1][1]


_EXAMPLES = {"duration": ("a", "s", "6h"), "energy": ("an", "J", "5kWh"), "power": ("a", "W", "250W")}


_MOST = {"power": MOST_POWER_W, "duration": MOST_DURATION_S, "energy": MOST_ENERGY_J}


def _require(what: str, number: float) -> None:
    if _MOST[what] < number < inf:
        _, unit, example = _EXAMPLES[what]
        raise OutOfRange(
            f"want a {what} of at most {_MOST[what]:.3g} {unit}, got {number:g}", hint=f"--{what} {example}"
        )
    if not 0 < number < inf:
        article, unit, example = _EXAMPLES[what]
        told = f"want {article} {what} that is finite and above zero, got {number:g} {unit}"
        raise OutOfRange(told, hint=f"--{what} {example}")
