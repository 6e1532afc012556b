"""From a measured energy to every figure, and what is absent with a notice."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from joulewise.carbon import Account, BundledAnnual, BundledShapes, Work, account, recompute
from joulewise.carbon.factors import FactorSet
from joulewise.carbon.location import Location
from joulewise.core.figures import Figure
from joulewise.core.records import Calculation, Host, Measurement
from joulewise.core.settings import Settings
from joulewise.core.signals import Signal
from joulewise.core.ulid import is_ulid

RUN = "01JABCDEFGHJKMNPQRSTVWXYZ0"
START = datetime(2024, 6, 1, 12, tzinfo=UTC)
GIVEN = Settings(
    zone="DE", pue=1.2, wue=0.3, price_per_kwh=0.4, market_g_per_kwh=50.0, embodied_kg=1000.0, lifespan_years=4.0
)


def _energy(value: float = 3.6e6, **changes: Any) -> Measurement:
    figure = Figure(value=value, low=value * 0.9, high=value * 1.1, unit="J", method=changes.pop("method", "measured"))
    fields = {"attribution": "with_idle_share", "meter": "powercap", **changes}
    return Measurement(
        id="01JABCDEFGHJKMNPQRSTVWXYZ1", run_id=RUN, quantity="energy_j", component="total", figure=figure, **fields
    )


def _work(energy: Measurement | None = None, **changes: Any) -> Work:
    whole = Figure(value=0.5, low=0.5, high=0.5, unit="1", method="measured", source="cgroup")
    fields = {
        "started_at": START,
        "ended_at": START + timedelta(hours=1),
        "duration_s": 3600.0,
        "unit": "inference",
        "unit_count": 1000.0,
        "resource_share": whole,
        **changes,
    }
    return Work(run_id=RUN, energy=energy or _energy(), **fields)


def _host(**changes: Any) -> Host:
    fields = {"cpu_count": 8, "memory_gb": 16.0, "virtual": False, "details": {}, **changes}
    return Host(id=RUN, name="box", cpu_family="icelake", **fields)


def _value(made: Account, name: str, basis: str = "") -> float:
    found = made.get(name, basis)
    assert found is not None, f"{name} is absent: {made.notices}"
    return found.figure.value


def _signal(start: datetime, intensity: float, **changes: str) -> Signal:
    typed = {"kind": "average", "basis": "lifecycle", "scope": "consumption", "status": "measured"} | changes
    return Signal(
        zone="DE",
        start=start,
        end=start + timedelta(minutes=30),
        intensity_g_per_kwh=intensity,
        low_g_per_kwh=intensity * 0.9,
        high_g_per_kwh=intensity * 1.1,
        source="live",
        licence="CC0",
        **typed,
    )


def _noon_g_per_kwh() -> float:
    """What the hour of START typically has in Germany: below the year's 336 g/kWh, at noon in June."""
    [signal] = BundledShapes().signals("DE", START, START + timedelta(hours=1))
    assert 150 < signal.intensity_g_per_kwh < 330
    return signal.intensity_g_per_kwh


def test_the_whole_account_by_hand() -> None:
    intensity = _noon_g_per_kwh()
    made = account(_work(), GIVEN)
    assert _value(made, "facility_energy_j") == pytest.approx(1.2 * 3.6e6)
    assert _value(made, "operational_g", "location") == pytest.approx(1.2 * intensity)
    assert _value(made, "operational_g", "market") == pytest.approx(1.2 * 50)
    embodied_g = 1_000_000 * 1 / (4 * 8760) * 0.5
    assert _value(made, "embodied_g") == pytest.approx(embodied_g)
    assert _value(made, "emissions_g", "location") == pytest.approx(1.2 * intensity + embodied_g)
    assert _value(made, "emissions_g", "market") == pytest.approx(1.2 * 50 + embodied_g)
    assert _value(made, "water_l") == pytest.approx(0.3 + 1.2 * 3.31)
    assert _value(made, "cost") == pytest.approx(1.2 * 0.4)
    assert _value(made, "energy_j_per_unit") == pytest.approx(3600)
    assert _value(made, "sci_g_per_unit") == pytest.approx((1.2 * intensity + embodied_g) / 1000)
    assert made.notices == ()
    assert made.location == Location(zone="DE", how="setting")


def test_units_and_bases_of_the_calculations() -> None:
    made = account(_work(), GIVEN)
    cost = made.get("cost")
    assert cost is not None
    assert cost.figure.unit == "EUR"
    assert [one.basis for one in made.calculations if one.name == "sci_g_per_unit"] == ["location"]
    per_unit = made.get("energy_j_per_unit")
    assert per_unit is not None
    assert not per_unit.pue_included


