"""What was asked for and is not there, said with what is: metrics, baselines, conditions, names of models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from joulewise.api.bench_records import quality_names
from joulewise.api.boards import conditions_of
from joulewise.compare.observing import CPU_TIME, ENERGY, Condition, find
from joulewise.core.errors import NotFound
from joulewise.core.variants import SATURATED, Variant

_MOST = 12
"""Names that a hint lists."""


def load_of(text: str) -> str:
    """A load as it is filed: "20" is "20/s", "" is saturated."""
    try:
        return f"{float(text.strip()):g}/s"
    except ValueError:
        return text.strip() or SATURATED


def check_metric(variants: Iterable[Variant], metric: str) -> None:
    """Raises NotFound with the metrics that were judged by, where nobody was by this one."""
    seen = list(dict.fromkeys(name for one in variants for name in quality_names(one.observations)))
    if metric and metric not in seen:
        raise NotFound(f"nothing was judged by {metric!r}", hint=listed(metric, seen) or "joulewise bench --metric")


def check_baseline(variants: Iterable[Variant], wanted: str) -> None:
    """Raises NotFound with the names, where no variant is called so. The end of a name may be left out."""
    known = list(variants)
    if wanted and not any(wanted == one.id or one.name.startswith(wanted) for one in known):
        names = dict.fromkeys(one.name for one in known)
        raise NotFound(f"no variant {wanted!r} to compare with", hint=listed(wanted, names))


def check_condition(variants: Iterable[Variant], wanted: Condition) -> None:
    """Raises NotFound with the conditions that were seen, where nothing was measured under this one."""
    measured = [one for one in variants if any(seen.quantity in (ENERGY, CPU_TIME) for seen in one.observations)]
    if not measured or any(find(one.observations, name, wanted) for one in measured for name in (ENERGY, CPU_TIME)):
        return
    seen = [one.text() for one in conditions_of(measured)]
    threads = sorted({seen.threads for one in measured for seen in one.observations if seen.threads is not None})
    told = [*seen[:_MOST], *([f"threads {', '.join(map(str, threads))}"] if wanted.threads is not None else [])]
    raise NotFound(f"nothing was measured at {wanted.text()}", hint="; ".join(told))


def listed(wanted: str, known: Iterable[str]) -> str:
    """The names near to what was typed, with or without their suffix; or else the first of all."""
    names: Sequence[str] = list(known)
    folded = {text.casefold(): name for name in names for text in (name.rpartition(".")[0] or name, name)}
    near = dict.fromkeys(folded[one] for one in get_close_matches(wanted.casefold(), folded, n=3))
    return ", ".join(list(near) or names[:_MOST])
