"""The chain: best source first, one type an answer, holes filled and said, nothing ever raised or held up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from joulewise import carbon
from joulewise.carbon import chain as chain_module
from joulewise.carbon.chain import Chain
from joulewise.carbon.intensity import spread_energy
from joulewise.carbon.shapes import BundledShapes
from joulewise.carbon.web import Web
from joulewise.core.errors import FactorError, NotFound, ProviderUnavailable, UsageError
from joulewise.core.settings import Settings
from joulewise.core.signals import Signal, require_one_type
from joulewise.testing.grid_server import DROP, HTML, GridServer, busy

HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
LIVE = ("average", "lifecycle", "consumption")
BUNDLED = ("average", "lifecycle", "production")


def signal(start: datetime, value: float = 100.0, type: tuple[str, str, str] = LIVE, **changes: object) -> Signal:
    fields = {
        "zone": "DE",
        "start": start,
        "end": start + HOUR,
        "intensity_g_per_kwh": value,
        "low_g_per_kwh": value * 0.9,
        "high_g_per_kwh": value * 1.1,
        "kind": type[0],
        "basis": type[1],
        "scope": type[2],
        "status": "measured",
        "source": "test grid",
        "licence": "CC0",
    }
    return Signal(**(fields | changes))  # type: ignore[arg-type]


@dataclass
class Source:
    """Knows what it is given."""

    known: Sequence[Signal] = ()
    ahead: Sequence[Signal] = ()
    name: str = "test"
    trouble: Callable[[], object] | None = None
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)

    def signals(self, zone: str, start: datetime, end: datetime) -> list[Signal]:
        self.asked.append((start, end))
        if self.trouble:
            self.trouble()
        return [one for one in self.known if one.start < end and start < one.end]

    def forecast(self, zone: str, start: datetime, end: datetime) -> list[Signal]:
        if self.trouble:
            self.trouble()
        return [one for one in self.ahead if one.start < end and start < one.end]


def chain(*sources: Source) -> Chain:
    return Chain(sources, shapes=BundledShapes(), now=lambda: NOON)


def series(hours: Sequence[int], type: tuple[str, str, str] = LIVE, value: float = 100.0) -> list[Signal]:
    return [signal(NOON + hour * HOUR, value + hour, type) for hour in hours]


def check(found: Sequence[Signal], start: datetime, end: datetime) -> None:
    """Complete, in order, of one type, graded."""
    edges = [one.start for one in found]
    assert edges[0] == start
    assert [one.end for one in found] == [*edges[1:], end]
    require_one_type(found)
    assert all(one.grade for one in found)


def test_full_live_values_are_the_answer() -> None:
    source = Source(series(range(-9, 0)))
    made = chain(source)
    found = made.signals("DE", NOON - 5.5 * HOUR, NOON - 2.25 * HOUR)
    check(found, NOON - 5.5 * HOUR, NOON - 2.25 * HOUR)
    assert {(one.grade, one.type) for one in found} == {("live", LIVE)}
    assert made.notices == []


def test_a_cloud_region_and_any_name_of_a_zone_will_do() -> None:
    source = Source(series(range(-9, 0)))
    found = chain(source).signals("Germany", NOON - HOUR, NOON)
    assert found[0].grade == "live"
    with pytest.raises(FactorError, match="unknown zone"):
        chain(source).signals("Atlantis", NOON - HOUR, NOON)


def test_a_short_hole_is_bridged_and_flagged_even_at_the_edge() -> None:
    made = chain(Source(series([-9, -8, -5, -4])))
    found = made.signals("DE", NOON - 8 * HOUR, NOON - 4 * HOUR)
    check(found, NOON - 8 * HOUR, NOON - 4 * HOUR)
    assert [one.status for one in found] == ["measured", "estimated", "estimated", "measured"]
    assert [one.intensity_g_per_kwh for one in found] == pytest.approx([92, 92.75, 94.25, 95])
    [edge] = made.signals("DE", NOON - 7 * HOUR, NOON - 6 * HOUR)
    assert (edge.status, edge.source) == ("estimated", "test grid, interpolated")
    assert edge.low_g_per_kwh == min(92, 95) * 0.9
    assert made.notices == []


def test_a_long_hole_of_a_good_record_is_its_own_typical_hours() -> None:
    hours = [*range(-48, -9), *range(-4, 0)]
    made = chain(Source(series(hours)))
    found = made.signals("DE", NOON - 48 * HOUR, NOON)
    check(found, NOON - 48 * HOUR, NOON)
    filled = [one for one in found if one.status == "climatology"]
    assert len(filled) == 5
    assert {one.type for one in filled} == {LIVE}
    assert {one.grade for one in filled} == {"shape"}
    at_three = next(one for one in filled if one.start == NOON - 9 * HOUR)
    assert at_three.intensity_g_per_kwh == 100 - 33, "the same hour of the day before"
    assert "90% of what was asked" in made.notices[0]


def test_a_thin_record_of_another_type_is_not_mixed_with_bundled_values() -> None:
    made = chain(Source(series(range(-3, 0))))
    found = made.signals("DE", NOON - 12 * HOUR, NOON)
    check(found, NOON - 12 * HOUR, NOON)
    assert {(one.type, one.grade) for one in found} == {(BUNDLED, "shape")}
    assert "cover only 25% and are not combined with average/lifecycle/production" in made.notices[0]


def test_a_thin_record_of_the_bundled_type_is_filled_from_it() -> None:
    made = chain(Source(series(range(-3, 0), BUNDLED)))
    found = made.signals("DE", NOON - 12 * HOUR, NOON)
    check(found, NOON - 12 * HOUR, NOON)
    assert [one.grade for one in found] == ["shape"] * 9 + ["live"] * 3
    assert "the rest is bundled" in made.notices[0]


def test_the_type_that_is_known_best_is_taken_whole() -> None:
    direct = ("average", "direct", "consumption")
    made = chain(Source(series(range(-4, 0))), Source(series(range(-24, 0), direct), name="other"))
    found = made.signals("DE", NOON - 24 * HOUR, NOON)
    check(found, NOON - 24 * HOUR, NOON)
    assert {one.type for one in found} == {direct}
    assert [one.type for one in made.signals("DE", NOON - 4 * HOUR, NOON)] == [LIVE] * 4, "of equals, the first"


def test_of_a_source_that_knows_two_types_alike_lifecycle_is_taken() -> None:
    direct = series(range(-6, 2), ("average", "direct", "consumption"), 50.0)
    lifecycle = series(range(-6, 2), ("average", "lifecycle", "consumption"), 90.0)
    for rows in ([*direct, *lifecycle], [*lifecycle, *direct]):
        found = chain(Source(rows)).signals("DE", NOON - 2 * HOUR, NOON)

        assert {one.basis for one in found} == {"lifecycle"}
        check(found, NOON - 2 * HOUR, NOON)


def test_sources_of_one_type_complete_each_other() -> None:
    first, second = Source(series(range(-4, 0))), Source(series(range(-24, 0), value=500.0), name="second")
    found = chain(first, second).signals("DE", NOON - 24 * HOUR, NOON)
    check(found, NOON - 24 * HOUR, NOON)
    assert [one.intensity_g_per_kwh > 200 for one in found] == [True] * 20 + [False] * 4


def test_a_type_may_be_asked_for() -> None:
    made = chain(Source(series(range(-24, 0))))
    found = made.signals("DE", NOON - 4 * HOUR, NOON, of_type=BUNDLED)
    check(found, NOON - 4 * HOUR, NOON)
    assert {one.type for one in found} == {BUNDLED}
    assert made.signals("DE", NOON - 4 * HOUR, NOON, of_type=("average", "direct", "consumption")) == []
    assert "nothing bundled is average/direct/consumption" in made.notices
    country = made.forecast("US-CAMX", NOON, NOON + 4 * HOUR, NOON, of_type=BUNDLED)
    assert {(one.zone, one.grade) for one in country} == {("US", "country")}
    [notice] = [one for one in made.notices if "US-CAMX" in one]
    assert notice == "the intensity of US stands in for US-CAMX: it is known as average/direct/production only"


@pytest.mark.parametrize(
    ("zone", "year", "grade", "stands_for"),
    [
        ("DE", 2026, "shape", "DE"),
        ("IS", 2026, "annual", "IS"),
        ("US-AKGD", 2026, "annual", "US-AKGD"),
        ("US-AKGD", 2021, "country", "US"),
        ("US-AKGD", 2001, "world", "WORLD"),
        ("WORLD", 2026, "world", "WORLD"),
    ],
)
def test_each_step_down_says_so(zone: str, year: int, grade: str, stands_for: str) -> None:
    made = chain()
    start = NOON.replace(year=year)
    found = made.signals(zone, start, start + 30 * HOUR)
    check(found, start, start + 30 * HOUR)
    assert {(one.grade, one.zone) for one in found} == {(grade, stands_for)}
    told = zone != stands_for or year < 2015
    assert bool(made.notices) is told


def test_steps_of_different_types_never_share_an_answer() -> None:
    """eGRID's subregions begin in 2023 and are direct; the country, lifecycle, reaches back."""
    start = datetime(2022, 12, 31, 12, tzinfo=UTC)
    found = chain().signals("US-AKGD", start, start + 24 * HOUR)
    check(found, start, start + 24 * HOUR)
    assert {one.zone for one in found} == {"US"}


