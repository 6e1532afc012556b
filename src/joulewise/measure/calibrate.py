"""Wall power from the sum of the counters: wall = a x sum + b, fitted against an external meter, kept per machine.

Counters are precise, yet they are not the wall: fans, disks, boards and the losses of the supply are missing. Two
numbers bring them to a few percent. Sources: Draper & Smith, "Applied Regression Analysis", ch. 1 (intervals); Sen 1968
(robust first slope); Abramowitz & Stegun 26.7.5 (t quantile); Bartlett 1935 (effective number of correlated points).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from itertools import pairwise
from math import inf, sqrt
from statistics import NormalDist, fmean, median

from joulewise.core.channels import Finding
from joulewise.core.errors import OutOfRange, UndefinedFigure, UsageError
from joulewise.core.figures import MODELLED, Figure
from joulewise.measure.facts import calibration_path
from joulewise.measure.meters.sysfs import label, text_of

LEAST_POINTS = 8
LEAST_SPREAD = 0.15
MOST_OUTLIERS = 0.25
MOST_RESIDUAL = 0.2  # 3 to 4 % is usual
_ROUNDS = 5
_FAR = 4.0  # robust standard deviations
_PAIRED = 250  # points that the robust first slope looks at
_SPREAD_HINT = "record idle, half and full load, a minute each"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """wall_w = slope x sum_w + offset_w, with 95 % intervals and what a prediction needs.

    `residual_ratio` is the median of |wall - fitted| / wall. `points` went into the fit, `outliers` did not.
    """

    slope: float
    slope_low: float
    slope_high: float
    offset_w: float
    offset_low_w: float
    offset_high_w: float
    residual_ratio: float
    residual_w: float
    points: int
    effective_points: float
    outliers: int
    mean_w: float
    spread_w2: float
    lowest_w: float
    highest_w: float
    meter: str = ""
    made_at: str = ""

    def covers(self, sum_w: float) -> bool:
        """True within the powers that the fit has seen, and a tenth beyond."""
        return 0.9 * self.lowest_w <= sum_w <= 1.1 * self.highest_w


def fit(
    sum_w: Sequence[float], wall_w: Sequence[float], *, meter: str = "", made_at: datetime | None = None
) -> Calibration:
    """Least squares on what a robust line leaves of the points.

    Args:
        sum_w, wall_w: Mean power of the components and at the wall over the same windows, watts, >= 0.
        meter: What measured the wall.
    Raises: OutOfRange for lists of unequal length or values that are no powers; UndefinedFigure for fewer than 8
        points, too little spread of load, too many outliers, or a slope that is not positive.
    """
    points = _checked(sum_w, wall_w)
    kept = _without_outliers(points)
    if len(kept) < max(LEAST_POINTS, (1 - MOST_OUTLIERS) * len(points)):
        raise UndefinedFigure("too many points lie far off one line", hint="check that both series are of one machine")
    slope, offset_w = _line(kept)
    if slope <= 0:
        raise UndefinedFigure("the wall does not rise with the counters", hint="check the meter and the clocks")
    residuals_w = [wall - slope * total - offset_w for total, wall in kept]
    residual_ratio = median(abs(one) / wall for one, (_, wall) in zip(residuals_w, kept, strict=True) if wall > 0)
    if residual_ratio > MOST_RESIDUAL:
        raise UndefinedFigure(
            f"the points lie {residual_ratio:.0%} off their line", hint="check the meter and the clocks"
        )
    effective = _effective(residuals_w)
    mean_w = fmean(total for total, _ in kept)
    spread_w2 = sum((total - mean_w) ** 2 for total, _ in kept) * effective / len(kept)
    residual_w = sqrt(sum(one * one for one in residuals_w) / (len(kept) - 2))
    reach = t_quantile(effective - 2) * residual_w
    slope_reach, offset_reach = reach / sqrt(spread_w2), reach * sqrt(1 / effective + mean_w**2 / spread_w2)
    return Calibration(
        slope=slope,
        slope_low=slope - slope_reach,
        slope_high=slope + slope_reach,
        offset_w=offset_w,
        offset_low_w=offset_w - offset_reach,
        offset_high_w=offset_w + offset_reach,
        residual_ratio=residual_ratio,
        residual_w=residual_w,
        points=len(kept),
        effective_points=effective,
        outliers=len(points) - len(kept),
        mean_w=mean_w,
        spread_w2=spread_w2,
        lowest_w=min(total for total, _ in kept),
        highest_w=max(total for total, _ in kept),
        meter=meter,
        made_at=(made_at or datetime.now(UTC)).isoformat(timespec="seconds"),
    )


def apply(calibration: Calibration, energy: Figure, duration_s: float, *, meter_ratio: float = 0.02) -> Figure:
    """Energy at the wall of a window, joules: slope x energy + offset x time.

    The bounds are those of a single prediction at that mean power, plus what the external meter itself may be off
    (`meter_ratio`, 95 %). The counters' own steady errors are within the fit. Raises OutOfRange.
    """
    if not 0 < duration_s < inf or energy.unit != "J":
        raise OutOfRange(f"want joules over a time > 0 s, got {energy.unit} over {duration_s} s")
    sum_w = energy.value / duration_s
    value_j = calibration.slope * energy.value + calibration.offset_w * duration_s
    doubt = 1 + 1 / calibration.effective_points + (sum_w - calibration.mean_w) ** 2 / calibration.spread_w2
    reach_w = t_quantile(calibration.effective_points - 2) * calibration.residual_w * sqrt(doubt)
    reach_j = sqrt((reach_w * duration_s) ** 2 + (meter_ratio * value_j) ** 2)
    return Figure(
        value=value_j,
        low=max(0.0, value_j - reach_j),
        high=value_j + reach_j,
        unit="J",
        method=MODELLED,
        source=f"wall calibration of {calibration.made_at} on {energy.source}",
    )


def t_quantile(degrees: float) -> float:
    """The 97.5 % quantile of Student's t, within 1 % from 3 degrees of freedom on."""
    degrees = max(3.0, degrees)
    z = NormalDist().inv_cdf(0.975)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / degrees ** (power + 1) for power, term in enumerate(terms))