def test_every_stored_calculation_gives_the_same_bytes_again() -> None:
    for made in (account(_work(), GIVEN), account(_work(), Settings())):
        assert len(made.calculations) >= 7
        for calculation in made.calculations:
            stored = json.loads(json.dumps(calculation.inputs))
            again = Calculation(
                **{name: getattr(calculation, name) for name in Calculation.__slots__ if name != "inputs"},
                inputs=stored,
            )
            assert recompute(again) == calculation.figure


def test_every_input_says_where_it_is_from_and_every_factor_is_filed() -> None:
    made = account(_work(), Settings(zone="aws:eu-north-1", price_per_kwh=0.1))
    ids = {factor.id for factor in made.factors}
    calculated = {calculation.id for calculation in made.calculations}
    for calculation in made.calculations:
        for given in calculation.inputs.values():
            [origin] = {"measurement", "factor", "calculation", "setting", "run"} & given.keys()
            assert origin != "factor" or given["factor"] in ids
            assert origin != "calculation" or given["calculation"] in calculated
            assert {"value", "low", "high", "unit", "method", "source"} <= given.keys()
    used = {given.get("factor") for one in made.calculations for given in one.inputs.values()} - {None}
    assert used == ids
    assert "pue:aws:eu-north-1:2024:cloud-2025" in {id.partition("@")[0] for id in ids}


def test_filing_twice_gives_the_same_ids_and_different_calculations_differ() -> None:
    first, second = account(_work(), GIVEN), account(_work(), GIVEN)
    assert first == second
    ids = [one.id for one in first.calculations]
    assert len(set(ids)) == len(ids)
    assert all(is_ulid(one) and one[:10] == RUN[:10] for one in ids)


def test_pue_that_is_in_the_energy_is_not_applied_again() -> None:
    for energy in (_energy(pue_included=True), _energy(boundary="facility")):
        made = account(_work(energy), GIVEN)
        assert _value(made, "facility_energy_j") == 3.6e6
        assert _value(made, "water_l") == pytest.approx(0.3 / 1.2 + 3.31)
        assert any("pue is not applied" in notice for notice in made.notices)


def test_an_unknown_place_is_charged_the_world_with_its_band() -> None:
    made = account(_work(), Settings())
    operational = made.get("operational_g", "location")
    assert operational is not None
    assert operational.figure.method == "default"
    assert operational.figure.high / operational.figure.low > 20
    assert any("--zone" in notice for notice in made.notices)


def test_a_misspelt_zone_does_not_lose_the_run() -> None:
    made = account(_work(), Settings(zone="Germny"))
    assert made.location.zone == "WORLD"
    assert any("unknown zone 'Germny'" in notice for notice in made.notices)
    assert _value(made, "emissions_g", "location") > 0


def test_a_given_location_is_taken() -> None:
    made = account(_work(), Settings(), location=Location(zone="SE", region="aws:eu-north-1", how="cloud metadata"))
    pue = made.get("facility_energy_j")
    assert pue is not None
    assert pue.inputs["pue"]["value"] == 1.1


def test_a_region_without_a_water_figure_takes_the_default_of_the_class() -> None:
    made = account(_work(), Settings(zone="azure:australiacentral"))
    assert any(factor.id.startswith("wue:unknown") for factor in made.factors)
    assert any(factor.id.startswith("pue:azure:australiacentral") for factor in made.factors)


def test_what_is_not_given_is_absent_not_zero() -> None:
    made = account(_work(unit_count=None), Settings(zone="FR"))
    for name in ("cost", "energy_j_per_unit", "sci_g_per_unit"):
        assert made.get(name) is None
    assert made.get("operational_g", "market") is None
    assert made.get("emissions_g", "market") is None


@pytest.mark.parametrize("method", ["modelled", "default", "reported"])
def test_a_zero_that_nobody_measured_is_no_figure(method: str) -> None:
    made = account(_work(_energy(0.0, method=method)), GIVEN)
    assert [one.name for one in made.calculations] == ["embodied_g"]
    assert any("nothing was measured" in notice for notice in made.notices)


def test_a_measured_zero_is_zero() -> None:
    made = account(_work(_energy(0.0)), GIVEN)
    assert _value(made, "operational_g", "location") == 0
    assert _value(made, "water_l") == 0


def test_a_run_longer_than_the_machines_life_has_no_embodied_share() -> None:
    made = account(_work(duration_s=9e9), GIVEN)
    assert made.get("embodied_g") is None
    assert made.get("emissions_g", "location") is None
    assert _value(made, "operational_g", "location") > 0
    assert any("no embodied_g" in notice for notice in made.notices)


