"""The factor set: what it holds, how it is asked, compared and extended."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from joulewise.carbon import Zone, resolve, tables
from joulewise.carbon.factors import COLUMNS, FactorSet, read_file
from joulewise.core.errors import FactorError

BUNDLED = FactorSet.bundled()
_ROOT = Path(__file__).parents[3]


def _file(folder: Path, *rows: dict[str, str]) -> Path:
    path = folder / "own.csv"
    lines = [",".join(COLUMNS)]
    lines += [",".join(row.get(name, "") for name in COLUMNS) for row in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def _own(**changes: str) -> dict[str, str]:
    row = {"id": "mine", "kind": "intensity", "zone": "DE", "value": "100", "low": "90", "high": "110"}
    row |= {"unit": "g/kWh", "source": "our contract", "valid_from": "2026-01-01", "valid_to": "2026-12-31"}
    row |= {"method": "reported", "signal": "average", "basis": "lifecycle", "scope": "production"}
    return row | changes


def test_tables_are_those_of_the_manifest() -> None:
    names = (*tables.NAMES, *tables.SHAPES, *tables.LIVE)
    assert tables.manifest() == {f"{name}.csv": tables.table(name).sha256 for name in names}
    assert len(tables.set_sha256()) == 64


def test_every_factor_is_complete_bounded_and_unique() -> None:
    found = BUNDLED.list()
    assert len({factor.id for factor in found}) == len(found) > 2_400
    for factor in found:
        figure = factor.as_figure()
        assert figure.low >= 0, factor.id
        assert factor.source, factor.id
        assert factor.url.startswith("https://") or ":judgement@" in factor.id, factor.id
        assert factor.licence, factor.id
        assert factor.version, factor.id
        assert factor.sha256 in {tables.table(name).sha256 for name in tables.NAMES}
        assert factor.id.startswith(f"{factor.kind}:{factor.zone}:")
        if factor.valid_to:
            assert date.fromisoformat(factor.valid_from) < date.fromisoformat(factor.valid_to)


def test_the_world_is_a_default_with_a_wide_band_and_never_a_clean_grid() -> None:
    world = BUNDLED.find("intensity", "WORLD")
    assert world.method == "default"
    assert 400 < world.value < 550
    assert world.low < 50
    assert world.high > 800
    clean = [BUNDLED.find("intensity", zone).value for zone in ("NO", "SE", "FR", "IS")]
    assert all(value < world.value / 3 for value in clean)


@pytest.mark.parametrize(
    ("name", "zone"),
    [("DE", "DE"), ("deu", "DE"), ("Germany", "DE"), ("uk", "GB"), ("USA", "US"), ("CAMX", "US-CAMX")],
)
def test_intensity_is_found_by_any_name_of_a_place(name: str, zone: str) -> None:
    assert BUNDLED.find("intensity", name).zone == zone
    assert resolve(name) == BUNDLED.resolve(name) == Zone(zone)


@pytest.mark.parametrize(
    ("region", "zone"),
    [
        ("aws:eu-north-1", "SE"),
        ("eu-north-1", "SE"),
        ("azure:northeurope", "IE"),
        ("azure:westus", "US-CAMX"),
        ("gcp:us-central1", "US-MROW"),
        ("GCP:europe-west4", "NL"),
    ],
)
def test_a_cloud_region_has_the_zone_of_its_city_and_a_pue_of_its_own(region: str, zone: str) -> None:
    assert BUNDLED.find("intensity", region).zone == zone
    pue = BUNDLED.find("pue", region)
    assert pue.zone == BUNDLED.resolve(region).region
    assert 1 <= pue.low <= pue.value <= pue.high < 1.6


def test_all_144_regions_have_a_known_zone_and_say_where_from() -> None:
    rows = tables.table("cloud_regions").rows
    assert len(rows) == 144
    for row in rows:
        assert BUNDLED.find("intensity", row["zone"]).value > 0
        assert row["zone_source"]


def test_the_newest_year_that_is_not_after_the_asked_one_is_taken() -> None:
    assert BUNDLED.find("intensity", "DE", 2020).value == 355.61
    assert BUNDLED.find("intensity", "DE", 2031).valid_from == "2025-01-01"
    assert BUNDLED.find("intensity", "AE").valid_from == "2024-01-01"


def test_before_the_first_year_there_is_no_factor() -> None:
    with pytest.raises(FactorError, match="2015"):
        BUNDLED.find("intensity", "DE", 1999)


@pytest.mark.parametrize(
    ("zone", "close"), [("Germny", "DE"), ("aws:eu-north-9", "aws:eu-north-1"), ("???", "factors")]
)
def test_an_unknown_zone_names_close_ones(zone: str, close: str) -> None:
    with pytest.raises(FactorError) as caught:
        BUNDLED.resolve(zone)
    assert BUNDLED.get("intensity", zone) is None
    assert close in caught.value.hint
    with pytest.raises(FactorError, match="no intensity"):
        BUNDLED.find("intensity", zone)


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(FactorError, match="unknown kind"):
        BUNDLED.find("price", "DE")


def test_listing_by_kind_and_zone() -> None:
    assert {factor.valid_from[:4] for factor in BUNDLED.list("intensity", "DE")} == {
        str(year) for year in range(2015, 2026)
    }
    assert {factor.kind for factor in BUNDLED.list(zone="aws:eu-north-1")} >= {"pue", "wue", "intensity"}
    assert [factor.zone for factor in BUNDLED.list("lifespan", "laptop")] == ["laptop"]


def test_embodied_and_lifespan_are_in_grams_and_seconds() -> None:
    laptop = BUNDLED.find("embodied", "laptop")
    assert (laptop.value, laptop.unit) == (175_000, "g")
    assert BUNDLED.find("lifespan", "laptop").value == 4 * 365 * 86_400


def test_a_users_factor_wins_over_the_bundled_of_that_year_and_shows_in_the_diff(tmp_path: Path) -> None:
    own = BUNDLED.with_file(_file(tmp_path, _own()))
    assert own.find("intensity", "Germany", 2026).value == 100
    assert own.find("intensity", "DE", 2025).value == 329.65
    assert own.id != BUNDLED.id
    [change] = BUNDLED.diff(own)
    assert change.before is None
    assert change.after is not None
    assert change.after.source == "our contract"
    assert BUNDLED.diff(BUNDLED) == ()


def test_a_changed_number_is_another_factor(tmp_path: Path) -> None:
    [first] = read_file(_file(tmp_path, _own()))
    [second] = read_file(_file(tmp_path, _own(value="101")))
    assert first.id.startswith("mine@")
    assert first.id != second.id


def test_a_users_own_zone_needs_no_country(tmp_path: Path) -> None:
    own = FactorSet(read_file(_file(tmp_path, _own(zone="our-roof", low="", high=""))), with_bundled=False)
    assert own.resolve("our-roof").zone == "our-roof"
    assert own.find("intensity", "our-roof").low == 100
    assert own.kinds() == {"intensity"}
    assert own.id.startswith("own+")
    assert BUNDLED.with_file(_file(tmp_path, _own(zone="aws:eu-north-1"))).resolve("aws:eu-north-1").zone == "SE"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (_own(value="much"), "line 2"),
        (_own(low="200"), "low <= value"),
        (_own(value="nan"), "low <= value"),
        (_own(source=""), "no source"),
        (_own(valid_from="soon"), "line 2"),
        (_own(method="guessed"), "guessed"),
    ],
)
def test_a_bad_row_is_refused_with_its_line(tmp_path: Path, row: dict[str, str], said: str) -> None:
    with pytest.raises(FactorError, match=said):
        read_file(_file(tmp_path, row))


def test_a_bad_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FactorError, match="can't read"):
        read_file(tmp_path / "absent.csv")
    with pytest.raises(FactorError, match="no factor"):
        read_file(_file(tmp_path))
    (tmp_path / "odd.csv").write_text("id,colour\nx,red\n")
    with pytest.raises(FactorError, match="unknown column colour"):
        read_file(tmp_path / "odd.csv")


def test_the_package_reads_its_tables_with_the_standard_library_only() -> None:
    code = (
        "import sys\nfrom joulewise.carbon import FactorSet\nFactorSet.bundled().list()\n"
        "print(sorted({'numpy', 'pandas', 'pyarrow', 'sqlalchemy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
