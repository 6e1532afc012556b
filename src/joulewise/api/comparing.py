"""`joulewise.compare_runs`: the leaderboard over what is filed. What was measured differently is never ranked together:
other data, machine, boundary, metric or functional unit stand on boards of their own, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from joulewise import api, compare
from joulewise.api.bench_efficiency import trained_by
from joulewise.api.bench_records import quality_names
from joulewise.api.bench_results import Compared
from joulewise.api.boards import Asked, boards_of, energy_notices
from joulewise.api.compare_checks import check_baseline, check_condition, check_metric, listed, load_of
from joulewise.api.run_variants import run_variant
from joulewise.compare.observing import Condition
from joulewise.core.errors import DataError, NotFound, UsageError
from joulewise.core.variants import Comparison, Dataset, Model, Saving, Variant
from joulewise.report.energy_rows import find_energy

if TYPE_CHECKING:
    from joulewise.core.records import Bundle
    from joulewise.core.settings import Settings
    from joulewise.ledger import Ledger

MOST_RUNS = 500
_MANY = ("models", "tags", "floors")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareRequest:
    """Which runs and models, and how they are judged. Nothing named: the latest run that compared models.

    `runs` are ids, names or "latest"; `models` parts of names of models or variants; `tags` KEY=VALUE, any of which a
    run has. `metric` "" takes the first that the variants have; `batch`, `threads` and `load` pick a condition.
    """

    runs: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    metric: str = ""
    batch: int | None = None
    threads: int | None = None
    load: str = ""
    floors: tuple[str, ...] = ()
    baseline: str = ""
    training: Mapping[str, str] | None = None

    def condition(self) -> Condition | None:
        """The condition that was asked for; None for those that were seen."""
        if self.batch is None and self.threads is None and not self.load:
            return None
        return Condition(batch=self.batch or 1, threads=self.threads, load=load_of(self.load))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """A variant with all that must be alike before two are ranked together."""

    variant: Variant
    model: Model | None
    metric: str
    greater_is_better: bool
    unit: str
    data: str
    data_name: str
    host: str
    boundary: str
    run: Bundle
    savings: tuple[Saving, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        return (self.metric, self.unit, self.data, self.host, self.boundary)


def compare_runs(*runs: str, settings: Settings | None = None, **wanted: Any) -> Compared:
    """Rank what is filed: variants that were benched, and training runs that logged their quality.

    joulewise.compare_runs("latest"), joulewise.compare_runs(models=["net"], floors=["accuracy>=0.95"])

    Args:
        runs: Ids, names, or "latest".
        settings: Those in force unless given.
        wanted: Fields of CompareRequest: models, tags, metric, batch, threads, load, floors, baseline, training.
    Raises: NotFound where nothing fits, UsageError for what can't be read.
    """
    known = [name for name in CompareRequest.__dataclass_fields__ if name != "runs"]
    strange = set(wanted) - set(known)
    if strange:
        raise UsageError(f"compare_runs knows no {min(strange)!r}", hint=f"runs come first, then {', '.join(known)}")
    fields: dict[str, Any] = {key: _several(value) if key in _MANY else value for key, value in wanted.items()}
    request = CompareRequest(runs=runs, **fields)
    settings = settings or api.load_settings()
    with api.current_ledger(settings) as ledger:
        items = list(_items(request, ledger))
        if not items:
            raise NotFound(
                "nothing to compare: no variant, and no run with a logged quality, fits", hint=_cure(request, ledger)
            )
    _check([one.variant for one in items], request)
    return _compared(items, request, settings)


_CURE = "joulewise bench MODEL --data eval.npz files variants; session.log(accuracy=...) files a run's quality"


def _cure(request: CompareRequest, ledger: Ledger) -> str:
    """The models that there are, where others were named; else how to begin."""
    names = dict.fromkeys(ledger.model(one.model_id).name for one in ledger.variants()) if request.models else {}
    return listed(request.models[0], names) if names else _CURE


def _check(variants: Sequence[Variant], request: CompareRequest) -> None:
    """Whatever nobody measured is said at once: a board without it would look like a result."""
    check_metric(variants, request.metric)
    check_baseline(variants, request.baseline)
    wanted = request.condition()
    if wanted:
        check_condition(variants, wanted)


def _several(value: Any) -> tuple[Any, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _items(request: CompareRequest, ledger: Ledger) -> Iterator[_Item]:
    """Everything that was asked for, variants first, in the order of filing."""
    for run_id in _run_ids(request, ledger):
        bundle = ledger.bundle(run_id)
        found = ledger.compared(run_id)
        holding = ledger.variants(run_id=run_id)
        if not holding:
            yield from _of_run(bundle, request)
            continue
        for variant in holding:
            model = next((one for one in found.models if one.id == variant.model_id), None)
            if not request.models or _named(request.models, variant, model):
                yield _of_variant(variant, model, found, bundle, request)


def _run_ids(request: CompareRequest, ledger: Ledger) -> list[str]:
    """The runs that were named, those of the tags, or else those of every variant, or of the newest alone."""
    from joulewise.ledger import RunQuery

    found = [ledger.resolve(run) for run in request.runs]
    for tag in request.tags:
        rows = ledger.runs(RunQuery(tag=tag, descending=False, limit=MOST_RUNS, count=False)).rows
        if not rows:
            raise NotFound(f"no run has the tag {tag!r}", hint="joulewise runs --tag KEY=VALUE")
        found += [row.id for row in rows]
    if not found:
        benched = [one.run_id for one in ledger.variants()]
        found = benched if request.models else benched[-1:]
    return list(dict.fromkeys(found))


def _named(parts: Iterable[str], variant: Variant, model: Model | None) -> bool:
    names = [variant.name.casefold(), model.name.casefold() if model else "", variant.model_id.casefold()]
    return any(part.casefold() in name for part in parts for name in names)


def _of_variant(
    variant: Variant, model: Model | None, found: Comparison, bundle: Bundle, request: CompareRequest
) -> _Item:
    savings = tuple(one for one in found.savings if variant.id in (one.baseline_id, one.new_id))
    metric = _metric(variant, found, request)
    energy = find_energy(bundle, "with_idle_share")
    boundary = savings[0].boundary if savings else energy.boundary if energy else "device"
    data = next((one for one in found.datasets if one.id == variant.dataset_id), None)
    return _Item(
        variant=variant,
        model=model,
        metric=metric,
        greater_is_better=_better(metric, savings),
        unit="inference",
        data=data.sha256 if data else "",
        data_name=_data_name(data),
        host=bundle.host.name if bundle.host else "unknown machine",
        boundary=boundary,
        run=bundle,
        savings=savings,
    )


def _metric(variant: Variant, found: Comparison, request: CompareRequest) -> str:
    """The metric that was asked for; else that of the run's savings, the variant's first, or of its neighbours."""
    if request.metric:
        return request.metric
    own = quality_names(variant.observations)
    named = [one.metric for one in found.savings] + own
    return (named + [name for one in found.variants for name in quality_names(one.observations)] + ["quality"])[0]


def _better(metric: str, savings: Sequence[Saving]) -> bool:
    """Whether more is better. The savings remember it, for metrics of the user's that are not here any more."""
    told = [one.details["greater_is_better"] for one in savings if "greater_is_better" in one.details]
    if told:
        return bool(told[0])
    try:
        return compare.metric_of(metric).greater_is_better
    except DataError:  # a name that nobody knows, logged by a training run: a loss or an error is better when small
        return not any(word in metric.casefold() for word in ("loss", "error", "perplexity"))


