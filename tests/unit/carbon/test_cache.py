"""The memory on disk: no second request, validity, revisions, damage, crowds, and a provider that is down."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from joulewise.carbon.cache import PAUSE, Cached
from joulewise.carbon.cache_files import locked
from joulewise.carbon.deadline import Unreachable
from joulewise.carbon.providers.context import SourceContext
from joulewise.carbon.providers.electricitymaps import ElectricityMaps
from joulewise.carbon.providers.uk import UkIntensity
from joulewise.carbon.web import Web
from joulewise.core.errors import FactorError, ProviderUnavailable
from joulewise.testing.grid_answers import ENVIRON, KEYS
from joulewise.testing.grid_server import DROP, HTML, GridServer

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def cached(server: GridServer, folder: Path) -> Cached:
    context = SourceContext(url=server.address("uk"), now=server.now, web=Web(sleep=lambda seconds: None))
    return Cached(UkIntensity(context), folder, server.now)


def value_at(source: Cached, moment: datetime) -> float:
    return source.signals("GB", moment, moment + HOUR / 2)[0].intensity_g_per_kwh


def test_a_second_question_makes_no_request(server: GridServer, tmp_path: Path) -> None:
    first = cached(server, tmp_path).signals("GB", server.now() - 30 * HOUR, server.now() - 3 * HOUR)
    count = len(server.asked)
    again = cached(server, tmp_path).signals("GB", server.now() - 30 * HOUR, server.now() - 3 * HOUR)
    inner = cached(server, tmp_path).signals("GB", server.now() - 9.7 * HOUR, server.now() - 8.2 * HOUR)
    assert len(server.asked) == count == 1
    assert len(again) == len(first) == 54
    assert [one.grade for one in inner] == ["cache"] * len(inner)
    assert {one.grade for one in first} == {"live"}


def test_only_what_is_missing_is_asked_for(server: GridServer, tmp_path: Path) -> None:
    source = cached(server, tmp_path)
    source.signals("GB", server.now() - 30 * HOUR, server.now() - 20 * HOUR)
    found = source.signals("GB", server.now() - 30 * HOUR, server.now() - 10 * HOUR)
    path = server.asked[-1][0]
    assert path.endswith(f"/{server.now() - 20 * HOUR:%Y-%m-%dT%H:%MZ}/{server.now() - 10 * HOUR:%Y-%m-%dT%H:%MZ}")
    assert [one.grade for one in found] == ["cache"] * 20 + ["live"] * 20


def test_a_hole_is_remembered_as_a_hole(server: GridServer, tmp_path: Path) -> None:
    server.grid.nulls.add(server.now() - 20 * HOUR)
    source = cached(server, tmp_path)
    assert source.signals("GB", server.now() - 20 * HOUR, server.now() - 19 * HOUR) == []
    assert source.signals("GB", server.now() - 20 * HOUR, server.now() - 19 * HOUR) == []
    assert len(server.asked) == 1


def test_young_values_are_asked_for_again_until_they_settle(server: GridServer, tmp_path: Path) -> None:
    source = cached(server, tmp_path)
    hour = server.now() - 2 * HOUR
    assert value_at(source, hour) != 321
    server.grid.revised[hour] = 321.0
    assert value_at(source, hour) != 321, "within half an hour the answer stands"
    server.grid.now += timedelta(minutes=31)
    assert value_at(source, hour) == 321
    server.grid.revised[hour] = 333.0
    server.grid.now += 2 * DAY
    assert value_at(source, hour) == 333
    server.grid.revised[hour] = 350.0
    server.grid.now += 13 * HOUR
    assert value_at(source, hour) == 350
    server.grid.now += 8 * DAY
    assert value_at(source, hour) == 350, "once more after the time in which values are revised"
    count = len(server.asked)
    server.grid.now += 300 * DAY
    assert value_at(source, hour) == 350
    assert len(server.asked) == count, "settled for good"


def test_a_month_has_a_file_of_its_own(server: GridServer, tmp_path: Path) -> None:
    source = cached(server, tmp_path)
    found = source.signals("GB", server.now() - 60 * DAY, server.now() - 15 * DAY)
    assert len(found) == 45 * 48
    names = sorted(path.name for path in tmp_path.rglob("GB*.json"))
    assert names == ["GB.2026-01.json", "GB.2026-02.json", "GB.2026-03.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"version": 1}',
        '{"version": 99, "signals": [], "asked": []}',
        '{"version": 1, "signals": [{"zone": "GB"}], "asked": []}',
        '{"version": 1, "signals": [], "asked": [["2026-03-20T10:00", "2026-03-20T10:00"]]}',
        '{"version": 1, "signals": 7, "asked": 7}',
        "\x00\x01",
    ],
)
def test_a_damaged_file_is_fetched_anew(server: GridServer, tmp_path: Path, text: str) -> None:
    source = cached(server, tmp_path)
    source.signals("GB", server.now() - 3 * HOUR, server.now() - 2 * HOUR)
    [path] = tmp_path.rglob("GB.2026-03.json")
    path.write_text(text)
    assert source.signals("GB", server.now() - 3 * HOUR, server.now() - 2 * HOUR)[0].grade == "live"
    assert source.signals("GB", server.now() - 3 * HOUR, server.now() - 2 * HOUR)[0].grade == "cache"
    assert len(server.asked) == 2


def test_a_clock_that_was_wrong_does_not_keep_answers_for_ever(server: GridServer, tmp_path: Path) -> None:
    source = cached(server, tmp_path)
    real = server.grid.now
    server.grid.now = real + 3000 * DAY
    source.signals("GB", real - 3 * HOUR, real - 2 * HOUR)
    server.grid.now = real
    source.signals("GB", real - 3 * HOUR, real - 2 * HOUR)
    assert len(server.asked) == 2


def test_a_folder_that_can_not_be_written_costs_only_the_memory(server: GridServer, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    source = cached(server, blocked)
    for _ in range(2):
        assert source.signals("GB", server.now() - 3 * HOUR, server.now() - 2 * HOUR)
        assert source.forecast("GB", server.now(), server.now() + HOUR)
    assert len(server.asked) == 4


def test_no_key_reaches_the_disk(server: GridServer, tmp_path: Path) -> None:
    web = Web(sleep=lambda _: None)
    context = SourceContext(url=server.address("electricitymaps"), environ=ENVIRON, web=web, now=server.now)
    source = Cached(ElectricityMaps(context), tmp_path, server.now)
    source.signals("DE", server.now() - 3 * HOUR, server.now())
    source.forecast("DE", server.now(), server.now() + HOUR)
    server.always = DROP
    with pytest.raises(ProviderUnavailable):
        source.signals("FR", server.now() - 3 * HOUR, server.now())
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 3
    for path in files:
        assert not any(key.encode() in path.read_bytes() for key in KEYS.values())


def test_other_addresses_have_other_memories(server: GridServer, tmp_path: Path) -> None:
    cached(server, tmp_path).signals("GB", server.now() - 3 * HOUR, server.now() - 2 * HOUR)
    other = Cached(UkIntensity(SourceContext(url=f"{server.url}/uk/", now=server.now)), tmp_path, server.now)
    assert other.signals("GB", server.now() - 3 * HOUR, server.now() - 2 * HOUR)[0].grade == "cache", "a slash is none"
    there = Cached(UkIntensity(SourceContext(url=f"{server.url}/uk/v2", now=server.now)), tmp_path, server.now)
    assert there.signals("GB", server.now() - 3 * HOUR, server.now() - 2 * HOUR)[0].grade == "live"


def test_a_provider_that_is_down_is_left_alone_for_a_while(server: GridServer, tmp_path: Path) -> None:
    server.always = DROP
    with pytest.raises(Unreachable):
        cached(server, tmp_path).signals("GB", server.now() - 3 * HOUR, server.now())
    count = len(server.asked)
    with pytest.raises(Unreachable, match="asked again after 60 s"):
        cached(server, tmp_path).signals("GB", server.now() - 9 * HOUR, server.now() - 7 * HOUR)
    assert len(server.asked) == count
    server.always = None
    server.grid.now += PAUSE
    assert cached(server, tmp_path).signals("GB", server.now() - 9 * HOUR, server.now() - 7 * HOUR)


def test_a_wrong_zone_or_answer_does_not_lock_the_others_out(server: GridServer, tmp_path: Path) -> None:
    source = cached(server, tmp_path)
    with pytest.raises(FactorError):
        source.signals("DE", server.now() - 3 * HOUR, server.now())
    server.faults = [HTML]
    with pytest.raises(ProviderUnavailable, match="no JSON"):
        source.signals("GB", server.now() - 3 * HOUR, server.now())
    assert source.signals("GB", server.now() - 3 * HOUR, server.now())


def test_what_was_kept_serves_while_the_provider_is_down(server: GridServer, tmp_path: Path) -> None:
    source = cached(server, tmp_path)
    source.signals("GB", server.now() - 9 * HOUR, server.now() - 3 * HOUR)
    server.always = DROP
    server.grid.now += 5 * HOUR
    found = source.signals("GB", server.now() - 14 * HOUR, server.now())
    assert len(found) == 12
    assert {one.grade for one in found} == {"cache"}


def test_a_month_that_fails_does_not_take_the_other_along(server: GridServer, tmp_path: Path) -> None:
    source = cached(server, tmp_path)
    february = server.now() - 25 * DAY
    source.signals("GB", february, february + 5 * HOUR)
    server.always = DROP
    found = source.signals("GB", february, february + 10 * DAY)
    assert len(found) == 10
    assert found[-1].end == february + 5 * HOUR


def test_a_forecast_is_fresh_for_half_an_hour(server: GridServer, tmp_path: Path) -> None:
    source = cached(server, tmp_path)
    made = server.now()
    first = source.forecast("GB", made, made + 20 * HOUR)
    again = source.forecast("GB", made, made + 10 * HOUR)
    assert len(server.asked) == 1
    assert ({one.grade for one in first}, {one.grade for one in again}) == ({"live"}, {"cache"})
    source.forecast("GB", made, made + 30 * HOUR)
    assert len(server.asked) == 2, "a longer look ahead is another question"
    server.grid.now += timedelta(minutes=40)
    fresh = source.forecast("GB", server.now(), made + 30 * HOUR)
    assert {one.issued_at for one in fresh} == {server.now()}


def test_an_older_forecast_serves_for_a_day_while_the_provider_is_down(server: GridServer, tmp_path: Path) -> None:
    source = cached(server, tmp_path)
    made = server.now()
    source.forecast("GB", made, made + 40 * HOUR)
    server.always = DROP
    server.grid.now += 5 * HOUR
    found = source.forecast("GB", server.now(), made + 40 * HOUR)
    assert {one.issued_at for one in found} == {made}
    assert {one.grade for one in found} == {"cache"}
    server.grid.now += DAY
    with pytest.raises(Unreachable):
        source.forecast("GB", server.now(), made + 40 * HOUR)


def test_the_last_forecasts_are_kept_with_their_time(server: GridServer, tmp_path: Path) -> None:
    source = cached(server, tmp_path)
    for _ in range(26):
        source.forecast("GB", server.now(), server.now() + HOUR)
        server.grid.now += HOUR
    [path] = tmp_path.rglob("GB.forecast.json")
    kept = json.loads(path.read_text())["forecasts"]
    assert len(kept) == 24
    assert kept[-1]["signals"][0]["issued_at"] == (server.now() - HOUR).isoformat()


def test_a_source_without_forecasts_has_none(tmp_path: Path, server: GridServer) -> None:
    class Past:
        name = "past"

        def signals(self, zone: str, start: datetime, end: datetime) -> list[object]:
            return []

    source = Cached(Past(), tmp_path, server.now)  # type: ignore[arg-type]
    assert source.forecast("GB", server.now(), server.now() + HOUR) == ()


def test_a_holder_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "GB.2026-03.json"
    lock = os.open(path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    entered = []
    with locked(path, patience_s=0.1):
        entered.append(True)
    os.close(lock)
    assert entered


CROWD = """
import sys
from datetime import datetime, timedelta
from pathlib import Path
from joulewise.carbon.cache import Cached
from joulewise.carbon.providers.context import SourceContext
from joulewise.carbon.providers.uk import UkIntensity
now = datetime.fromisoformat(sys.argv[2])
source = Cached(UkIntensity(SourceContext(url=sys.argv[1], now=lambda: now)), Path(sys.argv[3]), lambda: now)
print(len(source.signals("GB", now - timedelta(hours=30), now - timedelta(hours=3))))
"""


def test_a_crowd_of_processes_makes_one_request(server: GridServer, tmp_path: Path) -> None:
    command = [sys.executable, "-c", CROWD, server.address("uk"), server.now().isoformat(), str(tmp_path)]
    crowd = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = [process.communicate(timeout=60)[0].strip() for process in crowd]
    assert said == ["54"] * 4
    assert len(server.asked) == 1
    assert not list(tmp_path.rglob("*.tmp"))
