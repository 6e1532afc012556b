"""The chart: gaps are gaps, phases are labelled, the text says what the picture shows."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joulewise.core.records import Phase
from joulewise.report import view
from joulewise.report.power import MOST_POINTS, power_series
from joulewise.report.power_chart import description, gap_spans, legend, svg, table
from joulewise.report.view import Band, PowerSeries
from joulewise.testing.bundles import RUN_ID, example_bundle, example_trace

SVG = "{http://www.w3.org/2000/svg}"


def parsed(power):
    return ElementTree.fromstring(svg(power).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


@pytest.fixture
def power():
    return power_series(example_bundle(), example_trace())


def test_a_gap_interrupts_the_area_and_is_hatched(power):
    drawing = parsed(power)
    areas = [path for path in drawing.iter(f"{SVG}path") if "area" in path.get("class")]
    gaps = [rect for rect in drawing.iter(f"{SVG}rect") if rect.get("class") == "gap"]

    assert [path.get("d").count("Z") for path in areas] == [2, 2]
    assert len(gaps) == 1
    assert list(gap_spans(power)) == [(40.0, 45.0)]


def test_a_gap_is_not_drawn_as_zero_watts(power):
    floor_y = max(float(y) for y in re.findall(r"M[\d.]+ ([\d.]+)", svg(power)))
    mine = next(path for path in parsed(power).iter(f"{SVG}path") if path.get("class") == "mine")

    assert all(float(y) < floor_y for y in re.findall(r"[ML][\d.]+ ([\d.]+)", mine.get("d")))


def test_axes_have_units_and_the_picture_has_words(power):
    drawing = parsed(power)
    texts = [element.text for element in drawing.iter(f"{SVG}text")]

    assert "W" in texts
    assert "time, s" in texts
    assert drawing.find(f"{SVG}title").text == "Power over time"
    assert "1 gap without a reading" in drawing.find(f"{SVG}desc").text


def test_phases_are_bands_and_a_name_that_fits_is_written(power):
    names = [element.text for element in parsed(power).iter(f"{SVG}text") if element.get("class") == "band-name"]

    assert names == ["train", "epoch", "epoch", "epoch", "evaluate"]
    assert "load: 0.6 to 3.7 s" in svg(power)


def test_the_table_says_mean_peak_and_share_read(power):
    assert table(power) == [
        ("CPU", "22.5 W", "27 W", "94.1 %"),
        ("GPU", "38 W", "46 W", "94.1 %"),
        ("This run's share", "53.7 W", "62 W", "94.1 %"),
    ]


def test_what_was_never_read_is_not_measured():
    power = PowerSeries(t_s=(1.0, 2.0), power_w=(("CPU", (5.0, 6.0)), ("GPU", (None, None))))

    assert table(power)[1] == ("GPU", "not measured", "not measured", "0 %")
    assert [name for _, name in legend(power)] == ["CPU"]
    assert list(gap_spans(power)) == []
    assert "GPU not measured" in description(power)


def test_channels_of_one_component_add_up_and_contained_ones_do_not():
    channels = [
        {"key": "a", "component": "cpu"},
        {"key": "b", "component": "cpu"},
        {"key": "c", "component": "dram", "within": "a"},
    ]
    bundle = example_bundle(environment={"channels": channels})
    nan = float("nan")
    power = power_series(bundle, {"t_s": [1, 2], "a_w": [1.0, 2.0], "b_w": [10.0, nan], "c_w": [5.0, 5.0]})

    assert power.power_w == (("CPU", (11.0, None)),)
    assert power.mine_w == ()


@pytest.mark.parametrize("trace", [{}, {"t_s": [1.0], "a_w": [2.0]}, {"t_s": [1.0, 2.0], "a_w": [None, None]}])
def test_nothing_to_draw_is_no_chart(trace):
    assert power_series(example_bundle(), trace) is None


def test_a_long_trace_is_thinned_without_losing_its_gap():
    long = {"t_s": [float(t) for t in range(1, 6001)], "x_w": [None if 3000 <= t < 3100 else 7.0 for t in range(6000)]}
    power = power_series(example_bundle(), long)

    assert len(power.t_s) == MOST_POINTS
    assert power.t_s[-1] == 6000.0
    assert list(gap_spans(power)) == [(3000.0, 3100.0)]


@pytest.mark.parametrize(
    ("end_s", "unit"),
    [(0.4, "time, s"), (299.0, "time, s"), (600.0, "time, min"), (20_000.0, "time, h"), (4e5, "time, d")],
)
def test_time_has_a_fitting_unit(end_s, unit):
    assert unit in svg(PowerSeries(t_s=(end_s / 2, end_s), power_w=(("CPU", (1.0, 2.0)),)))


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.floats(0, 1e5)), min_size=2, max_size=40).filter(any),
    st.floats(min_value=1e-3, max_value=1e6),
)
def test_any_trace_is_well_formed_and_inside_the_frame(values, step_s):
    times = tuple(step_s * (index + 1) for index in range(len(values)))
    drawing = parsed(PowerSeries(t_s=times, power_w=(("CPU", tuple(values)),)))
    for path in drawing.iter(f"{SVG}path"):
        numbers = [float(text) for text in re.findall(r"-?[\d.]+(?:e-?\d+)?", path.get("d"))]
        assert all(0 <= value <= 920 for value in numbers)


def test_hostile_names_stay_text():
    hostile = "</text><script>alert(1)</script>"
    power = PowerSeries(
        t_s=(1.0, 2.0), power_w=((hostile, (1.0, 2.0)),), bands=(Band(name=hostile, start_s=0, end_s=2),)
    )
    drawing = parsed(power)

    assert "<script" not in svg(power)
    assert hostile in [element.text for element in drawing.iter(f"{SVG}title")]


def test_phases_beyond_number_are_left_to_the_table():
    steps = tuple(
        Phase(id=f"p{number}", run_id=RUN_ID, name="step", started_s=number * 0.01, duration_s=0.01)
        for number in range(5000)
    )
    found = view(replace(example_bundle(), phases=steps), trace=example_trace())

    assert found.power.bands == ()


def test_a_hundred_phases_still_draw():
    phases = tuple(
        Phase(id=f"p{number}", run_id=RUN_ID, name="step", started_s=number * 0.8, duration_s=0.7)
        for number in range(100)
    )
    found = view(replace(example_bundle(), phases=phases), trace=example_trace())

    assert svg(found.power).count('class="band ') == 100
