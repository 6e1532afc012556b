"""How rows are dealt: calibration, screening and proof never share one; the proof gets as many as its floor takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from statistics import NormalDist

import numpy as np

from joulewise.compare import Metric, Rows, rows_needed
from joulewise.compare.floors import Floor
from joulewise.compare.rows import overlap
from joulewise.core.errors import DataError

CALIBRATION_ROWS, SCREENING_ROWS = 256, 400
LEAST_ROWS = 60
SHARED_AT_MOST = 0.05
"""So many evaluation rows may be among the training rows by chance: they are left out, and told."""
_SHARE = 0.15
_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealt:
    """The rows of each purpose; `notes` for people."""

    calibration: Rows
    screening: Rows
    proof: Rows
    notes: tuple[str, ...] = ()


def deal(rows: Rows, seed: int, *, calibration: Rows | None = None, wanted: int = 0) -> Dealt:
    """Deal evaluation rows out. With rows given to calibrate on, all of these judge; some screen, the rest prove.

    `wanted` rows go to the proof where that leaves enough for the rest. Raises DataError for rows that both calibrate
    and judge, or for fewer than 20.
    """
    if len(rows) < 20:
        raise DataError(f"{len(rows)} rows can't calibrate, screen and prove", hint="give some hundred evaluation rows")
    if calibration is None:
        held, screening = _shares(len(rows), wanted, calibrated=False)
        parts = rows.split((held, screening, 1 - held - screening), seed)
        return Dealt(calibration=parts[0], screening=parts[1], proof=parts[2])
    rows, notes = _unseen(calibration, rows)
    _, screening = _shares(len(rows), wanted, calibrated=True)
    first, second = rows.split((screening, 1 - screening), seed)
    return Dealt(calibration=_some(calibration, seed), screening=first, proof=second, notes=notes)


def _shares(rows: int, wanted: int, *, calibrated: bool) -> tuple[float, float]:
    """The shares that calibrate and screen; less than usual where the proof wants more, but never under LEAST_ROWS."""
    held = 0.0 if calibrated else min(_SHARE, CALIBRATION_ROWS / rows)
    screening = min(_SHARE, SCREENING_ROWS / rows)
    spare = 1 - (wanted + 2) / rows
    both = held + screening
    if both <= spare:
        return held, screening
    thrifty = [share * spare / both for share in (held, screening)]
    if any(share > 0 and less * rows < LEAST_ROWS for share, less in zip((held, screening), thrifty, strict=True)):
        return held, screening
    return thrifty[0], thrifty[1]


def _some(calibration: Rows, seed: int) -> Rows:
    """Some of the training rows, of every class: files are often sorted by it."""
    if len(calibration) <= CALIBRATION_ROWS:
        return calibration
    return calibration.split((CALIBRATION_ROWS / len(calibration),), seed)[0]


def _unseen(calibration: Rows, rows: Rows) -> tuple[Rows, tuple[str, ...]]:
    """The evaluation rows that the model can't have learnt by heart."""
    if set(calibration.columns) != set(rows.columns):
        raise DataError(
            f"training rows have columns {', '.join(calibration.columns[:8])}, evaluation rows "
            f"{', '.join(rows.columns[:8])}",
            hint="the same features in both",
        )
    shared = overlap(calibration, rows)
    if len(shared) > SHARED_AT_MOST * len(rows):
        raise DataError(
            f"{len(shared)} of {len(rows)} evaluation rows are among the training rows too, the first is row "
            f"{int(shared[0]) + 1}",
            hint="judge on rows that the model has not seen",
        )
    if not len(shared):
        return rows, ()
    note = f"{len(shared)} of {len(rows)} evaluation rows are among the training rows too: they are left out"
    return rows.take(np.setdiff1d(np.arange(len(rows)), shared)), (note,)


def proof_rows_wanted(floors: Sequence[Floor], metric: Metric | None) -> int:
    """How many rows prove the floors for a model that answers like the original: fewer can't, whatever it answers.

    Known beforehand for right and wrong only; 0 for other metrics, whose spread shows in the answers.
    """
    if metric is None or metric.scale != "rows":
        return 0
    return max((_wanted(one) for one in floors if not one.quantity), default=0)


def _wanted(floor: Floor) -> int:
    if floor.relative == "points":
        return rows_needed(0.0, abs(floor.value), 0.0) if floor.value < 0 else 0
    if floor.relative or not 0 < floor.value < 1:
        return 0
    return ceil(floor.value * _Z**2 / (1 - floor.value))  # Wilson's lower end if every single answer is right


def refuse_too_few(
    dealt: Dealt, rows: int, floors: Sequence[Floor], metric: Metric | None, *, calibrated: bool
) -> None:
    """Raise DataError, with the number that would do, where the rows can't prove a floor whatever the search finds."""
    have = len(dealt.proof)
    short = [one for one in floors if not one.quantity and proof_rows_wanted([one], metric) > have]
    if not short:
        return
    wanted = proof_rows_wanted(short, metric)
    floor = max(short, key=lambda one: proof_rows_wanted([one], metric))
    points = ceil(1000 * _Z**2 / (have + _Z**2)) / 10
    wider = f"{floor.metric}>=-{points:g}pt" if floor.relative else "a wider floor"
    raise DataError(
        f"{rows} rows are too few to prove {floor.text}: beside those that calibrate and screen {have} are left, and "
        f"it takes {wanted} even if no answer changes",
        hint=f"give about {rows_for(wanted, calibrated=calibrated)} rows, or --floor '{wider}'",
    )


def rows_for(wanted: int, *, calibrated: bool) -> int:
    """How many evaluation rows leave so many to the proof, some more for what is repeated."""
    rows = max(wanted + 2, 20)
    while (1 - sum(_shares(rows, wanted, calibrated=calibrated))) * rows < wanted + 1:
        rows += 1
    return ceil(rows * 1.01 / 10) * 10


def save(dealt: Dealt, folder: Path, training: Rows | None, columns: Sequence[str] = ()) -> dict[str, Path]:
    """The parts as .npz files by name, for the processes that use them; `columns` are the model's, in its order."""
    folder.mkdir(parents=True, exist_ok=True)
    parts: dict[str, Rows] = {"calibration": dealt.calibration, "screening": dealt.screening, "proof": dealt.proof}
    if training is not None:
        parts["training"] = training
    return {name: part.arranged(columns).save_npz(folder / f"{name}.npz") for name, part in parts.items()}