@pytest.mark.parametrize(
    ("host", "device_class", "embodied", "pue"),
    [
        (None, "", "embodied:unknown", 1.56),
        (_host(), "", "embodied:unknown", 1.56),
        (_host(details={"chassis": "Notebook"}), "", "embodied:laptop", 1.0),
        (_host(details={"gpu_count": 8}), "", "embodied:gpu-server", 1.56),
        (_host(virtual=True), "", "embodied:vcpu", 1.56),
        (_host(virtual=True), "edge", "embodied:edge", 1.0),
    ],
)
def test_defaults_follow_the_kind_of_machine(host: Host | None, device_class: str, embodied: str, pue: float) -> None:
    made = account(_work(host=host), Settings(zone="DE", device_class=device_class))
    assert any(factor.id.startswith(embodied) for factor in made.factors)
    facility = made.get("facility_energy_j")
    assert facility is not None
    assert facility.inputs["pue"]["value"] == pue


def test_an_unknown_device_class_is_said_and_leaves_the_rest() -> None:
    made = account(_work(), Settings(zone="DE", device_class="mainframe"))
    assert made.get("embodied_g") is None
    assert made.get("operational_g") is None
    assert any("mainframe" in notice for notice in made.notices)
    assert _value(made, "energy_j_per_unit") == pytest.approx(3600)


def test_an_unknown_share_charges_the_whole_machine_with_one_core_as_low_bound() -> None:
    made = account(_work(resource_share=None, host=_host()), GIVEN)
    embodied = made.get("embodied_g")
    assert embodied is not None
    assert embodied.inputs["resource_share"]["low"] == 1 / 8
    assert embodied.figure.high == embodied.figure.value
    assert any("share of the machine" in notice for notice in made.notices)
    nameless = account(_work(resource_share=None), GIVEN).get("embodied_g")
    assert nameless is not None
    assert nameless.figure.low == 0


def test_an_old_factor_is_told() -> None:
    later = _work(started_at=START.replace(year=2028), ended_at=START.replace(year=2028, hour=13))
    assert any("that of 2025" in notice for notice in account(later, GIVEN).notices)


def test_a_run_over_new_year_weighs_both_years() -> None:
    start = datetime(2023, 12, 31, 23, 30, tzinfo=UTC)
    made = account(_work(started_at=start, ended_at=start + timedelta(hours=1)), Settings(zone="FR", pue=1.0))
    assert _value(made, "intensity_g_per_kwh") == pytest.approx((53.26 + 40.48) / 2)
    assert _value(made, "operational_g", "location") == pytest.approx((53.26 + 40.48) / 2)


def test_a_night_and_a_noon_differ_where_typical_hours_are_known() -> None:
    night = _work(started_at=START - timedelta(hours=9), ended_at=START - timedelta(hours=8))
    at_night, at_noon = (_value(account(one, GIVEN), "operational_g", "location") for one in (night, _work()))
    assert at_night > 1.3 * at_noon


def test_a_week_of_typical_hours_is_a_factor_for_each_hour_of_the_day() -> None:
    days = 7
    hours = [START.replace(hour=0) + timedelta(hours=hour) for hour in range(24 * days)]
    energy = [(hour, hour + timedelta(hours=1), 1000.0 * (1 + hour.hour % 2)) for hour in hours]
    made = account(_work(started_at=hours[0], ended_at=energy[-1][1], energy_by_interval=energy), GIVEN)
    used = [factor for factor in made.factors if factor.kind == "intensity"]
    assert len(used) == 24
    assert {(factor.valid_from, factor.valid_to) for factor in used} == {("2024-06-01", "2024-06-30")}
    signals = BundledShapes().signals("DE", hours[0], energy[-1][1])
    pairs = [(one.intensity_g_per_kwh, joules) for one, (_, _, joules) in zip(signals, energy, strict=True)]
    whole_j = sum(joules for _, joules in pairs)
    mean = sum(intensity * joules for intensity, joules in pairs) / whole_j
    assert _value(made, "intensity_g_per_kwh") == pytest.approx(mean)
    weighted = made.get("intensity_g_per_kwh")
    assert weighted is not None
    assert sum(one["value"] for name, one in weighted.inputs.items() if name.startswith("energy_")) == whole_j


def test_what_hours_share_does_not_average_out() -> None:
    days = [START + timedelta(days=day) for day in range(30)]
    hour = account(_work(), GIVEN).get("operational_g", "location")
    energy = [(day, day + timedelta(hours=1), 1.2e5) for day in days]
    month = account(_work(ended_at=energy[-1][1], energy_by_interval=energy), GIVEN).get("operational_g", "location")
    assert hour is not None
    assert month is not None
    assert month.figure.relative_width == pytest.approx(hour.figure.relative_width, rel=0.2)


