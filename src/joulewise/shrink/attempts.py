"""Which runs worked at a search: one that was killed took energy, too, and what it made is taken over by the next."""

from __future__ import annotations

from pathlib import Path

_FILE = "attempts.txt"


def earlier_attempts(folder: Path, run_id: str) -> tuple[str, ...]:
    """The runs that worked here before and did not come to an end; this one is written down behind them."""
    path = folder / _FILE
    earlier = tuple(dict.fromkeys(path.read_text().split())) if path.exists() else ()
    if run_id:
        with path.open("a") as file:
            file.write(f"{run_id}\n")
    return tuple(one for one in earlier if one != run_id)


def settle(folder: Path) -> None:
    """The search has come to its end, and all that it took is told: whoever takes over from here pays for himself."""
    (folder / _FILE).unlink(missing_ok=True)
