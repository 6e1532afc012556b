"""Named, versioned, pure formulas. A stored calculation names one, so that a re-run is the audit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from joulewise.core.errors import NotFound, UsageError
from joulewise.core.figures import Figure, propagate, weakest


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """A pure function of floats with unit-suffixed parameter names, and what an auditor wants to know of it.

    `id` is room.name ("carbon.operational_g"); `version` rises whenever a result would change.
    `expression` is what people read; `page` is its page under docs/explanation/equations/.
    `correlated`: the errors of the inputs move together and the result rises with each (a sum over the hours of one
    meter), so that the bounds are those of all inputs at once, not a quadrature that would shrink with every hour.
    """

    id: str
    version: int
    unit: str
    expression: str
    source: str
    page: str
    function: Callable[..., float]
    correlated: bool = False

    def __call__(self, **inputs: float) -> float:
        return self.function(**inputs)

    def figure(self, inputs: Mapping[str, Figure], *, method: str | None = None) -> Figure:
        """Apply to figures: bounds by propagation, method of the weakest input, source the formula's id."""
        value, low, high = self._bounds(inputs) if self.correlated else propagate(self.function, inputs)
        return Figure(
            value=value,
            low=low,
            high=high,
            unit=self.unit,
            method=method or weakest(figure.method for figure in inputs.values()),
            source=f"{self.id} v{self.version}",
        )

    def _bounds(self, inputs: Mapping[str, Figure]) -> tuple[float, float, float]:
        value, low, high = (
            self.function(**{name: getattr(figure, part) for name, figure in inputs.items()})
            for part in ("value", "low", "high")
        )
        return value, min(low, value), max(high, value)


_REGISTRY: dict[tuple[str, int], Formula] = {}


def formula(
    id: str, *, version: int, unit: str, expression: str, source: str, page: str = "", correlated: bool = False
) -> Callable[[Callable[..., float]], Formula]:
    """Register the decorated pure function as a formula. An id and version can be taken once."""

    def register(function: Callable[..., float]) -> Formula:
        if (id, version) in _REGISTRY:
            raise UsageError(f"formula {id} v{version} is registered twice")
        made = Formula(
            id=id,
            version=version,
            unit=unit,
            expression=expression,
            source=source,
            page=page or id.replace(".", "-").replace("_", "-"),
            function=function,
            correlated=correlated,
        )
        _REGISTRY[id, version] = made
        return made

    return register


def find(id: str, version: int) -> Formula:
    """The formula of that id and version. Raises NotFound; old versions stay registered for audits."""
    try:
        return _REGISTRY[id, version]
    except KeyError:
        raise NotFound(f"no formula {id} v{version}", hint="joulewise explain --formulas") from None


def all_formulas() -> list[Formula]:
    """Every registered formula, by id and version."""
    return [_REGISTRY[key] for key in sorted(_REGISTRY)]
