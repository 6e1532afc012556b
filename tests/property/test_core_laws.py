"""Laws of the core: they hold for every input, not for examples."""

from __future__ import annotations

import random
from math import hypot

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.core import units
from joulewise.core.figures import METHODS, Figure, exact, propagate, scaled, total, weakest
from joulewise.core.ulid import is_ulid, milliseconds_of, new_ulid

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
AMOUNTS = st.floats(min_value=0, max_value=1e12)
ROUND_TRIPS = [
    (units.kwh_from_j, units.j_from_kwh),
    (units.wh_from_j, units.j_from_wh),
    (units.mwh_from_j, units.j_from_mwh),
    (units.kg_from_g, units.g_from_kg),
    (units.t_from_g, units.g_from_t),
    (units.kg_from_lb, units.lb_from_kg),
    (units.g_from_lb, units.lb_from_g),
    (units.h_from_s, units.s_from_h),
    (units.l_from_ml, units.ml_from_l),
    (units.m3_from_l, units.l_from_m3),
]


@st.composite
def figures(draw: st.DrawFn) -> Figure:
    low, value, high = sorted(draw(st.tuples(AMOUNTS, AMOUNTS, AMOUNTS)))
    return Figure(value=value, low=low, high=high, unit="J", method=draw(st.sampled_from(METHODS)))


@pytest.mark.parametrize(("there", "back"), ROUND_TRIPS, ids=lambda convert: convert.__name__)
@given(amount=AMOUNTS)
def test_there_and_back_again(there, back, amount):
    assert back(there(amount)) == pytest.approx(amount, rel=1e-12, abs=1e-300)
    assert there(back(amount)) == pytest.approx(amount, rel=1e-12, abs=1e-300)


@given(duration_ns=st.integers(0, 2**53))
def test_nanoseconds_survive_seconds(duration_ns):
    assert units.ns_from_s(units.s_from_ns(duration_ns)) == pytest.approx(duration_ns, rel=1e-15)


@given(value=st.floats(-1e15, 1e15), unit=st.sampled_from(["J", "g", "L"]))
def test_a_readable_amount_is_the_same_amount(value, unit):
    factor = {
        "MWh": 3.6e9, "kWh": 3.6e6, "Wh": 3.6e3, "t": 1e6, "kg": 1e3, "m³": 1e3, "J": 1, "g": 1, "L": 1,
        "mJ": 1e-3, "mg": 1e-3, "mL": 1e-3, "µJ": 1e-6, "µg": 1e-6, "µL": 1e-6, "nJ": 1e-9, "ng": 1e-9, "nL": 1e-9,
    }  # fmt: skip
    shown, name = units.readable(value, unit)

    assert shown * factor[name] == pytest.approx(value, rel=1e-12, abs=1e-300)


@given(parts=st.lists(figures(), min_size=1, max_size=20), correlated=st.booleans())
def test_a_total_conserves_its_parts(parts, correlated):
    summed = total(parts, correlated=correlated)

    assert summed.value == pytest.approx(sum(part.value for part in parts), rel=1e-12)
    assert summed.low <= summed.value <= summed.high
    assert summed.low >= -1e-9 * summed.value
    assert summed.method == weakest(part.method for part in parts)


@given(parts=st.lists(figures(), min_size=1, max_size=20))
def test_doubt_adds_at_most_linearly_and_at_least_in_quadrature(parts):
    linear, quadrature = total(parts), total(parts, correlated=False)
    tiny = 1e-9 * linear.high

    assert linear.high - linear.low >= quadrature.high - quadrature.low - tiny
    assert quadrature.high - quadrature.value == pytest.approx(
        hypot(*(part.high - part.value for part in parts)), rel=1e-6, abs=tiny
    )


@given(parts=st.lists(figures(), min_size=2, max_size=10), cut=st.integers(1, 9))
def test_the_total_of_totals_is_the_total(parts, cut):
    split = [group for group in (parts[:cut], parts[cut:]) if group]
    nested, flat = total(total(group) for group in split), total(parts)

    assert nested.value == pytest.approx(flat.value, rel=1e-12)
    assert nested.high == pytest.approx(flat.high, rel=1e-12)


@given(one=figures(), by=st.floats(0, 1e6))
def test_scaling_scales_all_of_a_figure(one, by):
    after = scaled(one, by)

    assert (after.low, after.value, after.high) == (one.low * by, one.value * by, one.high * by)


@given(one=figures(), other=figures())
def test_a_tie_is_a_tie_from_both_sides(one, other):
    assert one.overlaps(other) == other.overlaps(one)
    assert one.overlaps(one)


@given(one=figures(), other=figures())
def test_bounds_never_leave_what_the_function_can_give(one, other):
    value, low, high = propagate(lambda a, b: a * b, {"a": one, "b": other})

    assert one.low * other.low <= low <= value <= high <= one.high * other.high


@given(one=figures())
def test_an_exact_input_adds_no_doubt(one):
    alone = propagate(lambda a: a * 2.0, {"a": one})

    assert propagate(lambda a, b: a * b, {"a": one, "b": exact(2.0, "x")}) == alone


@pytest.mark.parametrize("relative", [0.02, 0.1, 0.25])
def test_propagated_bounds_hold_the_truth(relative):
    """Monte Carlo: with normal errors, the interval of a chain of products holds about 95 % of the truths."""
    dice = random.Random(20260601)
    middle = {"energy_j": 3.6e6, "pue": 1.4, "intensity_g_per_kwh": 380.0, "reserved_s": 7_200.0}
    inputs = {
        name: Figure(value=value, low=value * (1 - relative), high=value * (1 + relative), unit=name, method="modelled")
        for name, value in middle.items()
    }

    def emissions_g(energy_j: float, pue: float, intensity_g_per_kwh: float, reserved_s: float) -> float:
        return energy_j / units.J_PER_KWH * pue * intensity_g_per_kwh + 900.0 / reserved_s

    _, low, high = propagate(emissions_g, inputs)
    truths = [
        emissions_g(**{name: dice.gauss(value, value * relative / 1.96) for name, value in middle.items()})
        for _ in range(20_000)
    ]
    held = sum(low <= truth <= high for truth in truths) / len(truths)

    assert 0.93 <= held <= 0.99


@given(times_ns=st.lists(st.integers(0, 2**60), min_size=2, max_size=20))
def test_ulids_sort_by_time(times_ns):
    made = sorted((new_ulid(time_ns), time_ns // 1_000_000) for time_ns in times_ns)

    assert [milliseconds for _, milliseconds in made] == sorted(time_ns // 1_000_000 for time_ns in times_ns)
    assert [milliseconds_of(ulid) for ulid, _ in made] == [milliseconds for _, milliseconds in made]


@given(time_ns=st.integers(0, 2**62), entropy=st.binary(min_size=10, max_size=10))
def test_a_ulid_is_well_formed_and_keeps_its_entropy(time_ns, entropy):
    ulid = new_ulid(time_ns, entropy)

    assert is_ulid(ulid)
    assert sum(CROCKFORD.index(letter) << 5 * place for place, letter in enumerate(ulid[:9:-1])) == int.from_bytes(
        entropy
    )


def test_ulids_of_one_instant_differ():
    assert len({new_ulid(0) for _ in range(10_000)}) == 10_000
