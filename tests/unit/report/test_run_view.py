"""What a report says: figures in order, absent ones with reason and cure, notices first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from joulewise.core.records import Bundle
from joulewise.report import Grid, Section, find_rows, one_line, view
from joulewise.report.compose import notices
from joulewise.testing.bundles import STARTED, example_bundle, example_trace, figure


def bare(**changes) -> Bundle:
    """The example run as it is where no meter could be read and nobody counted anything."""
    full = example_bundle(coverage=None, unit=None, unit_count=None, environment={}, **changes)
    return Bundle(run=full.run)


def rows(found, title):
    return next(block for block in found.blocks if block.title == title).rows


def test_the_headline_is_energy_carbon_money_and_sci(run_view):
    assert [row.key for row in run_view.headline] == [
        "energy_j.with_idle_share.total",
        "emissions_g.location",
        "cost",
        "sci_g_per_unit.location",
    ]


def test_energy_shows_three_attributions_and_the_overhead(run_view):
    assert [row.key for row in rows(run_view, "Energy")] == [
        "energy_j.with_idle_share.total",
        "energy_j.dynamic.total",
        "energy_j.machine.total",
        "facility_energy_j",
    ]


def test_every_figure_has_method_bounds_and_steps(run_view):
    for row in run_view.rows():
        if row.figure is not None:
            assert row.method == row.figure.method
            assert row.how is not None
            assert row.shown
        else:
            assert row.reason
            assert row.cure


def test_keys_are_unique(run_view):
    keys = [row.key for row in run_view.rows()]

    assert sorted(keys) == sorted(set(keys))


def test_market_based_carbon_is_absent_without_a_contract_and_never_zero(run_view):
    found = next(row for row in run_view.rows() if row.key == "operational_g.market")

    assert found.figure is None
    assert found.shown == "not computed: no supply contract was given"
    assert "--market" in found.cure


def test_without_a_meter_energy_is_not_measured_and_carbon_says_why():
    found = view(bare())
    energy = rows(found, "Energy")[0]
    carbon = next(row for row in found.rows() if row.key == "operational_g.location")

    assert (energy.figure, energy.shown) == (None, "not measured: no meter could be read")
    assert energy.cure == "joulewise doctor"
    assert carbon.shown == "not computed: no energy was measured"
    assert "joulewise doctor" in one_line(found)
    assert not any(row.figure for row in found.rows())


def test_an_imported_energy_without_attribution_is_the_headline():
    full = example_bundle()
    total = next(one for one in full.measurements if one.component == "total")
    found = view(replace(full, measurements=(replace(total, attribution=None),), calculations=()))

    assert found.headline[0].key == "energy_j.total"


def test_carbon_names_zone_and_year_of_its_factor(run_view):
    found = next(row for row in run_view.rows() if row.key == "operational_g.location")

    assert found.note == "grid intensity DE 344 g CO2e/kWh, 2025"


def test_phases_of_one_name_are_joined(run_view):
    phases = next(block for block in run_view.blocks if block.title == "Phases")

    assert [line[0] for line in phases.rows] == ["load", "train", "  epoch (×3)", "evaluate"]
    assert phases.rows[2][2].figure.value == pytest.approx(4701)
    assert phases.rows[2][1] == "70.7 s"


def test_a_phase_without_a_reading_is_not_measured():
    full = example_bundle()
    found = view(replace(full, measurements=tuple(one for one in full.measurements if one.phase_id is None)))
    phases = next(block for block in found.blocks if block.title == "Phases")

    assert phases.rows[0][2].figure is None
    assert phases.rows[0][3] == "not known"


def test_two_devices_of_one_component_are_two_lines():
    full = example_bundle()
    gpu = [one for one in full.measurements if one.component == "gpu"]
    second = [replace(one, id=f"{one.id[:-1]}X", meter="nvml:GPU-2", device_id="other") for one in gpu]
    found = view(replace(full, measurements=(*full.measurements, *second)))
    components = next(block for block in found.blocks if block.title == "Energy by component")

    assert [line[0] for line in components.rows] == ["CPU", "GPU 1", "GPU 2"]
    assert "nvml:GPU-2" in components.note


def test_a_superseded_calculation_is_not_shown():
    full = example_bundle()
    old = next(one for one in full.calculations if one.name == "emissions_g")
    new = replace(old, id=f"{old.id[:-1]}Z", figure=figure(9.0, 8.0, 10.0, "g"), supersedes=old.id)
    found = list(view(replace(full, calculations=(*full.calculations, new))).rows())

    assert [row.figure.value for row in found if row.key == "emissions_g.location"] == [9.0]


def test_an_unknown_calculation_gets_a_section_of_its_own():
    full = example_bundle()
    other = replace(full.calculations[0], id="x", name="network_energy_j")
    found = view(replace(full, calculations=(*full.calculations, other)))

    assert [row.label for row in rows(found, "Other figures")] == ["Network energy"]


def test_children_stand_beside_and_keep_their_own_keys():
    child = example_bundle(id="01KKPB3RJ8000000000000CH1D", name="rank 1")
    found = view(example_bundle(), children=[child])
    below = next(block for block in found.blocks if block.title == "Runs below")

    assert (below.rows[0][0], below.rows[0][-1]) == ("rank 1", "01KKPB3RJ8000000000000CH1D")
    assert below.rows[0][3].key.startswith("run.01KKPB3RJ8000000000000CH1D.")


def test_the_parts_of_a_run_below_are_shown_and_can_be_explained():
    child = example_bundle(id="01KKPB3RJ8000000000000CH1D", name="inner")
    found = view(replace(example_bundle(unit=None, unit_count=None), phases=()), [child], example_trace())
    titles = [block.title for block in found.blocks]

    assert {"Phases, in inner", "Quality, in inner", "Per functional unit, in inner"} <= {*titles}
    assert "Per functional unit" not in titles
    assert {band.name for band in found.power.bands} >= {"load", "train"}
    assert find_rows(found, "phase.load")[0].key == "run.01KKPB3RJ8000000000000CH1D.phase.load.energy_j"


def test_the_parts_of_many_runs_below_are_their_own_reports():
    children = [example_bundle(id=f"01KKPB3RJ8000000000000CH1{letter}") for letter in "ABCD"]
    titles = [block.title for block in view(example_bundle(), children).blocks]

    assert "Runs below" in titles
    assert not [title for title in titles if ", in " in title]


def test_energies_of_a_report_share_one_unit_and_so_do_its_emissions(run_view):
    for head, unit in (("energy_j.", "Wh"), ("facility_energy_j", "Wh"), ("phase.", "Wh"), ("operational_g", "g CO2e")):
        texts = [row.shown for row in run_view.rows() if row.key.startswith(head) and row.figure]
        assert texts
        assert all(f" {unit} (" in text for text in texts), texts


def test_a_unit_of_work_is_named(run_view):
    labels = {row.key: row.label for row in run_view.rows()}

    assert labels["energy_j_per_unit"] == "Energy per inference"
    assert labels["sci_g_per_unit.location"] == "SCI per inference, location-based"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"warnings": ("rapl vanished",)}, "rapl vanished"),
        ({"status": "failed", "exit_code": 3}, "The run failed with exit code 3: its figures end there."),
        ({"status": "recovered", "exit_code": None}, "The run was recovered from the journal of a dead process"),
        ({"status": "killed", "exit_code": None}, "The run was killed: its figures end there."),
        ({"coverage": 0.5}, "Only 50 % of the time was metered"),
    ],
)
def test_what_must_be_known_is_said_first(changes, text):
    found = notices(example_bundle(**changes))

    assert any(one.level == "warning" and text in one.text for one in found)


def test_a_run_in_order_has_no_warning(run_view):
    assert [one.level for one in run_view.notices] == ["note"]


def test_an_old_factor_is_named():
    late = example_bundle(started_at=STARTED + timedelta(days=1200), ended_at=STARTED + timedelta(days=1201))

    assert any("ended on 2026-12-31" in one.text for one in notices(late))


def test_the_environment_is_named(run_view):
    found = dict(run_view.facts)

    assert found["Command"] == "python train.py --epochs 3"
    assert found["Git"] == "3f2c9e1d7b on main, with uncommitted changes"
    assert found["Machine"] == "8 CPUs, 30.9 GB memory, virtual machine"
    assert found["Python"] == "3.11.9"


def test_a_nameless_run_is_called_by_its_command():
    assert view(example_bundle(name="")).title == "python train.py --epochs 3"
    assert view(example_bundle(name="", command=())).title == "01KKPB3RJ80000000000D1G1TS"


def test_one_line_for_people(run_view):
    assert one_line(run_view) == (
        "1.43 Wh (1.24 – 1.70), modelled · 1.2 g CO2e (0.8 – 1.8), grid DE · "
        "0.00069 EUR (0.00048 – 0.00092) · 84.2 s · joulewise show 01KKPB3RJ80000000000D1G1TS"
    )


def test_the_one_line_leaves_out_money_without_a_price_and_asks_for_the_place():
    full = example_bundle()
    world = tuple(replace(one, zone="WORLD") if one.kind == "intensity" else one for one in full.factors)
    text = one_line(
        view(replace(full, factors=world, calculations=tuple(one for one in full.calculations if one.name != "cost")))
    )

    assert "cost" not in text
    assert "world's grids (--zone sets yours) · 84.2 s" in text


def test_the_one_line_says_once_why_nothing_was_measured():
    assert one_line(view(bare())) == (
        "energy with idle share not measured: no meter could be read (try: joulewise doctor) · 84.2 s · "
        "joulewise show 01KKPB3RJ80000000000D1G1TS"
    )


def test_blocks_are_sections_or_grids_with_titles(run_view):
    assert all(isinstance(block, Section | Grid) and block.title for block in run_view.blocks)


def test_a_view_is_pure():
    assert view(example_bundle(), trace=example_trace()) == view(example_bundle(), trace=example_trace())