def trouble(error: Exception) -> Callable[[], object]:
    def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ProviderUnavailable("busy", hint="wait"), "no intensities from test: busy (try: wait)"),
        (FactorError("no such zone"), "no such zone"),
        (ZeroDivisionError("x"), "failed with ZeroDivisionError"),
    ],
)
def test_no_source_can_break_an_answer(error: Exception, said: str) -> None:
    made = chain(Source(trouble=trouble(error)))
    for _ in range(2):
        check(made.signals("DE", NOON - 4 * HOUR, NOON), NOON - 4 * HOUR, NOON)
        check(made.forecast("DE", NOON, NOON + 4 * HOUR, NOON), NOON, NOON + 4 * HOUR)
    assert len(made.notices) == 1, "each notice once"
    assert said in made.notices[0]


def test_a_source_that_answers_nonsense_breaks_nothing() -> None:
    made = chain(Source(known=[]))
    made._sources[0].signals = lambda zone, start, end: ["100 g"]  # type: ignore[method-assign]
    check(made.signals("DE", NOON - 4 * HOUR, NOON), NOON - 4 * HOUR, NOON)
    assert "AttributeError" in made.notices[0]


def test_a_source_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_module, "BUDGET_S", 0.05)
    release = Event()
    made = chain(Source(trouble=lambda: release.wait(10)), Source(series(range(-9, 0)), name="second"))
    check(made.signals("DE", NOON - 4 * HOUR, NOON), NOON - 4 * HOUR, NOON)
    release.set()
    assert any("test gave no complete answer" in notice for notice in made.notices)
    assert any("second was not asked" in notice for notice in made.notices)


