"""Find the figure that somebody asks to have explained: RUN:emissions_g, RUN:energy_j.gpu, RUN:phase.train."""

from __future__ import annotations

from difflib import get_close_matches

from joulewise.core.errors import NotFound, UsageError
from joulewise.report.view import Row, RunView


def split_reference(text: str) -> tuple[str, str]:
    """ "latest:emissions_g" is ("latest", "emissions_g"). Raises UsageError if either half is missing."""
    run, colon, name = text.rpartition(":")
    if not (run and colon and name):
        raise UsageError(f"{text!r} names no figure", hint=f"joulewise explain {text.strip(':') or 'last'}:emissions")
    return run, name


def find_rows(view: RunView, name: str) -> list[Row]:
    """The figures that the name fits: the whole key, else its start, else its parts.

    "emissions" finds emissions_g.location, "energy_j.gpu" finds energy_j.with_idle_share.gpu.
    Raises NotFound with the names that there are.
    """
    rows = list({row.key: row for row in view.rows()}.values())
    for fits in (_whole, _starts, _parts):
        found = [row for row in rows if fits(row.key, name)]
        if found:
            return found
    keys = [row.key for row in rows]
    close = get_close_matches(name, keys, n=4, cutoff=0.4) or keys[:6]
    raise NotFound(f"no figure {name!r} in run {view.run_id}", hint=f"one of {', '.join(close)}")


def _whole(key: str, name: str) -> bool:
    return key == name


def _starts(key: str, name: str) -> bool:
    return key.startswith((f"{name}.", f"{name}_"))


def _parts(key: str, name: str) -> bool:
    parts = key.split(".")
    return all(any(part == wanted or part.startswith(f"{wanted}_") for part in parts) for wanted in name.split("."))
