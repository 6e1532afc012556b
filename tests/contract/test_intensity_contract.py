"""Every source of intensities keeps the contract, each against a stand-in of its provider."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from joulewise.carbon import BundledAnnual
from joulewise.carbon.cache import Cached
from joulewise.carbon.providers.context import SourceContext
from joulewise.carbon.providers.file import IntensityFile
from joulewise.carbon.shapes import BundledShapes
from joulewise.carbon.web import Web
from joulewise.core import plugins
from joulewise.testing.grid_answers import KEYS
from joulewise.testing.grid_server import DROP, GridServer, grid_server
from joulewise.testing.intensities import HOUR, IntensityContract, PlayedSource

ZONES = {"electricitymaps": "DE", "watttime": "US-CAMX", "uk": "GB", "eia": "US-ERCT", "entsoe": "PL"}


@pytest.fixture
def server() -> Iterator[GridServer]:
    with grid_server() as found:
        yield found


def context(server: GridServer, name: str) -> SourceContext:
    web = Web(sleep=lambda seconds: None)
    return SourceContext(url=server.address(name), environ=server.environ, web=web, now=server.now)


def live(server: GridServer, name: str) -> PlayedSource:
    def fail() -> None:
        server.always = DROP

    return PlayedSource(
        source=plugins.load("intensity", name)(context(server, name)),
        zone=ZONES[name],
        now=server.now(),
        hide=server.grid.nulls.add,
        fail=fail,
        secrets=tuple(KEYS.values()),
    )


class TestLiveSources(IntensityContract):
    @pytest.fixture(params=sorted(ZONES))
    def played(self, server: GridServer, request: pytest.FixtureRequest) -> PlayedSource:
        return live(server, request.param)


class TestCachedSources(IntensityContract):
    """With the memory on disk in front; what was kept must not hide a gap or a failure of other hours."""

    @pytest.fixture(params=["uk", "entsoe"])
    def played(self, server: GridServer, request: pytest.FixtureRequest, tmp_path: Path) -> PlayedSource:
        found = live(server, request.param)
        cached = Cached(found.source, tmp_path, server.now)
        return PlayedSource(
            source=cached, zone=found.zone, now=found.now, hide=found.hide, fail=found.fail, secrets=found.secrets
        )

    def test_asking_twice_says_the_same(self, played: PlayedSource) -> None:
        first = played.source.signals(played.zone, played.now - 9 * HOUR, played.now - 5 * HOUR)
        again = played.source.signals(played.zone, played.now - 9 * HOUR, played.now - 5 * HOUR)
        assert {one.grade for one in first} == {"live"}
        assert {one.grade for one in again} == {"cache"}
        assert [one.intensity_g_per_kwh for one in first] == [one.intensity_g_per_kwh for one in again]

    def test_forecasts_say_when_they_were_made(self, played: PlayedSource) -> None:
        if played.source.name == "uk":  # ENTSO-E has none
            super().test_forecasts_say_when_they_were_made(played)


class TestFile(IntensityContract):
    @pytest.fixture
    def played(self, server: GridServer, tmp_path: Path) -> PlayedSource:
        path = tmp_path / "own.csv"
        hours = [server.now() + hour * HOUR for hour in range(-240, 4)]
        values = dict.fromkeys(hours, "123.5")

        def write() -> None:
            lines = [f"DE,{hour.isoformat()},{value}" for hour, value in values.items()]
            path.write_text("\n".join(["zone,start,intensity_g_per_kwh", *lines]))

        def hide(hour: object) -> None:
            values[hour] = ""  # type: ignore[index]
            write()

        write()
        source = IntensityFile(SourceContext(file=str(path), now=server.now))
        return PlayedSource(source=source, zone="DE", now=server.now(), hide=hide, fail=path.unlink)


class TestBundled(IntensityContract):
    @pytest.fixture(params=["annual", "shapes"])
    def played(self, server: GridServer, request: pytest.FixtureRequest) -> PlayedSource:
        source = BundledAnnual() if request.param == "annual" else BundledShapes()
        return PlayedSource(source=source, zone="DE", now=server.now())
