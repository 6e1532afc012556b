"""Intensities from a file: times with zones, days that clocks change, Parquet, errors with their row."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from joulewise.carbon.providers.context import SourceContext
from joulewise.carbon.providers.file import IntensityFile
from joulewise.core.errors import FactorError, ProviderUnavailable

HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
HEAD = "zone,start,intensity_g_per_kwh\n"


def opened(path: Path, text: str | None = None) -> IntensityFile:
    if text is not None:
        path.write_text(text)
    return IntensityFile(SourceContext(file=str(path), now=lambda: NOON))


def test_what_is_not_given_has_stated_defaults(tmp_path: Path) -> None:
    source = opened(tmp_path / "own.csv", f"{HEAD}Germany,2026-03-20T10:00Z,100\nDE,2026-03-20T11:00Z,200\n")
    first, second = source.signals("DE", NOON - 2 * HOUR, NOON)
    assert (first.start, first.end, second.end) == (NOON - 2 * HOUR, NOON - HOUR, NOON)
    assert first.type == ("average", "lifecycle", "consumption")
    assert (first.low_g_per_kwh, first.high_g_per_kwh, first.source) == (90, 110, "file own.csv")


def test_every_column_is_taken(tmp_path: Path) -> None:
    text = (
        "zone,start,end,intensity_g_per_kwh,low_g_per_kwh,high_g_per_kwh,kind,basis,scope,status,issued_at,source,licence\n"
        "lab,2026-03-20T10:00Z,2026-03-20T10:15Z,100,80,130,marginal,direct,production,estimated,,meter,CC0\n"
    )
    [one] = opened(tmp_path / "own.csv", text).signals("lab", NOON - 5 * HOUR, NOON)
    assert one.end - one.start == HOUR / 4
    assert (one.low_g_per_kwh, one.high_g_per_kwh) == (80, 130)
    assert (one.type, one.status) == (("marginal", "direct", "production"), "estimated")
    assert (one.source, one.licence) == ("meter", "CC0")


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 6, 1), 24)])
def test_days_of_23_and_25_hours_have_each_hour_once(tmp_path: Path, day: tuple[int, int, int], hours: int) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime(*day, tzinfo=berlin).astimezone(UTC)
    end = (datetime(*day, tzinfo=berlin) + timedelta(days=1)).astimezone(UTC)
    moments = [start + index * HOUR for index in range(round((end - start) / HOUR))]
    lines = [f"DE,{moment.astimezone(berlin).isoformat()},{index + 1}" for index, moment in enumerate(moments)]
    found = opened(tmp_path / "own.csv", HEAD + "\n".join(lines)).signals("DE", start, end)
    assert len(found) == hours
    assert [one.start for one in found] == moments
    assert all(one.end - one.start == HOUR for one in found)


def test_a_time_without_a_zone_is_refused(tmp_path: Path) -> None:
    source = opened(tmp_path / "own.csv", f"{HEAD}DE,2026-10-25T02:30,100\n")
    with pytest.raises(ProviderUnavailable, match=r"own\.csv, row 2: .* has no time zone"):
        source.signals("DE", NOON, NOON + HOUR)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("DE,noon,1", "is no time"),
        ("DE,2026-03-20T10:00Z,much", "is no number"),
        ("DE,2026-03-20T10:00Z,-5", "low <= intensity"),
        ("DE,2026-03-20T10:00Z,nan", "is no number"),
        ("DE,2026-03-20T10:00Z,1\nDE,2026-03-20T10:00Z,2", "row 3: it overlaps"),
    ],
)
def test_bad_rows_are_named(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(ProviderUnavailable, match=said):
        opened(tmp_path / "own.csv", f"{HEAD}{row}\n").signals("DE", NOON - 5 * HOUR, NOON)


def test_missing_columns_files_and_zones_are_told(tmp_path: Path) -> None:
    with pytest.raises(ProviderUnavailable, match="no zone, intensity_g_per_kwh"):
        opened(tmp_path / "a.csv", "start\n2026-03-20T10:00Z\n").signals("DE", NOON, NOON + HOUR)
    with pytest.raises(ProviderUnavailable, match="can't read"):
        opened(tmp_path / "absent.csv").signals("DE", NOON, NOON + HOUR)
    with pytest.raises(ProviderUnavailable, match="no file is named"):
        IntensityFile().signals("DE", NOON, NOON + HOUR)
    with pytest.raises(FactorError, match=r"b\.csv has no zone FR") as caught:
        opened(tmp_path / "b.csv", f"{HEAD}DE,2026-03-20T10:00Z,1\n").signals("FR", NOON, NOON + HOUR)
    assert "DE" in caught.value.hint
    (tmp_path / "c.csv").write_bytes(b"\xff\xfe\x00zone")
    with pytest.raises(ProviderUnavailable, match="can't read"):
        opened(tmp_path / "c.csv").signals("DE", NOON, NOON + HOUR)


def test_rows_after_now_are_a_forecast(tmp_path: Path) -> None:
    text = (
        "zone,start,intensity_g_per_kwh,status,issued_at\n"
        "DE,2026-03-20T11:00Z,100,,\n"
        "DE,2026-03-20T12:00Z,200,,\n"
        "DE,2026-03-20T13:00Z,300,forecast,2026-03-20T06:00Z\n"
    )
    source = opened(tmp_path / "own.csv", text)
    assert [one.intensity_g_per_kwh for one in source.signals("DE", NOON - 5 * HOUR, NOON + 5 * HOUR)] == [100, 200]
    ahead = source.forecast("DE", NOON, NOON + 5 * HOUR)
    assert [one.intensity_g_per_kwh for one in ahead] == [200, 300]
    assert {one.status for one in ahead} == {"forecast"}
    assert ahead[0].issued_at is not None
    assert ahead[0].issued_at <= NOON
    assert ahead[1].issued_at == NOON - 6 * HOUR


def test_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    source = opened(path, f"{HEAD}DE,2026-03-20T10:00Z,100\n")
    assert source.signals("DE", NOON - 5 * HOUR, NOON)[0].intensity_g_per_kwh == 100
    path.write_text(f"{HEAD}DE,2026-03-20T10:00Z,150\n")
    os.utime(path, (1, 2))
    assert source.signals("DE", NOON - 5 * HOUR, NOON)[0].intensity_g_per_kwh == 150


def test_parquet_holds_the_same(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    path = tmp_path / "own.parquet"
    table = pyarrow.table(
        {"zone": ["DE", "DE"], "start": [NOON - 2 * HOUR, NOON - HOUR], "intensity_g_per_kwh": [100.0, None]}
    )
    pyarrow.parquet.write_table(table, path)
    [one] = opened(path).signals("DE", NOON - 5 * HOUR, NOON)
    assert (one.start, one.intensity_g_per_kwh) == (NOON - 2 * HOUR, 100)
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(ProviderUnavailable, match="can't read"):
        opened(path).signals("DE", NOON - 5 * HOUR, NOON)


def test_what_might_never_end_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(ProviderUnavailable, match="is no file"):
        opened(tmp_path / "pipe.csv").signals("DE", NOON, NOON + HOUR)


def test_a_file_without_rows_says_so(tmp_path: Path) -> None:
    with pytest.raises(FactorError) as caught:
        opened(tmp_path / "own.csv", HEAD).signals("DE", NOON, NOON + HOUR)
    assert caught.value.hint == "it has no rows"


@pytest.mark.parametrize("row", ["2e6,", "100,2e6"])
def test_an_intensity_that_no_grid_has_is_refused_with_its_row(tmp_path: Path, row: str) -> None:
    text = f"zone,start,intensity_g_per_kwh,high_g_per_kwh\nDE,2026-03-20T10:00Z,{row}\n"
    with pytest.raises(ProviderUnavailable, match="row 2: 2e\\+06 g/kWh"):
        opened(tmp_path / "own.csv", text).signals("DE", NOON - 5 * HOUR, NOON)
