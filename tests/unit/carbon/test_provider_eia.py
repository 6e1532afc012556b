"""EIA: hours labelled by their end, pages, nulls, texts, late fuels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import atan2, cos, pi, sin

import pytest

from joulewise.carbon.mix import fuel_intensity
from joulewise.carbon.providers.context import SourceContext
from joulewise.carbon.providers.eia import Eia
from joulewise.core.errors import FactorError, ProviderUnavailable
from joulewise.testing.grid_answers import ENVIRON
from joulewise.testing.grid_server import Fault, GridServer

HOUR = timedelta(hours=1)


@pytest.fixture
def eia(server: GridServer) -> Eia:
    return Eia(SourceContext(url=server.address("eia"), environ=ENVIRON, now=server.now))


@pytest.mark.parametrize("zone", ["US-ERCT", "US-RFCE"], ids=["labelled by the end", "labelled by the start"])
def test_hours_are_where_they_belong(server: GridServer, eia: Eia, zone: str) -> None:
    """The stand-in's sun is highest, its grid cleanest, in the hour from 12 to 13 UTC."""
    found = eia.signals(zone, server.now() - 36 * HOUR, server.now() - 12 * HOUR)
    assert [one.start for one in found] == [server.now() - hours * HOUR for hours in range(36, 12, -1)]
    for one in found:
        expected = fuel_intensity(dict(server.grid.mix_mw(one.start)), "direct")
        assert expected is not None
        assert one.intensity_g_per_kwh == pytest.approx(expected[0], rel=1e-3)
    angles = [2 * pi * one.start.hour / 24 for one in found]
    east = sum(one.intensity_g_per_kwh * cos(angle) for one, angle in zip(found, angles, strict=True))
    north = sum(one.intensity_g_per_kwh * sin(angle) for one, angle in zip(found, angles, strict=True))
    assert abs(atan2(north, east)) < 0.05, "the centre of the dirty hours is midnight, as in the stand-in"


def test_subregions_are_direct_and_the_country_lifecycle(server: GridServer, eia: Eia) -> None:
    [part] = eia.signals("US-ERCT", server.now() - 5 * HOUR, server.now() - 4 * HOUR)
    [whole] = eia.signals("US", server.now() - 5 * HOUR, server.now() - 4 * HOUR)
    assert part.type == ("average", "direct", "production")
    assert whole.type == ("average", "lifecycle", "production")
    assert "public domain" in part.licence


def test_an_area_that_is_not_ours_widens_the_band(server: GridServer, eia: Eia) -> None:
    [ours] = eia.signals("US-SRTV", server.now() - 5 * HOUR, server.now() - 4 * HOUR)
    [near] = eia.signals("US-RFCM", server.now() - 5 * HOUR, server.now() - 4 * HOUR)
    assert near.intensity_g_per_kwh == ours.intensity_g_per_kwh
    assert near.low_g_per_kwh < ours.low_g_per_kwh
    assert near.high_g_per_kwh > ours.high_g_per_kwh


def test_pages_are_read_to_the_end(server: GridServer, eia: Eia) -> None:
    server.grid.page_rows = 50
    found = eia.signals("US-ERCT", server.now() - 48 * HOUR, server.now() - 24 * HOUR)
    assert len(found) == 24
    assert [query["offset"] for _, query in server.asked] == ["0", "50", "100"]


def test_pages_without_end_are_refused(server: GridServer, eia: Eia) -> None:
    row = b'{"period": "2026-03-20T10", "fueltype": "NG", "value": 5}'
    server.always = Fault(body=b'{"response": {"total": 1000000, "data": [' + row + b"]}}")
    with pytest.raises(ProviderUnavailable, match="more pages"):
        eia.signals("US-ERCT", server.now() - 5 * HOUR, server.now())


def test_a_row_that_comes_twice_counts_once(server: GridServer, eia: Eia) -> None:
    rows = [
        '{"period": "2026-03-20T10", "fueltype": "NG", "value": 999}',
        '{"period": "2026-03-20T10", "fueltype": "NG", "value": "100"}',
        '{"period": "2026-03-20T10", "fueltype": "WND", "value": 100.0}',
    ]
    server.always = Fault(body=f'{{"response": {{"data": [{",".join(rows)}]}}}}'.encode())
    [found] = eia.signals("US-ERCT", server.now() - 5 * HOUR, server.now())
    assert found.start == datetime(2026, 3, 20, 9, tzinfo=UTC)
    assert found.intensity_g_per_kwh == 185


def test_a_fuel_that_is_late_makes_no_clean_hour(server: GridServer, eia: Eia) -> None:
    late = [server.now() - hours * HOUR for hours in (3, 2, 1)]
    server.grid.lacking.update(("coal", hour) for hour in late)
    found = eia.signals("US-ERCT", server.now() - 8 * HOUR, server.now())
    assert found[-1].end == late[0]
    server.grid.lacking.add(("gas", server.now() - 6 * HOUR))
    again = {one.start: one.status for one in eia.signals("US-ERCT", server.now() - 8 * HOUR, server.now())}
    assert again[server.now() - 6 * HOUR] == "estimated"
    assert again[server.now() - 5 * HOUR] == "measured"


def test_odd_answers_are_told(server: GridServer, eia: Eia) -> None:
    with pytest.raises(FactorError, match="eia has no data for DE"):
        eia.signals("DE", server.now() - HOUR, server.now())
    for body in (b'{"response": []}', b'{"error": "x"}', b"[]"):
        server.always = Fault(body=body)
        with pytest.raises(ProviderUnavailable, match="another shape"):
            eia.signals("US-ERCT", server.now() - HOUR, server.now())
    server.always = Fault(body=b'{"response": {"data": [{"period": "20-03-2026"}]}}')
    with pytest.raises(ProviderUnavailable, match="unreadable period"):
        eia.signals("US-ERCT", server.now() - HOUR, server.now())


def test_a_wrong_key_is_told_and_not_shown(server: GridServer) -> None:
    source = Eia(SourceContext(url=server.address("eia"), environ={"JOULEWISE_EIA_KEY": "worn-out"}, now=server.now))
    with pytest.raises(ProviderUnavailable, match="invalid api_key") as caught:
        source.signals("US-ERCT", server.now() - HOUR, server.now())
    assert "worn-out" not in str(caught.value)
