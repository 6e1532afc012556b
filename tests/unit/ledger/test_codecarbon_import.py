"""CodeCarbon's emissions.csv, as its versions and its bugs write it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from joulewise import ledger
from joulewise.core.errors import LedgerError
from joulewise.ledger import RunQuery, read_codecarbon
from joulewise.testing.ledgers import empty_ledger

V3 = """
timestamp project_name run_id experiment_id duration emissions emissions_rate cpu_power gpu_power ram_power
cpu_energy gpu_energy ram_energy energy_consumed water_consumed country_name country_iso_code region
cloud_provider cloud_region os python_version codecarbon_version cpu_count cpu_model gpu_count gpu_model
longitude latitude ram_total_size tracking_mode cpu_utilization_percent gpu_utilization_percent
ram_utilization_percent ram_used_gb on_cloud pue wue
""".split()  # noqa: SIM905
V2 = [
    name
    for name in V3
    if not name.endswith("_percent")
    and name not in ("experiment_id", "water_consumed", "codecarbon_version", "ram_used_gb", "pue", "wue")
]
V1 = ["timestamp", "experiment_id", "project_name", "duration", "emissions", "energy_consumed", "on_cloud"]


def row(**changes: str) -> dict[str, str]:
    """Two hours at 0.5 kWh, of which the CPU 0.3 and the GPU none."""
    return {
        "timestamp": "2026-02-03T04:05:06",
        "project_name": "vision",
        "run_id": "3f6c",
        "experiment_id": "exp-1",
        "duration": "7200.0",
        "emissions": "0.2",
        "cpu_energy": "0.3",
        "gpu_energy": "0.0",
        "ram_energy": "0.2",
        "energy_consumed": "0.5",
        "country_name": "Côte d'Ivoire",
        "codecarbon_version": "3.3.2",
        "tracking_mode": "machine",
        "on_cloud": "N",
        "pue": "1.0",
        **changes,
    }


def written(path: Path, rows: list[dict[str, str]], columns: list[str] = V3) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, extrasaction="ignore", restval="")
    writer.writeheader()
    writer.writerows(rows)
    (path / "emissions.csv").write_text(text.getvalue(), encoding="utf-8")
    return str(path / "emissions.csv")


def test_the_newest_version_has_38_columns():
    assert len(V3) == 38


@pytest.mark.parametrize("columns", [V3, V2, V1], ids=["3.3", "2.0", "1.0"])
def test_units_and_times(tmp_path, columns):
    [bundle] = read_codecarbon(written(tmp_path, [row()], columns))
    figures = {(one.quantity, one.component): one.figure for one in bundle.measurements}
    ended = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)

    assert figures["energy_j", "total"].value == pytest.approx(1_800_000.0)
    assert figures["emissions_g", "total"].value == pytest.approx(200.0)
    assert {figure.method for figure in figures.values()} == {"reported"}
    assert (bundle.run.started_at, bundle.run.ended_at) == (ended - timedelta(hours=2), ended)
    assert bundle.run.duration_s == 7200.0
    assert (bundle.run.name, bundle.run.project, bundle.run.kind) == ("vision", "vision", "train")
    assert any("taken as UTC" in warning for warning in bundle.run.warnings)


def test_zero_stands_for_not_read(tmp_path):
    [bundle] = read_codecarbon(written(tmp_path, [row()]))

    assert [one.component for one in bundle.measurements if one.quantity == "energy_j"] == ["total", "cpu", "dram"]
    [empty] = read_codecarbon(
        written(tmp_path, [row(energy_consumed="0", emissions="0", cpu_energy="", ram_energy="0")])
    )
    assert empty.measurements == ()


def test_the_band_holds_what_is_known_of_its_errors(tmp_path):
    [long, short] = read_codecarbon(
        written(tmp_path, [row(), row(run_id="b", duration="7200", energy_consumed="0.01", emissions="")])
    )
    energy = next(one.figure for one in long.measurements if one.component == "total")
    offset = short.measurements[0].figure

    assert energy.low == pytest.approx(0.43 * 1.8e6)
    assert energy.high == pytest.approx(1.8e6 / 0.44)
    assert offset.high == pytest.approx(1.24 * 36_000 + 50 * 7200)


def test_what_the_tool_says_of_its_boundary_is_kept(tmp_path):
    machine, process = read_codecarbon(
        written(
            tmp_path,
            [row(), row(run_id="b", tracking_mode="process", pue="1.4", timestamp="2026-02-03T04:05:06+02:00")],
        )
    )

    assert {one.attribution for one in machine.measurements} == {"machine"}
    assert {one.attribution for one in process.measurements} == {None}
    assert [machine.measurements[0].pue_included, process.measurements[0].pue_included] == [False, True]
    assert machine.measurements[0].meter == "codecarbon 3.3.2"
    assert process.run.ended_at == datetime(2026, 2, 3, 2, 5, 6, tzinfo=UTC)
    assert not any("UTC" in warning for warning in process.run.warnings)
    assert machine.run.environment["codecarbon"]["country_name"] == "Côte d'Ivoire"


def test_of_one_run_the_longest_row_counts(tmp_path):
    rows = [row(duration="60", energy_consumed="0.1"), row(), row(duration="7199.9", energy_consumed="0.4")]
    found = read_codecarbon(written(tmp_path, [*rows, row(run_id="other")]))

    assert [bundle.run.duration_s for bundle in found] == [7200.0, 7200.0]
    assert "2 shorter rows" in found[0].run.warnings[-1]
    assert [problem.split(":")[0] for problem in found.problems] == ["line 2", "line 4"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"duration": "France"}, "duration is 'France'"),
        ({"duration": ""}, "duration is empty"),
        ({"duration": "1e30"}, "duration is 1e+30"),
        ({"energy_consumed": "-1"}, "energy_consumed is '-1'"),
        ({"emissions": "inf"}, "emissions is 'inf'"),
        ({"cpu_energy": "Intel(R)"}, "cpu_energy is 'Intel(R)'"),
        ({"timestamp": "yesterday"}, "timestamp is 'yesterday'"),
    ],
)
def test_a_shifted_row_is_named(tmp_path, change, said):
    found = read_codecarbon(written(tmp_path, [row(**change), row(run_id="fine")]))

    assert len(found) == 1
    assert found.problems == (f"line 2: {said}",)


def test_torn_lines_and_a_second_header_are_survived(tmp_path):
    path = written(tmp_path, [row()])
    old = ",".join(V1) + "\n2025-01-01T00:00:00,e,p,10,0.1,0.2,N\n"
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"2026-02-03T04:05:06,vision,3f6c\n\n{old}")
    found = read_codecarbon(path)

    assert [bundle.run.duration_s for bundle in found] == [7200.0, 10.0]
    assert found.problems == ("line 3: 3 cells, the header has 38",)


def test_bytes_that_are_no_text_do_no_harm(tmp_path):
    path = written(tmp_path, [row()])
    content = Path(path).read_bytes().replace(b"vision", b"vis\xffion")
    Path(path).write_bytes(content)
    [bundle] = read_codecarbon(path)
    with ledger.open(empty_ledger(tmp_path / "ledger.db")) as store:
        assert store.append(bundle)
        assert store.runs().rows[0].name == "vis\udcffion"


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "timestamp,duration\n1,2\n"])
def test_another_file_is_refused(tmp_path, text):
    path = tmp_path / "emissions.csv"
    path.write_text(text)
    with ledger.open(empty_ledger(tmp_path / "ledger.db")) as store:
        if text:
            with pytest.raises(LedgerError, match="not an emissions"):
                store.import_codecarbon(str(path))
        else:
            assert store.import_codecarbon(str(path)).runs == 0
        with pytest.raises(LedgerError, match="can't read"):
            store.import_codecarbon(str(tmp_path / "nowhere.csv"))


def test_importing_again_and_again_files_each_run_once(tmp_path):
    with ledger.open(empty_ledger(tmp_path / "ledger.db")) as store:
        path = written(tmp_path, [row(duration="60", energy_consumed="0.1"), row(run_id="b")])
        first = store.import_codecarbon(path)
        again = store.import_codecarbon(path)
        grown = store.import_codecarbon(written(tmp_path, [row(duration="60", energy_consumed="0.1"), row()]))
        shrunk = store.import_codecarbon(written(tmp_path, [row(duration="90")]))

        assert [(found.runs, found.present) for found in (first, again, grown, shrunk)] == [
            (2, 0),
            (0, 2),
            (1, 0),
            (0, 1),
        ]
        assert len(grown.problems) == 1
        assert [one.duration_s for one in store.runs().rows] == [7200.0, 7200.0]
        assert store.runs(RunQuery(include_superseded=True)).total == 3
        assert store.runs().rows[0].energy.method == "reported"
        assert store.totals().emissions.value == pytest.approx(400.0)
        assert store.verify().ok
