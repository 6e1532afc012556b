"""WattTime: logins, units, five minutes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from joulewise.carbon.providers.context import SourceContext
from joulewise.carbon.providers.watttime import WattTime
from joulewise.core.errors import ProviderUnavailable
from joulewise.testing.grid_answers import ENVIRON
from joulewise.testing.grid_server import Fault, GridServer

HOUR = timedelta(hours=1)


@pytest.fixture
def watttime(server: GridServer) -> WattTime:
    return WattTime(SourceContext(url=server.address("watttime"), environ=ENVIRON, now=server.now))


def test_pounds_per_megawatt_hour_become_grams_per_kilowatt_hour(server: GridServer, watttime: WattTime) -> None:
    found = watttime.signals("US-CAMX", server.now() - 2 * HOUR, server.now() - HOUR)
    assert len(found) == 12
    assert found[0].intensity_g_per_kwh == pytest.approx(server.grid.intensity_g_per_kwh(found[0].start), rel=1e-4)
    assert found[0].type == ("marginal", "direct", "production")
    assert found[0].status == "estimated"
    assert "not to be passed on" in found[0].licence


def test_an_old_login_is_renewed_once(server: GridServer, watttime: WattTime) -> None:
    watttime.signals("US-CAMX", server.now() - 2 * HOUR, server.now() - HOUR)
    watttime.signals("US-CAMX", server.now() - 2 * HOUR, server.now() - HOUR)
    assert [path for path, _ in server.asked] == ["/wt/login", "/wt/v3/historical", "/wt/v3/historical"]
    server.expire_logins()
    assert watttime.signals("US-CAMX", server.now() - 2 * HOUR, server.now() - HOUR)
    assert [path for path, _ in server.asked[3:]] == ["/wt/v3/historical", "/wt/login", "/wt/v3/historical"]


def test_a_refused_login_is_told(server: GridServer) -> None:
    environ = ENVIRON | {"JOULEWISE_WATTTIME_PASSWORD": "mistyped"}
    source = WattTime(SourceContext(url=server.address("watttime"), environ=environ, now=server.now))
    with pytest.raises(ProviderUnavailable, match="wrong user or password") as caught:
        source.signals("US-CAMX", server.now() - 2 * HOUR, server.now())
    assert "mistyped" not in str(caught.value)


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"token": 5}', b'{"token": "a\\nb"}', b'{"token": ""}'])
def test_a_login_without_a_token_is_none(server: GridServer, watttime: WattTime, body: bytes) -> None:
    server.faults = [Fault(body=body)]
    with pytest.raises(ProviderUnavailable, match="without a token"):
        watttime.signals("US-CAMX", server.now() - 2 * HOUR, server.now())


def test_a_percentile_is_not_taken_for_an_intensity(server: GridServer, watttime: WattTime) -> None:
    server.grid.units = "percentile"
    with pytest.raises(ProviderUnavailable, match="'percentile', not in lbs_co2_per_mwh"):
        watttime.signals("US-CAMX", server.now() - 2 * HOUR, server.now())


def test_long_times_come_in_pieces_of_a_month(server: GridServer, watttime: WattTime) -> None:
    found = watttime.signals("US-CAMX", server.now() - timedelta(days=40), server.now() - HOUR)
    assert len([path for path, _ in server.asked if path.endswith("historical")]) == 2
    assert len(found) == (40 * 24 - 1) * 12


def test_forecasts_look_at_most_three_days_ahead(server: GridServer, watttime: WattTime) -> None:
    found = watttime.forecast("US-CAMX", server.now(), server.now() + 100 * HOUR)
    assert server.asked[-1][1]["horizon_hours"] == "72"
    assert found[-1].end == server.now() + 72 * HOUR
    assert {one.issued_at for one in found} == {server.now()}
    watttime.forecast("US-CAMX", server.now(), server.now() + timedelta(minutes=90))
    assert server.asked[-1][1]["horizon_hours"] == "2"


def test_points_without_a_value_are_gaps(server: GridServer, watttime: WattTime) -> None:
    watttime.signals("US-CAMX", server.now() - 2 * HOUR, server.now())
    body = b'{"data": [{"point_time": "2026-03-20T11:00:00Z", "value": null}], "meta": {"units": "lbs_co2_per_mwh"}}'
    server.always = Fault(body=body)
    assert watttime.signals("US-CAMX", server.now() - 2 * HOUR, server.now()) == []
