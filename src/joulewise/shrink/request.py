"""What a shrink is asked for, and how its rows are dealt: calibration, screening and proof never share a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from joulewise.compare import Rows, rows_needed
from joulewise.compare.floors import Floor
from joulewise.core.errors import DataError, OutOfRange

CALIBRATION_ROWS, SCREENING_ROWS = 256, 400
LEAST_ROWS = 60
_SHARE = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`floors` must hold at the bad end of their intervals. `batches`: the first one decides, all are measured.

    `threads` are tried in order; one thread nearly always costs least, more buy latency. `time_budget_s` is for the
    whole search, `memory_bytes` for each candidate. `transforms` and `runtimes` None: all that are installed.
    """

    floors: tuple[Floor, ...] = ()
    metric: str = ""
    batches: tuple[int, ...] = (1,)
    threads: tuple[int, ...] = (1,)
    time_budget_s: float = 600.0
    memory_bytes: int | None = None
    transforms: tuple[str, ...] | None = None
    runtimes: tuple[str, ...] | None = None
    finalists: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.batches or min(self.batches) < 1 or not self.threads or min(self.threads) < 1:
            raise OutOfRange("want batches and threads of at least 1")
        if not 1 <= self.time_budget_s < 1e7 or self.finalists < 1:
            raise OutOfRange("want a time budget of at least a second, and one finalist")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealt:
    """The rows of each purpose."""

    calibration: Rows
    screening: Rows
    proof: Rows


def deal(rows: Rows, seed: int, *, calibration: Rows | None = None, wanted: int = 0) -> Dealt:
    """Deal evaluation rows out. With rows given to calibrate on, all of these judge; some screen, the rest prove.

    `wanted` rows go to the proof where that leaves enough for the rest. Raises DataError for rows that both calibrate
    and judge, or for fewer than 20.
    """
    if len(rows) < 20:
        raise DataError(f"{len(rows)} rows can't calibrate, screen and prove", hint="give some hundred evaluation rows")
    screening = min(_SHARE, SCREENING_ROWS / len(rows))
    spare = 1 - (wanted + 2) / len(rows)
    if calibration is not None:
        _refuse_overlap(calibration, rows)
        screening = _thrifty(screening, spare, len(rows))
        first, second = rows.split((screening, 1 - screening), seed)
        some = calibration if len(calibration) <= CALIBRATION_ROWS else calibration.take(range(CALIBRATION_ROWS))
        return Dealt(calibration=some, screening=first, proof=second)
    held = min(_SHARE, CALIBRATION_ROWS / len(rows))
    held, screening = (_thrifty(share, spare * share / (held + screening), len(rows)) for share in (held, screening))
    parts = rows.split((held, screening, 1 - held - screening), seed)
    return Dealt(calibration=parts[0], screening=parts[1], proof=parts[2])


def _thrifty(share: float, spare: float, rows: int) -> float:
    """The share, or less where that is all that the proof can spare, but no fewer than LEAST_ROWS."""
    return spare if share > spare and spare * rows >= LEAST_ROWS else share


def proof_rows_wanted(floors: Sequence[Floor]) -> int:
    """How many rows prove the floors for a model that answers like the original: fewer can't, whatever it answers."""
    margins = [abs(one.value) for one in floors if one.relative == "points" and one.value]
    return max((rows_needed(0.0, margin, 0.0) for margin in margins), default=0)


def _refuse_overlap(calibration: Rows, rows: Rows) -> None:
    from joulewise.compare.rows import overlap

    if set(calibration.columns) != set(rows.columns):
        raise DataError(
            f"training rows have columns {', '.join(calibration.columns[:8])}, evaluation rows "
            f"{', '.join(rows.columns[:8])}",
            hint="the same features in both",
        )
    shared = overlap(calibration, rows)
    if len(shared):
        raise DataError(
            f"{len(shared)} evaluation rows are among the training rows too, the first is row {int(shared[0]) + 1}",
            hint="judge on rows that the model has not seen",
        )


def save(dealt: Dealt, folder: Path, training: Rows | None) -> dict[str, Path]:
    """The parts as .npz files by name, for the processes that use them."""
    folder.mkdir(parents=True, exist_ok=True)
    parts: dict[str, Rows] = {"calibration": dealt.calibration, "screening": dealt.screening, "proof": dealt.proof}
    if training is not None:
        parts["training"] = training
    return {name: part.save_npz(folder / f"{name}.npz") for name, part in parts.items()}


def quality_floors(floors: Sequence[Floor]) -> tuple[Floor, ...]:
    """Those that are about quality."""
    return tuple(one for one in floors if not one.quantity)
