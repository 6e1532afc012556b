"""Laws of carbon accounting that hold for any amounts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joulewise.carbon import Work, account, recompute, spread_energy
from joulewise.carbon import formulas as f
from joulewise.core import units as u
from joulewise.core.errors import SignalMismatch
from joulewise.core.figures import Figure, exact, propagate
from joulewise.core.records import Measurement
from joulewise.core.settings import Settings
from joulewise.core.signals import BASES, KINDS, SCOPES, Signal

START = datetime(2024, 3, 1, tzinfo=UTC)
amounts = st.floats(0, 1e12)
positive = st.floats(1e-6, 1e12)
intensities = st.floats(0, 2_000)
pues = st.floats(1, 3)
shares = st.floats(0, 1)
signal_types = st.tuples(st.sampled_from(KINDS), st.sampled_from(BASES), st.sampled_from(SCOPES))


@st.composite
def figures(draw: st.DrawFn, unit: str, values: st.SearchStrategy[float] = positive) -> Figure:
    low, value, high = sorted((draw(values), draw(values), draw(values)))
    return Figure(value=value, low=low, high=high, unit=unit, method="modelled")


def _signal(
    index: int, intensity: float, kind: str = "average", basis: str = "lifecycle", scope: str = "production"
) -> Signal:
    return Signal(
        zone="DE",
        start=START + index * timedelta(hours=1),
        end=START + (index + 1) * timedelta(hours=1),
        intensity_g_per_kwh=intensity,
        low_g_per_kwh=intensity,
        high_g_per_kwh=intensity,
        kind=kind,
        basis=basis,
        scope=scope,
        status="measured",
        source="test",
        licence="CC0",
    )


def _work(energy: Figure, unit_count: float = 1.0, share: float = 1.0, **changes: bool) -> Work:
    measurement = Measurement(
        id="m", run_id="r", quantity="energy_j", component="total", figure=energy, meter="test", **changes
    )
    return Work(
        run_id="r",
        energy=measurement,
        started_at=START,
        ended_at=START + timedelta(hours=1),
        duration_s=3600.0,
        unit="inference",
        unit_count=unit_count,
        resource_share=exact(share, "1"),
    )


@given(amounts, amounts, intensities, intensities)
def test_emissions_rise_with_energy_and_with_intensity(one_j: float, two_j: float, one: float, two: float) -> None:
    low = f.operational_g(energy_j=min(one_j, two_j), intensity_g_per_kwh=min(one, two))
    assert low <= f.operational_g(energy_j=max(one_j, two_j), intensity_g_per_kwh=min(one, two))
    assert low <= f.operational_g(energy_j=min(one_j, two_j), intensity_g_per_kwh=max(one, two))


@given(st.lists(st.tuples(positive, intensities), min_size=1, max_size=24))
def test_emissions_of_the_whole_are_the_sum_over_the_intervals(hours: list[tuple[float, float]]) -> None:
    signals = [_signal(index, intensity) for index, (_, intensity) in enumerate(hours)]
    parts = spread_energy([(one.start, one.end, hours[index][0]) for index, one in enumerate(signals)], signals)
    summed = sum(f.operational_g(energy_j=joules, intensity_g_per_kwh=one.intensity_g_per_kwh) for one, joules in parts)
    pairs = {f"energy_{index}_j": joules for index, (_, joules) in enumerate(parts)}
    pairs |= {f"intensity_{index}_g_per_kwh": one.intensity_g_per_kwh for index, (one, _) in enumerate(parts)}
    whole_j = sum(joules for joules, _ in hours)
    weighted = f.weighted_intensity_g_per_kwh(**pairs)
    assert f.operational_g(energy_j=whole_j, intensity_g_per_kwh=weighted) == pytest.approx(summed, rel=1e-9)
    tiny = 1e-300  # floats below it have lost digits
    assert min(one for _, one in hours) * (1 - 1e-9) - tiny <= weighted
    assert weighted <= max(one for _, one in hours) * (1 + 1e-9) + tiny


@given(positive, st.floats(0, 23.9), st.floats(0.01, 23.9))
def test_energy_spread_over_time_is_conserved(energy_j: float, start_h: float, length_h: float) -> None:
    start = START + timedelta(hours=start_h)
    parts = spread_energy([(start, start + timedelta(hours=length_h), energy_j)], [_signal(i, 1.0) for i in range(49)])
    assert sum(joules for _, joules in parts) == pytest.approx(energy_j, rel=1e-9)


@given(amounts, pues)
def test_pue_enters_once_and_comes_out_again(energy_j: float, pue: float) -> None:
    facility_j = f.facility_energy_j(it_energy_j=energy_j, pue=pue)
    assert facility_j == pytest.approx(energy_j * pue)
    assert f.metered_facility_energy_j(facility_energy_j=facility_j) == facility_j
    assert f.it_energy_j(facility_energy_j=facility_j, pue=pue) == pytest.approx(energy_j)


@settings.get_profile("costly")
@given(positive, pues)
def test_an_account_applies_pue_once_or_not_at_all(energy_j: float, pue: float) -> None:
    for included, factor in ((False, pue), (True, 1.0)):
        made = account(_work(exact(energy_j, "J"), pue_included=included), Settings(zone="FR", pue=pue))
        operational = made.get("operational_g", "location")
        assert operational is not None
        assert operational.figure.value == pytest.approx(u.kwh_from_j(energy_j) * factor * 40.48)


@given(amounts, pues, st.floats(0, 10), st.floats(0, 10))
def test_both_forms_of_water_agree(energy_j: float, pue: float, wue: float, ewif: float) -> None:
    rates = {"pue": pue, "wue_l_per_kwh": wue, "ewif_l_per_kwh": ewif}
    facility_j = f.facility_energy_j(it_energy_j=energy_j, pue=pue)
    assert f.water_of_facility_l(facility_energy_j=facility_j, **rates) == pytest.approx(
        f.water_l(it_energy_j=energy_j, **rates)
    )


@given(st.floats(0, 1e15))
def test_units_survive_a_round_trip(amount: float) -> None:
    for there, back in (
        (u.kwh_from_j, u.j_from_kwh),
        (u.wh_from_j, u.j_from_wh),
        (u.mwh_from_j, u.j_from_mwh),
        (u.kg_from_g, u.g_from_kg),
        (u.t_from_g, u.g_from_t),
        (u.lb_from_g, u.g_from_lb),
        (u.kg_from_lb, u.lb_from_kg),
        (u.l_from_ml, u.ml_from_l),
        (u.m3_from_l, u.l_from_m3),
        (u.h_from_s, u.s_from_h),
    ):
        assert back(there(amount)) == pytest.approx(amount, rel=1e-12)
    assert u.g_per_kwh_from_lb_per_kwh(amount) == pytest.approx(1000 * u.g_per_kwh_from_lb_per_mwh(amount))
    assert u.g_per_kwh_from_kg_per_kwh(amount) == u.g_from_kg(amount)
    assert u.j_from_twh(amount) == pytest.approx(1e6 * u.j_from_mwh(amount))
    assert u.s_from_years(amount) == pytest.approx(365 * u.s_from_days(amount))
    assert u.flop_from_mac(amount) == 2 * amount
    assert u.flop_from_petaflop_days(amount) == pytest.approx(86_400_000 * u.flop_from_tera(amount))


@given(amounts, st.floats(0, 1), shares)
def test_the_embodied_share_is_at_most_the_whole(total_g: float, time_share: float, share: float) -> None:
    lifespan_s = u.s_from_years(4)
    carried_g = f.embodied_g(
        total_g=total_g, reserved_s=time_share * lifespan_s, lifespan_s=lifespan_s, resource_share=share
    )
    assert 0 <= carried_g <= total_g


@given(st.lists(st.floats(0, 1), min_size=1, max_size=16), amounts)
def test_embodied_shares_of_all_jobs_sum_to_the_machine(weights: list[float], total_g: float) -> None:
    whole = sum(weights) or 1.0
    parts = [
        f.embodied_g(total_g=total_g, reserved_s=1.0, lifespan_s=1.0, resource_share=min(1.0, weight / whole))
        for weight in weights
    ]
    assert sum(parts) <= total_g * (1 + 1e-9)


@given(positive, st.floats(1, 1e9))
def test_sci_times_units_is_the_total(emissions_g: float, unit_count: float) -> None:
    score = f.sci_g_per_unit(emissions_g=emissions_g, unit_count=unit_count)
    assert score * unit_count == pytest.approx(emissions_g)


@given(positive, intensities, amounts, st.floats(1, 1e6))
def test_sci_of_parts_is_sci_of_the_total(energy_j: float, intensity: float, embodied_g: float, count: float) -> None:
    operational_g = f.operational_g(energy_j=energy_j, intensity_g_per_kwh=intensity)
    total_g = f.emissions_g(operational_g=operational_g, embodied_g=embodied_g)
    parts = f.sci_of_parts_g_per_unit(
        energy_j=energy_j, intensity_g_per_kwh=intensity, embodied_g=embodied_g, unit_count=count
    )
    assert parts == pytest.approx(f.sci_g_per_unit(emissions_g=total_g, unit_count=count))


@settings.get_profile("costly")
@given(figures("J"), st.floats(0, 1_000))
def test_market_and_location_never_mix_and_zero_never_hides_the_energy(energy: Figure, market: float) -> None:
    with_contract = account(_work(energy), Settings(zone="DE", market_g_per_kwh=market))
    without = account(_work(energy), Settings(zone="DE"))
    for name in ("operational_g", "emissions_g", "sci_g_per_unit"):
        one, other = with_contract.get(name, "location"), without.get(name, "location")
        assert one is not None
        assert one == other
    by_contract = with_contract.get("operational_g", "market")
    assert by_contract is not None
    assert by_contract.inputs["intensity_g_per_kwh"]["setting"] == "market_g_per_kwh"
    assert with_contract.get("facility_energy_j") == without.get("facility_energy_j")


@settings.get_profile("costly")
@given(figures("J"), st.floats(1, 1e6), shares, st.sampled_from(["", "DE", "aws:us-east-1", "US-CAMX", "gcp:us-west1"]))
def test_an_account_is_bounded_reproducible_and_adds_up(
    energy: Figure, unit_count: float, share: float, zone: str
) -> None:
    made = account(_work(energy, unit_count, share), Settings(zone=zone, price_per_kwh=0.3))
    for calculation in made.calculations:
        assert 0 <= calculation.figure.low <= calculation.figure.value <= calculation.figure.high
        assert recompute(calculation) == calculation.figure
    parts = [made.get(name, basis) for name, basis in (("operational_g", "location"), ("embodied_g", ""))]
    total, score = made.get("emissions_g", "location"), made.get("sci_g_per_unit")
    assert total is not None
    assert score is not None
    assert total.figure.value == pytest.approx(sum(part.figure.value for part in parts if part))
    assert score.figure.value * unit_count == pytest.approx(total.figure.value)


@given(
    st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(BASES), st.sampled_from(SCOPES)), min_size=2, max_size=4)
)
def test_signals_of_two_types_are_never_combined(types: list[tuple[str, str, str]]) -> None:
    signals = [_signal(index, 100.0, *one) for index, one in enumerate(types)]
    energy = [(signals[0].start, signals[-1].end, 1.0)]
    if len(set(types)) > 1:
        with pytest.raises(SignalMismatch):
            spread_energy(energy, signals)
    else:
        assert len(spread_energy(energy, signals)) == len(types)


@given(figures("J"), figures("g/kWh", st.floats(1e-3, 2_000)), figures("1", pues))
def test_propagated_bounds_hold_the_value_and_stay_within_the_worst_case(
    energy: Figure, intensity: Figure, pue: Figure
) -> None:
    def emitted(energy_j: float, intensity_g_per_kwh: float, pue: float) -> float:
        return energy_j * intensity_g_per_kwh * pue

    inputs = {"energy_j": energy, "intensity_g_per_kwh": intensity, "pue": pue}
    value, low, high = propagate(emitted, inputs)
    worst = [emitted(*(getattr(one, end) for one in inputs.values())) for end in ("low", "high")]
    assert worst[0] * (1 - 1e-12) <= low <= value <= high <= worst[1] * (1 + 1e-12)
