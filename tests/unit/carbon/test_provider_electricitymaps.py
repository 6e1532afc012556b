"""Electricity Maps: nulls, flags, plans, pages, versions."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from joulewise.carbon.providers.context import SourceContext
from joulewise.carbon.providers.electricitymaps import ElectricityMaps
from joulewise.core.errors import FactorError, ProviderUnavailable
from joulewise.testing.grid_server import Fault, GridServer

HOUR = timedelta(hours=1)


@pytest.fixture
def maps(server: GridServer) -> ElectricityMaps:
    return ElectricityMaps(context(server))


def context(server: GridServer, **changes: str) -> SourceContext:
    return SourceContext(
        url=changes.get("url") or server.address("electricitymaps"), environ=server.environ, now=server.now
    )


def test_the_last_day_comes_from_history(server: GridServer, maps: ElectricityMaps) -> None:
    server.grid.nulls.add(server.now() - 5 * HOUR)
    server.grid.estimated.add(server.now() - 4 * HOUR)
    found = maps.signals("DE", server.now() - 6 * HOUR, server.now() - 3 * HOUR)
    assert [path for path, _ in server.asked] == ["/v3/carbon-intensity/history"]
    assert [(server.now() - one.start) / HOUR for one in found] == [6, 4], "null is a gap, not zero"
    assert [one.status for one in found] == ["measured", "estimated"]
    assert (
        found[1].high_g_per_kwh / found[1].intensity_g_per_kwh > found[0].high_g_per_kwh / found[0].intensity_g_per_kwh
    )
    assert {one.type for one in found} == {("average", "lifecycle", "consumption")}


def test_older_times_come_in_pieces_of_ten_days(server: GridServer, maps: ElectricityMaps) -> None:
    found = maps.signals("US-CAMX", server.now() - timedelta(days=25), server.now() - timedelta(days=2))
    assert [query["zone"] for _, query in server.asked] == ["US-CAL-CISO"] * 3
    assert len(found) == 23 * 24
    assert {one.zone for one in found} == {"US-CAMX"}


def test_a_plan_of_the_last_day_only_gives_what_it_has(server: GridServer, maps: ElectricityMaps) -> None:
    server.refused_paths.add("past-range")
    found = maps.signals("DE", server.now() - 40 * HOUR, server.now())
    assert found[0].start == server.now() - 24 * HOUR
    with pytest.raises(ProviderUnavailable, match="unauthorized"):
        maps.signals("DE", server.now() - 90 * HOUR, server.now() - 80 * HOUR)


def test_forecasts_reach_as_far_as_asked(server: GridServer, maps: ElectricityMaps) -> None:
    for ahead_h, horizon in ((3, "6"), (20, "24"), (48, "48"), (90, "72")):
        found = maps.forecast("DE", server.now(), server.now() + ahead_h * HOUR)
        assert server.asked[-1][1]["horizonHours"] == horizon
        assert len(found) == min(ahead_h, 73)
        assert {one.issued_at for one in found} == {server.now() - timedelta(minutes=20)}


def test_the_version_is_part_of_the_address(server: GridServer) -> None:
    source = ElectricityMaps(context(server, url=f"{server.url}/v4"), basis="direct")
    [found] = source.signals("DE", server.now() - 2 * HOUR, server.now() - HOUR)
    assert server.asked[-1][0].startswith("/v4/")
    assert found.basis == "direct"
    assert "direct" in source.identity


def test_quarter_hours_stay_quarter_hours(server: GridServer, maps: ElectricityMaps) -> None:
    rows = [
        {"carbonIntensity": 100 + minute, "datetime": f"2026-03-20T08:{minute:02}:00.000Z"}
        for minute in (0, 15, 30, 45)
    ]
    server.always = Fault(body=json.dumps({"zone": "DE", "history": rows}).encode())
    found = maps.signals("DE", server.now() - 6 * HOUR, server.now())
    assert [(one.end - one.start) / HOUR for one in found] == [0.25] * 4


def test_a_missing_wrong_or_unknown_thing_is_told(server: GridServer, maps: ElectricityMaps) -> None:
    with pytest.raises(FactorError, match="no data for EU"):
        maps.signals("EU", server.now() - HOUR, server.now())
    with pytest.raises(ProviderUnavailable, match="does not exist"):
        maps.signals("XX", server.now() - HOUR, server.now())
    bare = ElectricityMaps(SourceContext(url=server.url, now=server.now, ring=lambda service, name: None))
    with pytest.raises(ProviderUnavailable, match="no electricitymaps_token"):
        bare.signals("DE", server.now() - HOUR, server.now())
    wrong = ElectricityMaps(
        SourceContext(
            url=server.address("electricitymaps"), now=server.now, environ={"JOULEWISE_ELECTRICITYMAPS_TOKEN": "stale"}
        )
    )
    with pytest.raises(ProviderUnavailable, match="401") as caught:
        wrong.signals("DE", server.now() - HOUR, server.now())
    assert "stale" not in str(caught.value)
