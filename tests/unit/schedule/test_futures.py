"""Error paths: as wide as the forecast's band, correlated as real errors are, the same for every option."""

from __future__ import annotations

import numpy as np
import pytest

from joulewise.core.figures import REPORTED, Figure
from joulewise.schedule.futures import (
    HOURLY_CORRELATION,
    autoregressive,
    draw_futures,
    draws,
    intensity_paths,
    interval,
    metered,
    seasonal,
    split_normal,
)
from joulewise.schedule.places import Place
from joulewise.schedule.slots import lay_out
from joulewise.testing.plans import FIRST, HOUR, hourly

PUE = Figure(value=1.2, low=1.1, high=1.5, unit="1", method=REPORTED, source="a")


def laid_out(hours=48, band=0.2, slot_s=3_600.0, **signals):
    signals = signals or {"DE": hourly("DE", *[400] * hours, band=band)}
    return lay_out(signals, FIRST, FIRST + hours * HOUR, slot_s)


def correlation(paths, lag):
    return float(np.corrcoef(paths[:, :-lag].ravel(), paths[:, lag:].ravel())[0, 1])


def test_errors_of_the_same_hour_repeat_the_next_day():
    white = np.random.default_rng(1).standard_normal((400, 240))
    paths = seasonal(autoregressive(white, 3_600.0), 3_600.0)
    assert paths.std() == pytest.approx(1.0, abs=0.05)
    assert correlation(paths, 24) == pytest.approx(0.62, abs=0.07)
    assert correlation(paths, 48) == pytest.approx(0.38, abs=0.07)
    assert correlation(paths, 12) < 0.4
    assert correlation(paths, 1) == pytest.approx(HOURLY_CORRELATION, abs=0.03)


@pytest.mark.parametrize("slot_s", [3_600.0, 900.0])
def test_errors_of_neighbouring_hours_go_together(slot_s):
    white = np.random.default_rng(1).standard_normal((300, 400))
    paths = autoregressive(white, slot_s)
    assert paths.std() == pytest.approx(1.0, abs=0.05)
    assert correlation(paths, round(3_600 / slot_s)) == pytest.approx(HOURLY_CORRELATION, abs=0.02)


def test_ninety_five_percent_of_the_paths_lie_in_the_band():
    slots = laid_out()
    paths = intensity_paths(slots, 2_000, 1)
    inside = (paths >= slots.low_g_per_kwh) & (paths <= slots.high_g_per_kwh)
    assert inside.mean() == pytest.approx(0.95, abs=0.01)


def test_places_of_one_zone_share_a_path_and_others_do_not():
    signals = hourly("DE", *[400] * 48)
    slots = laid_out(a=signals, b=signals, c=hourly("SE", *[400] * 48))
    paths = intensity_paths(slots, 10, 1)
    assert np.array_equal(paths[:, 0], paths[:, 1])
    assert not np.array_equal(paths[:, 0], paths[:, 2])


def test_an_annual_factor_errs_through_the_whole_window():
    hours = intensity_paths(laid_out(hours=96), 500, 1)[:, 0]
    years = intensity_paths(laid_out(hours=96, DE=hourly("DE", *[400] * 96, band=0.2, status="annual")), 500, 1)[:, 0]
    assert years.mean(axis=1).std() > 1.3 * hours.mean(axis=1).std()


def test_a_wide_band_gives_no_negative_intensity():
    assert intensity_paths(laid_out(band=1.0), 500, 1).min() == 0.0


def test_the_same_seed_gives_the_same_futures():
    place = Place(region="DE", zone="DE", pue=PUE)
    first, second, other = (draw_futures(laid_out(), [place], seed, 5) for seed in (1, 1, 2))
    assert np.array_equal(first.intensity_g_per_kwh, second.intensity_g_per_kwh)
    assert not np.array_equal(first.pue, other.pue)
    assert first.count == 5
    assert first.pue.min() >= 1


def test_figures_of_one_source_are_one_draw():
    drawn = draws([PUE, PUE, Figure(value=1.2, low=1.1, high=1.5, unit="1", method=REPORTED, source="b")], 50, 1)
    assert np.array_equal(drawn[:, 0], drawn[:, 1])
    assert not np.array_equal(drawn[:, 0], drawn[:, 2])


def test_a_skewed_band_stays_skewed():
    values = split_normal(np.array([-1.959964, 0.0, 1.959964]), np.array(10.0), np.array(9.0), np.array(15.0))
    assert values.tolist() == pytest.approx([9.0, 10.0, 15.0])


def test_an_interval_always_holds_its_value():
    figure = interval(5.0, np.array([1.0, 2.0, 3.0]), "g", "test")
    assert (figure.value, figure.high, figure.unit) == (5.0, 5.0, "g")


def test_many_places_get_fewer_paths():
    hours = hourly("DE", *[400] * 800)
    many = lay_out({str(number): hours for number in range(300)}, FIRST, FIRST + 800 * HOUR, 3_600.0)
    futures = draw_futures(many, [Place(region="DE", zone="DE", pue=PUE)] * 300, 1)
    assert 20 <= futures.count < 200


def test_the_error_of_the_meter_widens_energy_and_leaves_exact_power_alone():
    futures = draw_futures(laid_out(), [Place(region="DE", zone="DE", pue=PUE)], seed=1)
    wide = metered(futures, 0.5, 2.0, seed=1)

    assert metered(futures, 1.0, 1.0, seed=1) is futures
    ratio = np.sort((wide.pue / futures.pue)[:, 0])
    low, high = np.percentile(ratio, [2.5, 97.5])
    assert (low, high) == (pytest.approx(0.5, abs=0.15), pytest.approx(2.0, abs=0.3))
