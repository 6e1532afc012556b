from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from typing import Any

import pytest

from joulewise.core.channels import ENERGY, QUANTITIES, Channel, Finding, MeterContext
from joulewise.core.frozen import Frozen, as_dict, replaced


class Point(Frozen):
    x_m: float
    y_m: float = 0.0
    note: str = ""
    extra: Mapping[str, Any] = {}


class Tower(Point):
    height_m: float
    y_m2: float = 1.0


def test_fields_are_keywords_with_defaults():
    point = Point(x_m=1.0, note="here")

    assert as_dict(point) == {"x_m": 1.0, "y_m": 0.0, "note": "here", "extra": {}}
    assert repr(point) == "Point(x_m=1.0, y_m=0.0, note='here', extra={})"


def test_a_record_takes_over_the_fields_of_its_parent():
    tower = Tower(x_m=1.0, height_m=30.0)

    assert as_dict(tower) == {"x_m": 1.0, "y_m": 0.0, "note": "", "extra": {}, "height_m": 30.0, "y_m2": 1.0}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "Point needs x_m"),
        ({"x_m": 1.0, "z_m": 2.0}, "Point has no z_m"),
        ({"x_m": 1.0, "a": 1, "b": 2, "c": 3}, "Point has no a, b, c"),
        ({"x_m": 1.0, "y_m": 0.0, "note": "", "extra": {}, "z_m": 1.0}, "Point has no z_m"),
    ],
)
def test_a_wrong_field_is_named(values, message):
    with pytest.raises(TypeError, match=f"^{message}$"):
        Point(**values)


def test_a_record_can_be_neither_changed_nor_extended():
    point = Point(x_m=1.0)

    with pytest.raises(AttributeError, match="make a new one with replaced"):
        point.x_m = 2.0
    with pytest.raises(AttributeError, match="frozen"):
        del point.x_m
    assert not hasattr(point, "__dict__")


def test_replaced_is_a_copy_with_changes():
    point = Point(x_m=1.0)

    assert replaced(point, y_m=5.0) == Point(x_m=1.0, y_m=5.0)
    assert point == Point(x_m=1.0)


def test_equal_by_value_and_kind():
    assert Point(x_m=1, extra={"a": 1, "b": 2}) == Point(x_m=1.0, extra={"b": 2, "a": 1})
    assert Point(x_m=1.0) != Point(x_m=2.0)
    assert Point(x_m=1.0) != Tower(x_m=1.0, height_m=0.0)
    assert Point(x_m=1.0) != 1.0


def test_equal_records_have_equal_hashes():
    one, other = Point(x_m=1, extra={"a": 1, "b": 2}), Point(x_m=1.0, extra={"b": 2, "a": 1})

    assert hash(one) == hash(other)
    assert len({one, other, Point(x_m=1.0, note="elsewhere")}) == 2


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_and_pickles(again):
    channel = Channel(
        key="rapl:0:package", component="cpu", device="cpu:0", quantity=ENERGY, scale=1e-6, method="measured", source=""
    )

    assert again(channel) == channel


def test_match_by_position():
    match Point(x_m=1.0, y_m=2.0):
        case Point(x, y):
            assert (x, y) == (1.0, 2.0)


def test_a_context_is_the_real_machine_unless_told_otherwise():
    context = MeterContext()

    assert (context.root, context.pids(), dict(context.environ)) == ("", frozenset(), {})
    assert Finding(plugin="powercap", state="ready", what="package-0").cure == ""
    assert ENERGY in QUANTITIES
