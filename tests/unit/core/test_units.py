from __future__ import annotations

import inspect

import pytest

from joulewise.core import units

KNOWN = [  # function, in, out; each from the definition of its unit
    (units.kwh_from_j, 3_600_000.0, 1.0),
    (units.j_from_kwh, 2.0, 7_200_000.0),
    (units.wh_from_j, 7_200.0, 2.0),
    (units.j_from_wh, 1.0, 3_600.0),
    (units.mwh_from_j, 3.6e9, 1.0),
    (units.j_from_mwh, 1.0, 3.6e9),
    (units.j_from_twh, 1.0, 3.6e15),
    (units.kg_from_g, 1_500.0, 1.5),
    (units.g_from_kg, 1.5, 1_500.0),
    (units.t_from_g, 2_000_000.0, 2.0),
    (units.g_from_t, 2.0, 2_000_000.0),
    (units.g_from_lb, 1.0, 453.59237),
    (units.lb_from_g, 453.59237, 1.0),
    (units.kg_from_lb, 1.0, 0.45359237),
    (units.lb_from_kg, 0.45359237, 1.0),
    (units.l_from_ml, 1_500.0, 1.5),
    (units.ml_from_l, 1.5, 1_500.0),
    (units.m3_from_l, 1_000.0, 1.0),
    (units.l_from_m3, 1.0, 1_000.0),
    (units.flop_from_mac, 3.0, 6.0),
    (units.flop_from_petaflop_days, 1.0, 8.64e19),
    (units.flop_from_tera, 2.0, 2e12),
    (units.g_per_kwh_from_lb_per_mwh, 1_000.0, 453.59237),
    (units.g_per_kwh_from_lb_per_kwh, 0.954, 432.72712),
    (units.g_per_kwh_from_kg_per_kwh, 0.4, 400.0),
    (units.h_from_s, 5_400.0, 1.5),
    (units.s_from_h, 1.5, 5_400.0),
    (units.s_from_days, 2.0, 172_800.0),
    (units.s_from_years, 1.0, 31_536_000.0),
    (units.s_from_ns, 1_500_000_000, 1.5),
    (units.ns_from_s, 1.5, 1_500_000_000),
]


@pytest.mark.parametrize(("convert", "given", "want"), KNOWN, ids=lambda value: getattr(value, "__name__", None))
def test_known_values(convert, given, want):
    assert convert(given) == pytest.approx(want, rel=1e-7)


def test_every_converter_has_a_known_value():
    converters = {name for name, value in vars(units).items() if inspect.isfunction(value) and "_from_" in name}

    assert converters == {convert.__name__ for convert, _, _ in KNOWN}


@pytest.mark.parametrize(
    ("value", "unit", "want"),
    [
        (5_400_000.0, "J", (1.5, "kWh")),
        (7.2e9, "J", (2.0, "MWh")),
        (1_800.0, "J", (1_800.0, "J")),
        (-7_200.0, "J", (-2.0, "Wh")),
        (0.002, "J", (2.0, "mJ")),
        (2_500_000.0, "g", (2.5, "t")),
        (0.5, "g", (500.0, "mg")),
        (0.25, "L", (250.0, "mL")),
        (0.0, "J", (0.0, "J")),
        (12.0, "EUR", (12.0, "EUR")),
    ],
)
def test_people_read_the_unit_that_fits(value, unit, want):
    scaled, name = units.readable(value, unit)

    assert (scaled, name) == (pytest.approx(want[0]), want[1])
