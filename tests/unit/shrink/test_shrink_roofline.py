"""The roofline is a bound: never above what a model takes, zero for what is unknown, lower for more rows at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.core.figures import Figure
from joulewise.core.variants import Model
from joulewise.shrink.roofline import INTEGER_GAIN, Roof, roof_here


def card(flops: float | None, parameters: int | None, doubt: float = 0.0) -> Model:
    figure = None
    if flops is not None:
        figure = Figure(value=flops, low=flops * (1 - doubt), high=flops * (1 + doubt), unit="FLOP", method="modelled")
    return Model(
        id="0" * 26, name="m", format="onnx", sha256="0" * 64, size_bytes=1, parameters=parameters, flops=figure
    )


SIZES = st.floats(0, 1e15)
ROOFS = st.builds(Roof, flop_per_s=st.floats(1e6, 1e14), bytes_per_s=st.floats(1e6, 1e14))


@given(roof=ROOFS, flops=SIZES, parameters=st.integers(0, 10**12), batch=st.integers(1, 1024))
def test_more_rows_at_once_never_take_longer_each_and_arithmetic_stays(roof, flops, parameters, batch):
    one, many = (roof.least_s(card(flops, parameters), size) for size in (1, batch))

    assert 0 <= many <= one
    assert many >= flops / (roof.flop_per_s * INTEGER_GAIN) * 0.999999


@given(roof=ROOFS, flops=SIZES, doubt=st.floats(0, 1))
def test_doubt_about_the_arithmetic_only_lowers_the_bound(roof, flops, doubt):
    assert roof.least_s(card(flops, None, doubt), 1) <= roof.least_s(card(flops, None), 1)


@given(roof=ROOFS, flops=SIZES, parameters=st.integers(0, 10**12))
def test_a_faster_machine_has_a_lower_bound(roof, flops, parameters):
    faster = Roof(flop_per_s=2 * roof.flop_per_s, bytes_per_s=2 * roof.bytes_per_s)

    assert faster.least_s(card(flops, parameters), 1) <= roof.least_s(card(flops, parameters), 1)


def test_nothing_is_claimed_of_an_unknown_model():
    """0 discards nobody: absent figures must not look like a slow model."""
    assert Roof(flop_per_s=1.0, bytes_per_s=1.0).least_s(card(None, None), 1) == 0.0


def test_a_large_model_is_bound_by_its_weights():
    """7e9 weights of half a byte at 1 GB/s take 3.5 s for one row."""
    assert Roof(flop_per_s=1e12, bytes_per_s=1e9).least_s(card(1e6, 7 * 10**9), 1) == pytest.approx(3.5)


@pytest.mark.parametrize("duration_s", [0.0, 0.01])
def test_this_machine_has_peaks_even_if_it_was_busy_all_the_time(duration_s):
    """A process that waited for longer than it was to measure has measured once: a peak of 0 would end the search."""
    roof = roof_here(duration_s)

    assert 0 < roof.least_s(card(1e9, 10**9), 1) < float("inf")
    assert min(roof.flop_per_s, roof.bytes_per_s) > 1e6