def _data_name(data: Dataset | None) -> str:
    return (
        f"Models on {data.name}, {data.rows:,} row{'s' if data.rows != 1 else ''}" if data else "Models, data unknown"
    )


def _of_run(bundle: Bundle, request: CompareRequest) -> Iterator[_Item]:
    """A training run as a line of its own: the quality that it logged last, energy per unit or for the whole run."""
    made = run_variant(bundle, request.metric)
    if made is None:
        return
    energy = find_energy(bundle, "with_idle_share")
    yield _Item(
        variant=made.variant,
        model=None,
        metric=made.metric,
        greater_is_better=_better(made.metric, ()),
        unit=made.unit,
        data="",
        data_name="Training runs",
        host=bundle.host.name if bundle.host else "unknown machine",
        boundary=energy.boundary if energy else "device",
        run=bundle,
    )


def _compared(items: Sequence[_Item], request: CompareRequest, settings: Settings) -> Compared:
    groups: dict[tuple[str, ...], list[_Item]] = {}
    for one in items:
        groups.setdefault(one.key, []).append(one)
    ordered = sorted(groups.values(), key=len, reverse=True)
    told = _apart(ordered)
    made = [_group(group, request, settings, told if at == 0 else ()) for at, group in enumerate(ordered)]
    return replace(made[0], groups=tuple(made[1:]), notices=(*made[0].notices, *told))