def test_marginal_values_come_only_when_asked_for() -> None:
    marginal = ("marginal", "direct", "production")
    made = chain(Source(series(range(-9, -2), marginal)))
    assert {one.type for one in made.signals("DE", NOON - 6 * HOUR, NOON)} == {BUNDLED}
    found = made.signals("DE", NOON - 6 * HOUR, NOON, kind="marginal")
    assert {one.type for one in found} == {marginal}
    assert [(NOON - one.start) / HOUR for one in found] == [6, 5, 4, 3], "nothing marginal is bundled: holes stay"
    assert "none are bundled" in made.notices[0]
    assert chain().signals("DE", NOON - HOUR, NOON, kind="marginal") == []


def test_a_source_is_asked_only_for_kinds_that_it_has() -> None:
    source = Source(series(range(-9, 0)))
    source.kinds = ("marginal",)  # type: ignore[attr-defined]
    chain(source).signals("DE", NOON - HOUR, NOON)
    assert source.asked == []


def test_a_live_forecast_is_the_answer() -> None:
    ahead = [signal(NOON + hour * HOUR, status="forecast", issued_at=NOON) for hour in range(30)]
    source = Source(ahead=ahead)
    found = chain(source).forecast("DE", NOON + 0.5 * HOUR, NOON + 20 * HOUR, NOON)
    check(found, NOON + 0.5 * HOUR, NOON + 20 * HOUR)
    assert {(one.grade, one.status, one.issued_at) for one in found} == {("live", "forecast", NOON)}
    assert source.asked == [], "no record is fetched where the forecast suffices"


def test_beyond_a_live_forecast_comes_our_own_from_the_record() -> None:
    ahead = [signal(NOON + hour * HOUR, 150, status="forecast", issued_at=NOON) for hour in range(10)]
    source = Source(series(range(-14 * 24, 0), value=1000.0), ahead)
    made = chain(source)
    found = made.forecast("DE", NOON, NOON + 40 * HOUR, NOON)
    check(found, NOON, NOON + 40 * HOUR)
    assert [one.intensity_g_per_kwh for one in found[:10]] == [150] * 10
    assert all(one.intensity_g_per_kwh > 500 for one in found[10:])
    assert {(one.status, one.issued_at) for one in found} == {("forecast", NOON)}
    assert source.asked == [(NOON - timedelta(days=14), NOON)]


def test_a_short_hole_of_a_forecast_that_ends_too_soon_is_bridged() -> None:
    ahead = [signal(NOON + hour * HOUR, 150 + 50 * hour, status="forecast", issued_at=NOON) for hour in (0, 1, 4, 5)]
    found = chain(Source(series(range(-14 * 24, 0), value=1000.0), ahead)).forecast("DE", NOON, NOON + 9 * HOUR, NOON)
    check(found, NOON, NOON + 9 * HOUR)
    assert [one.intensity_g_per_kwh for one in found[:6]] == pytest.approx([150, 200, 237.5, 312.5, 350, 400])
    assert found[6].intensity_g_per_kwh > 500


