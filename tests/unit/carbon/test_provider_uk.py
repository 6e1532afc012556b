"""Great Britain: nulls, gaps, half-hours, forecasts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from joulewise.carbon.providers.context import SourceContext
from joulewise.carbon.providers.uk import UkIntensity
from joulewise.core.errors import FactorError, ProviderUnavailable
from joulewise.testing.grid_server import HTML, Fault, GridServer

HOUR = timedelta(hours=1)


@pytest.fixture
def uk(server: GridServer) -> UkIntensity:
    return UkIntensity(SourceContext(url=server.address("uk") + "/", now=server.now))


def test_half_hours_with_their_type(server: GridServer, uk: UkIntensity) -> None:
    found = uk.signals("GB", server.now() - 3 * HOUR, server.now() - 2 * HOUR)
    assert [one.end - one.start for one in found] == [HOUR / 2] * 2
    assert {one.type for one in found} == {("average", "direct", "consumption")}
    assert {(one.status, one.licence) for one in found} == {("measured", "CC BY 4.0")}


def test_the_newest_half_hours_are_forecasts_and_say_so(server: GridServer, uk: UkIntensity) -> None:
    server.grid.nulls.update(server.now() - hours * HOUR for hours in (1, 9))
    found = {one.start: one for one in uk.signals("GB", server.now() - 10 * HOUR, server.now())}
    near = found[server.now() - HOUR]
    assert near.status == "estimated"
    assert near.high_g_per_kwh - near.intensity_g_per_kwh == 60
    assert server.now() - 9 * HOUR not in found, "an old gap is a gap, not a forecast"


def test_long_times_are_asked_in_pieces(server: GridServer, uk: UkIntensity) -> None:
    found = uk.signals("GB", server.now() - timedelta(days=30), server.now() - timedelta(hours=2))
    assert len(server.asked) == 3
    assert len(found) == (30 * 24 - 2) * 2


def test_other_zones_and_odd_answers(server: GridServer, uk: UkIntensity) -> None:
    with pytest.raises(FactorError, match="uk has no data for DE"):
        uk.signals("DE", server.now() - HOUR, server.now())
    with pytest.raises(FactorError):
        uk.forecast("DE", server.now(), server.now() + HOUR)
    bodies = {
        HTML.body: "no JSON",
        b"[1, 2]": "another shape",
        b'{"data": [{"from": "2026-03-20T10:00", "to": "x", "intensity": {"actual": 1}}]}': "without a zone",
        b'{"data": [{"from": "noon", "intensity": {"actual": 1}}]}': "unreadable time",
        b'{"data": [{"from": "2026-03-20T10:00Z", "intensity": {"actual": 1e9}}]}': "no grid",
    }
    for body, said in bodies.items():
        server.always = Fault(body=body)
        with pytest.raises(ProviderUnavailable, match=said):
            uk.signals("GB", server.now() - 3 * HOUR, server.now())


def test_rows_without_an_intensity_are_gaps(server: GridServer, uk: UkIntensity) -> None:
    server.always = Fault(body=b'{"data": [7, {"from": "2026-03-20T10:00Z", "to": "2026-03-20T10:30Z"}]}')
    assert uk.signals("GB", server.now() - 3 * HOUR, server.now()) == []
    assert uk.forecast("GB", server.now() - 3 * HOUR, server.now()) == []
