"""The suffix is the unit: in records, settings, formulas, tables and JSON, everywhere alike."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import inspect
import json
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import joulewise
from joulewise.core.formulas import Formula, all_formulas
from joulewise.core.frozen import Frozen
from joulewise.ledger.tables import metadata

UNITS = {
    "j", "kwh", "w", "s", "ns", "us", "ms", "h", "years", "g", "kg", "l", "gb", "bytes", "bits", "mhz", "ghz", "km",
    "flop", "w2", "pp", "eur", "usd", "cores", "mac", "percent", "m2", "tokens", "samples", "slots",
}  # fmt: skip
"""DESIGN's vocabulary; a rate is UNIT_per_UNIT or UNIT_per_THING (energy_j_per_unit)."""
COUNTED = {
    "unit",
    "chip",
    "kwh",
    "wh",
    "j",
    "s",
    "gb",
    "core",
    "vcpu",
    "inference",
    "token",
    "image",
    "request",
    "flop",
    "g",
}
PURE_NUMBERS = {
    "pue", "coverage", "share", "ratio", "level", "load", "utilisation", "count", "fraction", "factor", "n", "rows",
    "seed", "slope", "efficiency", "accuracy", "quality", "size", "rank", "flop",
    "points", "cores", "chip", "sockets", "spread", "shape", "log", "speed", "ghz", "quantile",
    "speedup", "covered", "tolerance", "agreement", "disagreement", "likeness", "mfu",
}  # fmt: skip
"""Numbers without a unit, by the last word of their name."""
UNIT_BESIDE = {"value", "low", "high"}
"""Numbers whose unit the record states beside them."""
STATES_THE_UNIT = {"unit", "metric", "quantity"}
BY_DOCUMENTATION = {
    "amount": "any quantity, the same one on both sides of a ratio",
    "Settings.wue": "L/kWh; as the flag --wue it goes by its acronym",
    "price_per_device_h": "in the currency of the price",
    "scale": "joules, watts or seconds per count, by the channel's quantity",
    "Shares.idle": "our share of the idle power, 0 to 1",
    "price_per_kwh": "in `currency`, which stands beside it",
    "price_per_hour": "in the currency that its record or its documentation states",
    "_Shares.time": "a share, 0 to 1",
    "_Shares.with_idle": "a share, 0 to 1",
    "_Shares.machine": "a share, 0 to 1",
    "saving.quality_change": "in the unit that stands beside it",
    "saving.quality_change_low": "in the unit that stands beside it",
    "saving.quality_change_high": "in the unit that stands beside it",
    "p_value": "a probability, by the name that statistics gave it",
    "rates": "requests per second, as the option --rate",
    "EstimateRequest.hours": "hours, as the option --hours",
    "EstimateRequest.drawn": "a share of the rated power, 0 to 1",
    "EstimateRequest.parameters": "trained numbers of a model",
    "EstimateRequest.tokens": "a count",
    "egress_per_gb": "in the currency that its record or its documentation states",
}
PEAK = re.compile(r"_(peak|mean|low|high|min|max|idle|before|after|[ab]|\d+)$")


def has_unit(name: str) -> bool:
    """True for energy_j, power_w_peak, intensity_g_per_kwh, wue_l_per_kwh, pue, unit_count."""
    bare = name.lower()
    while PEAK.search(bare):
        bare = PEAK.sub("", bare)
    head, _, thing = bare.rpartition("_per_")
    if head:
        return (head.rsplit("_", 1)[-1] in UNITS or head in UNITS) and thing.rsplit("_", 1)[-1] in COUNTED | UNITS
    last = bare.rsplit("_", 1)[-1]
    return last in PURE_NUMBERS or (last in UNITS and "_" in bare)


def is_float(annotation: object) -> bool:
    return bool(re.match(r"(float|None \| float|tuple\[float)\b", str(annotation)))


def without_unit(owner: str, fields: Mapping[str, object]) -> list[str]:
    """The float fields of a record whose names leave the unit open."""
    stated = UNIT_BESIDE if STATES_THE_UNIT & fields.keys() else set()
    return [
        f"{owner}.{name}"
        for name, annotation in fields.items()
        if is_float(annotation)
        and name not in stated
        and not {name, f"{owner}.{name}"} & BY_DOCUMENTATION.keys()
        and not has_unit(name)
    ]


def modules() -> Iterator[Any]:
    for found in pkgutil.walk_packages(joulewise.__path__, "joulewise."):
        if any(part in found.name for part in ("__main__", ".versions.", ".migrations")):
            continue
        if found.name.rpartition(".")[2] == "tensorflow" and importlib.util.find_spec("tensorflow") is None:
            continue  # too large to install for the tests; its runtime holds no records
        yield importlib.import_module(found.name)