def test_hours_that_were_measured_stay_apart() -> None:
    energy = [(START + timedelta(hours=hour), START + timedelta(hours=hour + 1), 1.0) for hour in range(2)]
    signals = [_signal(START + timedelta(minutes=30 * half), 100.0 + half) for half in range(4)]
    made = account(_work(ended_at=energy[-1][1], energy_by_interval=energy), GIVEN, intervals=signals)
    assert len([factor for factor in made.factors if factor.kind == "intensity"]) == 4
    assert _value(made, "intensity_g_per_kwh") == pytest.approx(101.5)


def test_an_annual_signal_of_a_chain_is_the_annual_factor() -> None:
    end = START + timedelta(hours=1)
    made = account(_work(), GIVEN, intervals=BundledAnnual().signals("DE", START, end))
    [factor] = [factor for factor in made.factors if factor.kind == "intensity"]
    assert factor.id.startswith("intensity:DE:2024:ember-2026@")
    assert factor.resolution == "annual"
    assert _value(made, "operational_g", "location") == pytest.approx(1.2 * 336.38)


def test_live_intervals_are_weighted_with_the_energy_in_them() -> None:
    half = timedelta(minutes=30)
    signals = [_signal(START, 100.0), _signal(START + half, 400.0)]
    energy = [(START, START + half, 0.9e6), (START + half, START + 2 * half, 2.7e6)]
    made = account(_work(energy_by_interval=energy), GIVEN, intervals=signals)
    assert _value(made, "operational_g", "location") == pytest.approx(1.2 * (0.25 * 100 + 0.75 * 400))
    assert {factor.set_id for factor in made.factors if factor.kind == "intensity"} == {"live"}
    weighted = made.get("intensity_g_per_kwh")
    assert weighted is not None
    assert (weighted.figure.low, weighted.figure.high) == pytest.approx((0.9 * 325, 1.1 * 325))


@pytest.mark.parametrize("signals", [[_signal(START, 100.0)], [_signal(START, 1.0), _signal(START, 2.0)], []])
def test_a_hole_in_the_intensity_leaves_emissions_absent(signals: list[Signal]) -> None:
    made = account(_work(), GIVEN, intervals=signals)
    assert made.get("operational_g", "location") is None
    assert made.get("sci_g_per_unit") is None
    assert _value(made, "operational_g", "market") > 0
    assert any("no operational_g" in notice for notice in made.notices)


def test_unlike_intervals_are_refused_with_a_notice() -> None:
    signals = [_signal(START, 1.0), _signal(START + timedelta(minutes=30), 2.0, kind="marginal")]
    made = account(_work(), GIVEN, intervals=signals)
    assert made.get("operational_g", "location") is None
    assert any("different kinds" in notice for notice in made.notices)


def test_a_run_of_no_length_has_a_figure() -> None:
    made = account(_work(ended_at=START, duration_s=0.0), GIVEN)
    assert _value(made, "embodied_g") == 0
    assert _value(made, "operational_g", "location") == pytest.approx(1.2 * _noon_g_per_kwh())


def test_a_measured_zero_in_every_interval_is_zero() -> None:
    still = [(START, START + timedelta(hours=1), 0.0)]
    made = account(_work(_energy(0.0), energy_by_interval=still), GIVEN)
    assert _value(made, "operational_g", "location") == 0


def test_a_us_subregion_takes_the_water_of_its_country() -> None:
    made = account(_work(), Settings(zone="US-CAMX"))
    assert any(factor.id.startswith("ewif:US:") for factor in made.factors)
    assert any(":2023:egrid2023" in factor.source for factor in made.factors if factor.kind == "intensity")


def test_without_a_factor_for_it_a_figure_is_absent_with_a_notice() -> None:
    made = account(_work(), Settings(zone="DE", pue=1.1), FactorSet(with_bundled=False))
    assert [one.name for one in made.calculations] == ["facility_energy_j", "energy_j_per_unit"]
    for what in ("operational_g", "lifespan", "wue", "ewif"):
        assert any(what in notice for notice in made.notices), made.notices


def test_a_virtual_machine_without_a_factor_by_core_has_no_embodied_share() -> None:
    made = account(_work(host=_host(virtual=True)), Settings(lifespan_years=4.0), FactorSet(with_bundled=False))
    assert made.get("embodied_g") is None
    assert any("embodied" in notice for notice in made.notices)


def test_an_own_embodied_figure_without_a_lifespan_is_not_enough() -> None:
    made = account(_work(), Settings(embodied_kg=1000.0), FactorSet(with_bundled=False))
    assert made.get("embodied_g") is None
    assert any("lifespan" in notice for notice in made.notices)


def test_without_any_factor_for_the_class_a_default_embodied_share_is_absent() -> None:
    made = account(_work(), Settings(lifespan_years=4.0), FactorSet(with_bundled=False))
    assert made.get("embodied_g") is None
