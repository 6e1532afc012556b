"""Where the work ran, and that not knowing is said aloud."""

from __future__ import annotations

from pathlib import Path

import pytest

from joulewise.carbon.location import clock_zone, locate
from joulewise.core.errors import FactorError
from joulewise.core.settings import Settings, load


def _never() -> str | None:
    raise AssertionError("asked the cloud without consent")


def test_a_set_zone_is_taken_and_its_origin_told(tmp_path: Path) -> None:
    flag = load({"zone": "Germany"}, {"HOME": str(tmp_path), "JOULEWISE_ZONE": "FR"}, str(tmp_path))
    environment = load({}, {"HOME": str(tmp_path), "JOULEWISE_ZONE": "FR"}, str(tmp_path))
    assert (locate(flag, {}, _never).zone, locate(flag, {}, _never).how) == ("DE", "flag")
    assert locate(environment, {}, _never).how == "environment JOULEWISE_ZONE"
    assert locate(environment, {}, _never).notice == ""


def test_a_cloud_region_gives_zone_and_region() -> None:
    found = locate(Settings(zone="azure:swedencentral"), {})
    assert (found.zone, found.region, found.known) == ("SE", "azure:swedencentral", True)


def test_a_misspelt_zone_is_an_error_with_its_cure() -> None:
    with pytest.raises(FactorError) as caught:
        locate(Settings(zone="Swden"), {})
    assert "SE" in caught.value.hint


def test_unknown_is_the_world_with_a_notice_and_the_cloud_is_not_asked() -> None:
    found = locate(Settings(), {"TZ": "Europe/Stockholm"}, _never)
    assert (found.zone, found.known) == ("WORLD", False)
    assert "--zone" in found.notice
    assert "Europe/Stockholm" in found.notice
    assert "clock" not in locate(Settings(), {"TZ": "Etc/UTC"}, _never).notice


@pytest.mark.parametrize(
    ("region", "zone", "known"),
    [("aws:eu-north-1", "SE", True), (None, "WORLD", False), ("aws:mars-north-1", "WORLD", False)],
)
def test_with_consent_the_cloud_is_asked(region: str | None, zone: str, known: bool) -> None:
    found = locate(Settings(detect_cloud=True), {}, lambda: region)
    assert (found.zone, found.known) == (zone, known)
    assert bool(found.notice) is not known
    assert region is None or known or region in found.notice


def test_the_clock_is_a_hint_at_most(tmp_path: Path) -> None:
    assert clock_zone({}, str(tmp_path)) == ""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "localtime").symlink_to("/usr/share/zoneinfo/America/New_York")
    assert clock_zone({}, str(tmp_path)) == "America/New_York"
    assert clock_zone({"TZ": ":Asia/Tokyo"}, str(tmp_path)) == "Asia/Tokyo"
