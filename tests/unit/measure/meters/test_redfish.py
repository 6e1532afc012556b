"""Redfish: what BMCs answer, and what they do wrong; against a real local server too."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from joulewise.core.channels import MeterContext
from joulewise.core.errors import MeterUnavailable
from joulewise.core.protocols import Meter
from joulewise.measure.meters import redfish
from joulewise.measure.meters.polling import Polled
from joulewise.measure.meters.redfish import Redfish
from joulewise.measure.meters.web import MOST_BYTES, count_of, fault_of, get
from joulewise.testing.web_machines import FakeClock, as_json, local_server

CHASSIS = {"Members": [{"@odata.id": "/redfish/v1/Chassis/1"}]}
POWER = {"PowerControl": [{"PowerConsumedWatts": 312.5}, {"PowerConsumedWatts": 90}]}


def fetched(answers: dict[str, Any]) -> tuple[int | None, ...]:
    return source(answers).fetch()


def source(answers: dict[str, Any], clock: FakeClock | None = None) -> Redfish:
    def answer(path: str) -> Any:
        if path not in answers:
            raise MeterUnavailable(f"no {path}")
        return answers[path]

    return Redfish(answer, clock)


def test_the_first_control_is_the_whole_machine() -> None:
    assert fetched({"/redfish/v1/Chassis": CHASSIS, "/redfish/v1/Chassis/1/Power": POWER}) == (312_500,)


def test_environment_metrics_serve_too() -> None:
    metrics = {"PowerWatts": {"Reading": 200}}
    assert fetched({"/redfish/v1/Chassis": CHASSIS, "/redfish/v1/Chassis/1/EnvironmentMetrics": metrics}) == (200_000,)


def test_an_energy_counter_gives_mean_power() -> None:
    metrics: dict[str, Any] = {"EnergykWh": {"Reading": 10.0}}
    clock = FakeClock()
    bmc = source({"/redfish/v1/Chassis": CHASSIS, "/redfish/v1/Chassis/1/EnvironmentMetrics": metrics}, clock)
    with pytest.raises(MeterUnavailable):
        bmc.fetch()
    clock.advance(36)
    metrics["EnergykWh"] = {"Reading": 10.01}
    assert bmc.fetch() == (1_000_000,)
    clock.advance(5)
    assert bmc.fetch() == (1_000_000,)
    metrics["EnergykWh"] = {"Reading": 0.5}
    with pytest.raises(MeterUnavailable):
        bmc.fetch()


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"/redfish/v1/Chassis": []},
        {"/redfish/v1/Chassis": {"Members": "many"}},
        {"/redfish/v1/Chassis": {"Members": [7, {"@odata.id": 7}, {"@odata.id": "https://evil.example/"}]}},
        {"/redfish/v1/Chassis": {"Members": [{"@odata.id": "/redfish/x y\n"}]}},
        {"/redfish/v1/Chassis": CHASSIS},
        *(
            {
                "/redfish/v1/Chassis": CHASSIS,
                "/redfish/v1/Chassis/1/Power": {"PowerControl": [{"PowerConsumedWatts": bad}]},
            }
            for bad in (None, -1, "watts", True, float("nan"), float("inf"), 1e300, [], {})
        ),
        {"/redfish/v1/Chassis": CHASSIS, "/redfish/v1/Chassis/1/Power": {"PowerControl": {}}},
        {"/redfish/v1/Chassis": CHASSIS, "/redfish/v1/Chassis/1/Power": "text"},
    ],
)
def test_nonsense_is_a_gap(answers: dict[str, Any]) -> None:
    with pytest.raises(MeterUnavailable):
        fetched(answers)


def test_a_chassis_that_stops_telling_is_a_gap() -> None:
    answers: dict[str, Any] = {"/redfish/v1/Chassis": CHASSIS, "/redfish/v1/Chassis/1/Power": POWER}
    bmc = source(answers)
    bmc.fetch()
    answers["/redfish/v1/Chassis/1/Power"] = {"PowerControl": []}
    with pytest.raises(MeterUnavailable):
        bmc.fetch()


@pytest.mark.parametrize(
    ("options", "environ", "state"),
    [
        ({}, {}, "absent"),
        ({"url": "bmc"}, {}, "broken"),
        ({"url": "file:///etc/passwd"}, {}, "broken"),
        ({"url": "https://root:calvin@bmc"}, {}, "broken"),
        ({"url": "https://bmc\nX: y"}, {}, "broken"),
        ({"url": "https://bmc", "user": "root"}, {}, "denied"),
        ({"url": "https://bmc"}, {}, "ready"),
        ({"url": "http://bmc", "user": "root"}, {"JOULEWISE_REDFISH_PASSWORD": "calvin"}, "ready"),
    ],
)
def test_findings(options: dict[str, str], environ: dict[str, str], state: str) -> None:
    meters, [told] = redfish.discover(MeterContext(options=options, environ=environ))
    assert told.state == state
    assert len(meters) == (state == "ready")
    assert "calvin" not in repr(told)
    assert ("unencrypted" in told.why) == (options.get("url") == "http://bmc")


def polled(url: str, **options: object) -> Polled:
    context = MeterContext(options={"url": url, "user": "root", **options}, environ={redfish.PASSWORD: "calvin"})
    [meter], _ = redfish.discover(context)
    assert isinstance(meter, Polled)
    return meter


def test_a_real_server() -> None:
    answers = {"/redfish/v1/Chassis": (200, as_json(CHASSIS)), "/redfish/v1/Chassis/1/Power": (200, as_json(POWER))}
    with local_server(answers) as server:
        meter = polled(server.url, period_s=0.05)
        assert meter.probe() == (312_500,)
        assert server.seen[0]["Authorization"] == "Basic cm9vdDpjYWx2aW4="
        assert settled(meter) == (312_500,)
        meter.close()
        assert server.url not in redfish.PLUGIN


def settled(meter: Meter) -> tuple[int | None, ...] | None:
    """The first answer of the thread, within five seconds."""
    for _ in range(500):
        try:
            return meter.read()
        except MeterUnavailable:
            time.sleep(0.01)
    return None


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, b"", "HTTP 401"),
        (500, b"oops", "HTTP 500"),
        (302, b"http://127.0.0.1:9/elsewhere", "HTTP 302"),
        (200, b"<html>", "no JSON"),
        (200, b"[" * 100_000, "no JSON"),
        (200, b"\xff\xfe", "no JSON"),
        (200, b"x" * (MOST_BYTES + 1), "OSError"),
    ],
    ids=["401", "500", "redirect", "html", "deep", "binary", "endless"],
)
def test_a_server_that_misbehaves(status: int, body: bytes, words: str) -> None:
    with local_server({"/redfish/v1/Chassis": (status, body)}) as server:
        with pytest.raises(MeterUnavailable, match=words) as caught:
            polled(server.url).probe()
        assert "calvin" not in str(caught.value)


def test_a_server_that_never_answers_times_out() -> None:
    with local_server({}) as server:
        server.slow.add("/")
        with pytest.raises(MeterUnavailable, match="imeout"):
            get(f"{server.url}/", {}, 0.1)


def test_nobody_there() -> None:
    with pytest.raises(MeterUnavailable, match=r"127\.0\.0\.1:9"):
        get("http://127.0.0.1:9/", {}, 0.5)


def test_an_old_answer_is_a_gap() -> None:
    clock = FakeClock()
    context = MeterContext(options={"url": "http://x", "period_s": 3600}, monotonic_ns=clock, transport=_answering)
    [meter], _ = redfish.discover(context)
    assert settled(meter) == (312_500,)
    clock.advance(7200)
    assert meter.read() == (312_500,)
    clock.advance(1)
    with pytest.raises(MeterUnavailable, match="too old"):
        meter.read()
    meter.close()
    with pytest.raises(MeterUnavailable):
        meter.read()


def _answering(url: str, headers: object, timeout_s: float) -> bytes:
    return as_json(POWER if url.endswith("Power") else CHASSIS)


def test_a_bug_in_a_fetch_is_logged_and_is_a_gap(caplog: pytest.LogCaptureFixture) -> None:
    released: list[int] = []
    [meter], _ = redfish.discover(MeterContext(options={"url": "http://x"}))

    def buggy() -> tuple[int | None, ...]:
        raise ZeroDivisionError

    broken = Polled(meter.channels, buggy, 0.01, release=lambda: released.append(1))
    for _ in range(500):
        with pytest.raises(MeterUnavailable) as caught:
            broken.read()
        if "ZeroDivisionError" in str(caught.value):
            break
        time.sleep(0.01)
    broken.close()
    assert "ZeroDivisionError" in str(caught.value)
    assert "failed in its thread" in caplog.text
    assert released == [1]


@pytest.mark.parametrize(
    ("value", "want"), [("12.5", 12_500), (3, 3000), ("NaN", None), ("-1", None), (True, None), ("x", None)]
)
def test_counts_of_answers(value: object, want: int | None) -> None:
    assert count_of(value, 1e3) == want


def test_urls_are_checked() -> None:
    assert fault_of("https://bmc.example:8443/base") == ""
    assert fault_of("ftp://x")
    assert fault_of("http:///")


def test_discovery_asks_nobody(tmp_path: Path) -> None:
    with local_server({}) as server:
        meter = polled(server.url)
        meter.close()
        assert server.seen == []