def _checked(sum_w: Sequence[float], wall_w: Sequence[float]) -> list[tuple[float, float]]:
    if len(sum_w) != len(wall_w):
        raise OutOfRange(f"want as many powers of both, got {len(sum_w)} and {len(wall_w)}")
    points = list(zip(sum_w, wall_w, strict=True))
    if not all(0 <= value < inf for point in points for value in point):
        raise OutOfRange("powers must be finite and not negative")
    if len(points) < LEAST_POINTS:
        raise UndefinedFigure(f"{len(points)} points are too few, want {LEAST_POINTS}", hint=_SPREAD_HINT)
    totals = sorted(total for total, _ in points)
    tenth = len(totals) // 10  # single points make no spread
    if totals[-1 - tenth] - totals[tenth] < LEAST_SPREAD * fmean(totals) or totals[-1] == 0:
        raise UndefinedFigure("the load hardly changes: no slope can be seen", hint=_SPREAD_HINT)
    return points


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Slope and offset by least squares."""
    mean_x, mean_y = fmean(x for x, _ in points), fmean(y for _, y in points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if spread == 0:
        raise UndefinedFigure("the load hardly changes: no slope can be seen", hint=_SPREAD_HINT)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    return slope, mean_y - slope * mean_x


def _robust_line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The median of the slopes between points, and the median offset."""
    some = points[:: -(-len(points) // _PAIRED)]
    slopes = [(y2 - y1) / (x2 - x1) for i, (x1, y1) in enumerate(some) for x2, y2 in some[:i] if x1 != x2]
    slope = median(slopes)
    return slope, median(y - slope * x for x, y in points)


def _without_outliers(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    slope, offset_w = _robust_line(points)
    kept = points
    for _ in range(_ROUNDS):
        residuals_w = [abs(y - slope * x - offset_w) for x, y in points]
        typical_w = 1.4826 * median(residuals_w)
        limit_w = max(_FAR * typical_w, 1e-3 * fmean(y for _, y in points))
        now = [point for point, residual_w in zip(points, residuals_w, strict=True) if residual_w <= limit_w]
        if len(now) < LEAST_POINTS or now == kept:
            return now
        kept = now
        slope, offset_w = _line(kept)
    return kept


def _effective(residuals_w: Sequence[float]) -> float:
    """How many independent points the residuals are worth: neighbours in time resemble each other."""
    power = sum(one * one for one in residuals_w)
    if power == 0:
        return float(len(residuals_w))
    lag = sum(a * b for a, b in pairwise(residuals_w)) / power
    lag = min(0.95, max(0.0, lag))
    return max(float(LEAST_POINTS) / 2 + 1, len(residuals_w) * (1 - lag) / (1 + lag))


def machine_name(root: str = "") -> str:
    """What names this machine in the state folder: its machine id."""
    return label(text_of(f"{root}/etc/machine-id"), "this-machine")


def store(calibration: Calibration, folder: str, machine: str) -> str:
    """Write the machine's calibration, replacing the one before; returns the path. Raises OSError."""
    path = calibration_path(folder, machine)
    os.makedirs(folder, exist_ok=True)
    scratch = f"{path}.{os.getpid()}"
    with open(scratch, "w", encoding="utf-8") as file:
        json.dump(asdict(calibration), file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(scratch, path)
    return path


def load(folder: str, machine: str) -> Calibration | None:
    """The machine's calibration; None if there is none. Raises UsageError for a file that is not one."""
    path = calibration_path(folder, machine)
    try:
        with open(path, encoding="utf-8") as file:
            return restored(file.read())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{path} is no calibration: {error}", hint=f"rm {path}; joulewise calibrate ...") from error


def restored(text: str) -> Calibration:
    """A calibration from its file's text, as a journal keeps it, too. Raises ValueError or TypeError."""
    found = json.loads(text)
    kinds = {field.name: str if field.name in ("meter", "made_at") else float for field in fields(Calibration)}
    if set(found) != set(kinds):
        raise ValueError("it has other fields")
    for name, kind in kinds.items():
        if isinstance(found[name], bool) or not isinstance(found[name], kind if kind is str else (int, float)):
            raise TypeError(f"{name} is of the wrong kind")
    return Calibration(**found)


def finding(folder: str, machine: str) -> Finding:
    """What the doctor says of the calibration."""
    try:
        found = load(folder, machine)
    except UsageError as error:
        return Finding(plugin="calibrate", state="broken", what="wall calibration", why=error.message, cure=error.hint)
    if found is None:
        why = "counters are not the wall: fans, disks and the supply's losses are missing"
        return Finding(
            plugin="calibrate", state="absent", what="wall calibration", why=why, cure="joulewise calibrate --help"
        )
    words = f"wall = {found.slope:.3g} x sum + {found.offset_w:.3g} W, of {found.made_at}"
    return Finding(
        plugin="calibrate",
        state="ready",
        what="wall calibration",
        why=words,
        quality=f"residual {found.residual_ratio:.1%}",
    )