def record_classes() -> list[type]:
    return sorted(
        {
            value
            for module in modules()
            for value in vars(module).values()
            if inspect.isclass(value)
            and value.__module__.startswith("joulewise.")
            and (dataclasses.is_dataclass(value) or issubclass(value, Frozen))
        },
        key=lambda kind: kind.__qualname__,
    )


def fields_of(kind: type) -> dict[str, object]:
    return {name: annotation for name, annotation in vars(kind).get("__annotations__", {}).items() if name[0] != "_"}


def columns_without_unit(tables: Iterable[sa.Table]) -> list[str]:
    real = (sa.Float, sa.Double, sa.Numeric)
    return [
        open_name
        for table in tables
        for open_name in without_unit(
            table.name,
            {column.name: "float" if isinstance(column.type, real) else "other" for column in table.columns},
        )
    ]


def keys_without_unit(document: object, path: str = "") -> list[str]:
    """The keys of a JSON document whose numbers with a fraction leave the unit open."""
    if isinstance(document, list):
        return [found for item in document for found in keys_without_unit(item, path)]
    if not isinstance(document, dict):
        return []
    shape = {key: "float" if isinstance(value, float) else "other" for key, value in document.items()}
    nested = [found for key, value in document.items() for found in keys_without_unit(value, f"{path}/{key}")]
    return without_unit(path, shape) + nested


def parameters_without_unit(formulas: Iterable[Formula]) -> list[str]:
    return [
        f"{one.id}({name})"
        for one in formulas
        for name, parameter in inspect.signature(one.function).parameters.items()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
        and name.removeprefix("baseline_").removeprefix("reference_").removeprefix("new_") not in BY_DOCUMENTATION
        and not has_unit(name)
    ]


@pytest.mark.parametrize("kind", record_classes(), ids=lambda kind: kind.__qualname__)
def test_every_number_of_a_record_says_its_unit(kind):
    assert without_unit(kind.__name__, fields_of(kind)) == []


def test_every_column_says_its_unit():
    assert columns_without_unit(metadata.tables.values()) == []


def test_every_parameter_of_a_formula_says_its_unit():
    assert parameters_without_unit(all_formulas()) == []


def test_every_key_of_the_json_report_says_its_unit(root: Path):
    reports = sorted((root / "tests" / "golden" / "report").rglob("*.json"))

    assert [(path.name, keys_without_unit(json.loads(path.read_text()))) for path in reports] == [
        (path.name, []) for path in reports
    ]


def test_the_records_are_found():
    assert {"Channel", "Measurement", "Run", "Settings", "Signal"} <= {kind.__name__ for kind in record_classes()}
    assert all_formulas()


# Each check finds what it is there to find.


@pytest.mark.parametrize(
    "name",
    ["energy_j", "power_w_peak", "intensity_g_per_kwh", "wue_l_per_kwh", "pue", "unit_count", "energy_j_per_unit"],
)
def test_names_with_a_unit(name):
    assert has_unit(name)


@pytest.mark.parametrize("name", ["energy", "power", "duration", "emissions", "g", "tick", "intensity_per_kwh"])
def test_names_without(name):
    assert not has_unit(name)


def test_a_mutant_among_the_records_is_found():
    @dataclasses.dataclass
    class Mutant:
        energy: float
        power_w: float
        duration: float | None
        name: str

    class Frost(Frozen):
        tick: float = 5.0
        value: float = 1.0

    assert without_unit("Mutant", fields_of(Mutant)) == ["Mutant.energy", "Mutant.duration"]
    assert without_unit("Frost", fields_of(Frost)) == ["Frost.tick", "Frost.value"]


def test_a_mutant_among_the_columns_is_found():
    table = sa.Table("mutant", sa.MetaData(), sa.Column("energy_j", sa.Double()), sa.Column("power", sa.Double()))

    assert columns_without_unit([table]) == ["mutant.power"]


def test_a_mutant_among_the_keys_is_found():
    document = {"runs": [{"energy_j": 1.5, "emissions": 2.5, "value": 1.0, "unit": "g"}], "value": 0.5}

    assert keys_without_unit(document) == [".value", "/runs.emissions"]


def test_a_mutant_among_the_parameters_is_found():
    mutant = Formula(
        id="mutant", version=1, unit="g", expression="", source="", page="", function=lambda energy, pue: energy * pue
    )

    assert parameters_without_unit([mutant]) == ["mutant(energy)"]
