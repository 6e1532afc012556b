"""ENTSO-E: curves, resolutions, storage, acknowledgements."""

from __future__ import annotations

from datetime import timedelta

import pytest

from joulewise.carbon.mix import fuel_intensity
from joulewise.carbon.providers.context import SourceContext
from joulewise.carbon.providers.entsoe import Entsoe
from joulewise.core.errors import FactorError, ProviderUnavailable
from joulewise.testing import grid_answers
from joulewise.testing.grid_answers import ENVIRON, daily_mix_mw
from joulewise.testing.grid_server import HTML, Fault, GridServer

HOUR = timedelta(hours=1)


@pytest.fixture
def entsoe(server: GridServer) -> Entsoe:
    return Entsoe(SourceContext(url=server.address("entsoe"), environ=ENVIRON, now=server.now))


@pytest.mark.parametrize("curve", ["A01", "A03"])
@pytest.mark.parametrize("step_minutes", [15, 30, 60])
def test_both_curves_in_every_resolution_say_the_same(
    server: GridServer, entsoe: Entsoe, curve: str, step_minutes: int
) -> None:
    server.grid.curve, server.grid.step_minutes = curve, step_minutes
    found = entsoe.signals("DE", server.now() - 24 * HOUR, server.now())
    assert len(found) == 24
    for one in found:
        expected = fuel_intensity(daily_mix_mw(one.start), "lifecycle")
        assert expected is not None
        assert one.intensity_g_per_kwh == pytest.approx(expected[0], rel=1e-3)
        assert one.type == ("average", "lifecycle", "production")
        assert one.status == "measured"


def test_what_a_full_curve_leaves_out_is_a_gap_not_a_repetition(server: GridServer, entsoe: Entsoe) -> None:
    _, body = grid_answers.entsoe(
        server.grid,
        {
            "periodStart": (server.now() - 9 * HOUR).strftime("%Y%m%d%H%M"),
            "periodEnd": server.now().strftime("%Y%m%d%H%M"),
        },
    )
    coal = body.find(b"B05")
    for position in range(3, 8):
        point = f"<Point><position>{position}</position><quantity>1000</quantity></Point>".encode()
        assert point in body[coal:]
        body = body[:coal] + body[coal:].replace(point, b"", 1)
    server.always = Fault(body=body)
    found = entsoe.signals("DE", server.now() - 9 * HOUR, server.now())
    assert [(server.now() - one.start) / HOUR for one in found] == [9, 8, 2, 1]


def test_a_late_type_makes_no_clean_hour(server: GridServer, entsoe: Entsoe) -> None:
    server.grid.lacking.update({("coal", server.now() - HOUR), ("gas", server.now() - HOUR)})
    found = entsoe.signals("DE", server.now() - 5 * HOUR, server.now())
    assert found[-1].end == server.now() - HOUR


def test_nothing_there_is_a_hole_and_no_failure(server: GridServer, entsoe: Entsoe) -> None:
    assert entsoe.signals("DE", server.now() + HOUR, server.now() + 2 * HOUR) == []
    acknowledgement = grid_answers._acknowledgement("No matching data found for Data item")
    server.always = Fault(status=400, body=acknowledgement)
    assert entsoe.signals("DE", server.now() - 2 * HOUR, server.now()) == []


def test_a_month_at_a_time_and_less_where_that_is_too_much(server: GridServer, entsoe: Entsoe) -> None:
    entsoe.signals("DE", server.now() - timedelta(days=40), server.now())
    assert len(server.asked) == 2
    too_much = grid_answers._acknowledgement("The amount of requested data exceeds allowed limit.")
    server.asked.clear()
    server.faults = [Fault(status=400, body=too_much)]
    found = entsoe.signals("DE", server.now() - timedelta(days=10), server.now())
    assert len(server.asked) == 3
    assert len(found) == 240


def test_what_is_always_too_much_is_told(server: GridServer, entsoe: Entsoe) -> None:
    server.always = Fault(status=400, body=grid_answers._acknowledgement("exceeds\n allowed limit"))
    with pytest.raises(ProviderUnavailable, match="refuses: exceeds allowed limit"):
        entsoe.signals("DE", server.now() - timedelta(days=3), server.now())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (HTML.body + b"<p>", "no XML"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "no market document"),
        (b"<a/>", "no reason given"),
        (b"<GL_MarketDocument><TimeSeries><Period/></TimeSeries></GL_MarketDocument>", "unreadable time"),
    ],
)
def test_odd_answers_are_told(server: GridServer, entsoe: Entsoe, body: bytes, said: str) -> None:
    server.always = Fault(body=body)
    with pytest.raises(ProviderUnavailable, match=said):
        entsoe.signals("DE", server.now() - 2 * HOUR, server.now())


def test_steps_of_a_day_are_refused(server: GridServer, entsoe: Entsoe) -> None:
    period = (
        b"<Period><timeInterval><start>2026-03-20T00:00Z</start><end>2026-03-21T00:00Z</end></timeInterval>"
        b"<resolution>P1D</resolution></Period>"
    )
    server.always = Fault(body=b"<GL_MarketDocument><TimeSeries>" + period + b"</TimeSeries></GL_MarketDocument>")
    with pytest.raises(ProviderUnavailable, match="P1D"):
        entsoe.signals("DE", server.now() - 2 * HOUR, server.now())


def test_zones_outside_europe_are_not_its_own(server: GridServer, entsoe: Entsoe) -> None:
    with pytest.raises(FactorError, match="entsoe has no data for US-CAMX"):
        entsoe.signals("US-CAMX", server.now() - 2 * HOUR, server.now())