def test_a_record_without_forecasts_gives_our_own() -> None:
    found = chain(Source(series(range(-14 * 24, 0), value=1000.0))).forecast("DE", NOON - HOUR, NOON + 40 * HOUR, NOON)
    check(found, NOON - HOUR, NOON + 40 * HOUR)
    assert [one.status for one in found] == ["measured"] + ["forecast"] * 40


def test_without_any_source_the_shape_is_the_forecast() -> None:
    found = chain().forecast("DE", NOON, NOON + 24 * HOUR)
    check(found, NOON, NOON + 24 * HOUR)
    assert {(one.grade, one.status) for one in found} == {("shape", "climatology")}


def test_an_empty_interval_is_an_instant() -> None:
    [one] = chain().signals("DE", NOON, NOON)
    assert one.start == NOON < one.end


def test_the_answer_fits_the_accounting() -> None:
    start, end = NOON - 11.3 * HOUR, NOON - 0.7 * HOUR
    found = chain(Source(series([-9, -8, -7]))).signals("DE", start, end)
    spread = spread_energy([(start, NOON - 5 * HOUR, 100.0), (NOON - 5 * HOUR, end, 50.0)], found)
    assert sum(part_j for _, part_j in spread) == pytest.approx(150)


# From the settings


def test_the_settings_name_the_sources(server: GridServer, tmp_path: Path) -> None:
    settings = server.settings("electricitymaps", "uk", cache=tmp_path)
    made = carbon.chain_of(settings, server.environ, now=server.now)
    found = made.signals("GB", server.now() - 5 * HOUR, server.now() - 2 * HOUR)
    assert {one.source for one in found} == {"Electricity Maps GB"}
    server.always = DROP
    made = carbon.chain_of(settings, server.environ, now=server.now, web=Web(sleep=lambda _: None))
    again = made.signals("GB", server.now() - 5 * HOUR, server.now() - 2 * HOUR)
    assert [one.grade for one in again] == ["cache"] * 3
    assert made.notices == []


def test_without_sources_no_network_is_used(server: GridServer, tmp_path: Path) -> None:
    for settings in (Settings(cache=str(tmp_path)), Settings(intensity=("bundled",), cache=str(tmp_path))):
        carbon.chain_of(settings, server.environ).signals("DE", NOON, NOON + HOUR)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", [DROP, HTML, busy("3600"), busy(status=500)])
def test_a_bad_day_of_the_provider_is_a_notice(server: GridServer, tmp_path: Path, fault: object) -> None:
    server.always = fault  # type: ignore[assignment]
    made = carbon.chain_of(server.settings("uk", cache=tmp_path), {}, now=server.now, web=Web(sleep=lambda _: None))
    found = made.signals("GB", server.now() - 5 * HOUR, server.now() - 2 * HOUR)
    check(found, server.now() - 5 * HOUR, server.now() - 2 * HOUR)
    assert {one.grade for one in found} == {"shape"}
    assert made.notices[0].startswith("no intensities from uk: ")


def test_wrong_settings_are_told_before_the_work_and_break_nothing_after_it(tmp_path: Path) -> None:
    cases = {
        Settings(intensity=("electricity-maps",)): (NotFound, "no source of intensities 'electricity-maps'"),
        Settings(intensity=("uk",), intensity_urls=("uk=somewhere",)): (UsageError, "uk=https://HOST"),
        Settings(intensity=("uk",), intensity_urls=("uk=https://me:pa55@host",)): (UsageError, "without a user"),
        Settings(intensity_urls=("ku=https://host",)): (NotFound, "unknown source 'ku'"),
    }
    for settings, (error, said) in cases.items():
        with pytest.raises(error, match=said) as caught:
            carbon.check_sources(settings, {})
        assert "pa55" not in str(caught.value)
        made = carbon.chain_of(settings, {"XDG_CACHE_HOME": str(tmp_path)})
        assert made.signals("DE", NOON, NOON + HOUR)
    carbon.check_sources(Settings(intensity=("uk", "file", "bundled"), intensity_urls=("uk=https://host/x",)), {})


def test_a_file_is_a_source_without_a_memory(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("zone,start,intensity_g_per_kwh\nDE,2026-03-20T10:00Z,77\n")
    settings = Settings(intensity=("file",), intensity_file=str(path), cache=str(tmp_path / "cache"))
    [found] = carbon.chain_of(settings, {}, now=lambda: NOON).signals("DE", NOON - 2 * HOUR, NOON - HOUR)
    assert (found.intensity_g_per_kwh, found.grade) == (77, "live")
    assert not (tmp_path / "cache").exists()
