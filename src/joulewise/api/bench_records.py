"""From what a bench measured to the ledger's rows: models, dataset, variants with observations, savings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from joulewise import compare
from joulewise.api.deploying import version_of
from joulewise.compare.blocks import by_condition
from joulewise.compare.observing import CPU_TIME, ENERGY, Condition
from joulewise.core.errors import JoulewiseError, UndefinedFigure
from joulewise.core.ulid import new_ulid
from joulewise.core.variants import Comparison, Model, Observation, Saving, Variant

if TYPE_CHECKING:
    from joulewise.api.bench_request import BenchRequest
    from joulewise.compare import Block, Change, Floor, Measured, Metric, Rows
    from joulewise.core.figures import Figure

_RATIOS = ((ENERGY, "energy_j"), (CPU_TIME, "cpu_s"))
"""Quantity of a saving and of the blocks: energy where it was read, else CPU time."""


def comparison_of(
    run_id: str, measured: Sequence[Measured], rows: Rows, request: BenchRequest, boundary: str
) -> Comparison:
    """All rows of a bench. The first of `measured` is the baseline of the savings."""
    dataset = rows.dataset()
    cards = [_card(one) for one in measured]
    judges = request.judges(rows)
    variants = [
        _variant(
            run_id, one, card, dataset.id, tuple(_more_quality(one, judges[1:], rows, (measured[0], request.seed)))
        )
        for one, card in zip(measured, cards, strict=True)
    ]
    metric = metric_name(measured, judges)
    savings: list[Saving] = []
    for one, variant in zip(measured[1:], variants[1:], strict=True):
        if metric is None or not (one.ok and measured[0].ok):
            continue
        change = _change(metric, measured[0], one, rows, request.seed)
        if change is not None:
            pair = (variants[0], variant)
            savings += _savings((measured[0], one), pair, change, request.limits(), boundary)
    return Comparison(
        run_id=run_id,
        models=tuple({card.id: card for card in cards}.values()),
        datasets=(dataset,),
        variants=tuple(variants),
        savings=tuple(savings),
    )


def metric_name(measured: Sequence[Measured], judges: Sequence[Metric]) -> Metric | None:
    """The metric that ranks: the first that was named, else what the task suggested; None if nothing could judge."""
    if judges:
        return judges[0]
    names = (name for one in measured for name in quality_names(one.observations))
    found = next(names, None)
    return compare.metric_of(found) if found else None


def quality_names(observations: Sequence[Observation]) -> list[str]:
    """Quantities that are metrics of quality: they hang on no condition and have no unit."""
    return [one.quantity for one in observations if one.batch is None and one.load is None and one.figure.unit == "1"]


def _card(one: Measured) -> Model:
    """What is known of the model; its file at least, if it could not be looked into."""
    return one.card if one.card is not None else compare.model_card(one.deployment.artifact, count=False)


def _variant(run_id: str, one: Measured, card: Model, dataset_id: str, more: Sequence[Observation]) -> Variant:
    options = one.deployment.options
    return Variant(
        id=new_ulid(),
        run_id=run_id,
        model_id=card.id,
        dataset_id=dataset_id,
        name=one.deployment.name,
        runtime=one.deployment.runtime,
        runtime_version=version_of(one.deployment.runtime),
        steps=one.deployment.artifact.steps,
        options={"threads": options.threads, "spinning": options.spinning, **options.more},
        status="ok" if one.ok else "failed",
        reason=one.failure.replace("\nTry: ", ". Try: ").replace("\n", " "),
        observations=(*one.observations, *more),
    )


def _more_quality(
    one: Measured, metrics: Sequence[Metric], rows: Rows, seeded: tuple[Measured, int]
) -> Iterator[Observation]:
    """The other metrics that were asked for; those that can't be told are left out, as the first is with a note."""
    first, seed = seeded
    for metric in metrics:
        if one.prediction is None:
            return
        try:
            figure = compare.quality_of(metric, one.prediction, rows.target, first.prediction, seed)
        except JoulewiseError:
            continue
        yield Observation(quantity=metric.name, figure=figure, n=len(rows))


def _change(metric: Metric, base: Measured, new: Measured, rows: Rows, seed: int) -> Change | None:
    if base.prediction is None or new.prediction is None:
        return None
    try:
        return compare.quality_change(metric, base.prediction, new.prediction, rows.target, base.prediction, seed)
    except JoulewiseError:  # the quality itself is absent, too, and its note says why
        return None


def _savings(
    pair: tuple[Measured, Measured],
    variants: tuple[Variant, Variant],
    change: Change,
    floors: Sequence[Floor],
    boundary: str,
) -> Iterator[Saving]:
    """One for each condition under which both ran, of energy where it was read, else of CPU time."""
    base_blocks, new_blocks = (_by_load(one.blocks) for one in pair)
    held, floor = _kept(change, pair, floors)
    for key, blocks in new_blocks.items():
        found = _ratio(blocks, base_blocks.get(key, []))
        if found is None:
            continue
        quantity, ratio = found
        yield Saving(
            id=new_ulid(),
            run_id=variants[0].run_id,
            baseline_id=variants[0].id,
            new_id=variants[1].id,
            quantity=quantity,
            unit="inference",
            boundary=boundary,
            ratio=ratio,
            metric=change.metric,
            quality_change=change.figure,
            n=change.n,
            test=change.test,
            p_value=change.p_value,
            held=held,
            floor=floor,
            details={"batch": key[0], "load": key[1], "greater_is_better": change.greater_is_better},
        )


def _by_load(blocks: Sequence[Block]) -> dict[tuple[int, str], list[Block]]:
    found: dict[tuple[int, str], list[Block]] = {}
    for (batch, _, load), part in by_condition(blocks).items():
        found.setdefault((batch, load), []).extend(part)
    return found


def _ratio(new: Sequence[Block], base: Sequence[Block]) -> tuple[str, Figure] | None:
    """The surest ratio that there is, None without rounds in common."""
    for quantity, name in _RATIOS:
        try:
            found = compare.ratio_of(new, base, name)
        except UndefinedFigure:
            continue
        if found.low > 0:
            return quantity, found
    return None


def _kept(change: Change, pair: tuple[Measured, Measured], floors: Sequence[Floor]) -> tuple[bool, str]:
    """Whether all floors of this metric hold at the bad end of the paired change (or of the figure), and their text."""
    base, new = (
        compare.Entry(
            name=one.deployment.name,
            metric=change.metric,
            quality=next((seen.figure for seen in one.observations if seen.quantity == change.metric), None),
            quality_change=None if is_baseline else change.figure,
            greater_is_better=change.greater_is_better,
            is_baseline=is_baseline,
        )
        for one, is_baseline in zip(pair, (True, False), strict=True)
    )
    own = [one for one in floors if not one.quantity and one.metric == change.metric]
    return all(one.check(new, base).held is True for one in own), ", ".join(one.text for one in own)


def saving_condition(saving: Saving) -> Condition:
    """The condition that a saving was measured under."""
    return Condition(batch=saving.details.get("batch"), load=saving.details.get("load"))