def _group(items: Sequence[_Item], request: CompareRequest, settings: Settings, told: Sequence[str]) -> Compared:
    first = items[0]
    variants = tuple(one.variant for one in items)
    savings = tuple({saving.id: saving for one in items for saving in one.savings}.values())
    models = {one.model.id: one.model for one in items if one.model}
    notices = (*_several_runs(items), *energy_notices(variants), *_remarks(items, variants))
    asked = Asked(
        metric=first.metric,
        greater_is_better=first.greater_is_better,
        floors=tuple(compare.floor_of(text) for text in request.floors),
        baseline_id=_baseline(variants, savings, request.baseline),
        title=f"{first.data_name}, machine {first.host}",
        boundary=first.boundary,
        unit=first.unit,
        notices=(*told, *notices),
    )
    own = request.condition()
    return Compared(
        boards=boards_of(variants, models, savings, asked, [own] if own else []),
        comparison=Comparison(
            run_id=first.run.run.id, models=tuple(models.values()), variants=variants, savings=savings
        ),
        notices=notices,
        training=trained_by(request.training or {}, settings),
    )


def _several_runs(items: Sequence[_Item]) -> list[str]:
    runs = {one.run.run.id for one in items}
    return ["They come from several runs, so that ratios between these are not paired."] if len(runs) > 1 else []


def _remarks(items: Sequence[_Item], variants: Sequence[Variant]) -> list[str]:
    """What the runs remarked about one of these models; what else went on in them is not the board's."""
    names = {one.name for one in variants}
    warnings = (warning for one in items for warning in one.run.run.warnings)
    return list(dict.fromkeys(one for one in warnings if names & set(one.partition(": ")[0].split(", "))))


def _baseline(variants: Sequence[Variant], savings: Sequence[Saving], wanted: str) -> str:
    """The one that was asked for; else the one that the savings share. "" where there is none or no other."""
    if wanted:
        found = [one for one in variants if wanted in (one.name, one.id)] or [
            one for one in variants if one.name.startswith(wanted)
        ]
        if not found:
            return ""
        return found[-1].id
    known = {one.id for one in variants}
    return next((one.baseline_id for one in reversed(savings) if one.baseline_id in known), "")


def _apart(groups: Sequence[Sequence[_Item]]) -> tuple[str, ...]:
    """What keeps the groups apart, in words."""
    if len(groups) < 2:
        return ()
    names = ("metric", "unit", "data", "machine", "boundary")
    keys = [group[0].key for group in groups]
    differ = ", ".join(name for at, name in enumerate(names) if len({key[at] for key in keys}) > 1)
    return (f"{len(groups)} groups stand apart, since {differ} differ: figures of one don't compare with another's.",)
