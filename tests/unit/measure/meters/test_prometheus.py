"""Prometheus: servers, exporters, units by name and by type."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.core.channels import MeterContext
from joulewise.core.errors import MeterUnavailable
from joulewise.measure.meters import prometheus
from joulewise.measure.meters.exposition import samples, selector, types, unit_of
from joulewise.measure.meters.polling import Polled
from joulewise.testing.web_machines import as_json, local_server


@pytest.mark.parametrize(
    ("query", "want"),
    [
        ("kepler_node_cpu_joules_total", ("energy", 1.0)),
        ("scaph_host_energy_microjoules", ("energy", 1e-6)),
        ("scaph_host_power_microwatts", ("power", 1e-6)),
        ('shelly_power_watts{name="desk"}', ("power", 1.0)),
        ("plug_energy_kwh_total", ("energy", 3.6e6)),
        ("rate(kepler_node_cpu_joules_total[1m])", ("power", 1.0)),
        ("sum(irate(x_microjoules_total[1m]))", ("power", 1e-6)),
        ("sum(kepler_node_cpu_watts)", ("power", 1.0)),
        ('temperature{unit="watts"}', None),
        ("up", None),
    ],
)
def test_units_by_name(query: str, want: tuple[str, float] | None) -> None:
    assert unit_of(query) == want


@pytest.mark.parametrize(
    ("query", "want"),
    [
        ("up", ("up", {})),
        ('up{a="b", c="d\\"e"}', ("up", {"a": "b", "c": 'd"e'})),
        ("up{}", ("up", {})),
    ],
)
def test_selectors(query: str, want: object) -> None:
    assert selector(query) == want


@pytest.mark.parametrize(
    "query", ["sum(up)", 'up{a=~"b"}', 'up{a!="b"}', "up{a", 'up{a="b"} + 1', "up[1m]", "", "up down"]
)
def test_what_an_exporter_cannot_evaluate(query: str) -> None:
    with pytest.raises(ValueError):
        selector(query)


TEXT = """# HELP a words
# TYPE a_total counter
# TYPE broken
a_total 12.5 1700000000
b{x="1",y="with } and \\\\ and \\n",} 3
c{x="open 4
 d 5
}
e 1 2 3
f
"""


def test_samples_are_parsed_and_bad_lines_left_out() -> None:
    assert list(samples(TEXT)) == [
        ("a_total", {}, "12.5"),
        ("b", {"x": "1", "y": "with } and \\ and \n"}, "3"),
        ("d", {}, "5"),
    ]
    assert types(TEXT) == {"a_total": "counter"}


@given(st.text(alphabet='ab_{}="\\, \n#1.', max_size=60))
def test_no_text_raises(text: str) -> None:
    for name, labels, value in samples(text):
        assert name
        assert value
        assert isinstance(labels, dict)


def asked(url: str, query: str, answer: bytes = b"", **environ: str) -> tuple[list[Any], str]:
    def transport(url: str, headers: object, timeout_s: float) -> bytes:
        return answer

    context = MeterContext(options={"url": url, "query": query}, environ=environ, transport=transport)
    meters, [told] = prometheus.discover(context)
    return meters, told.state


@pytest.mark.parametrize(
    ("url", "query", "state"),
    [
        ("", "", "absent"),
        ("http://x", "", "broken"),
        ("x", "a_watts", "broken"),
        ("http://x/metrics", "sum(a_watts)", "broken"),
        ("http://x", "a_watts\x00", "broken"),
        ("http://x", "a_reading", "broken"),
        ("http://x/metrics", "a_reading", "broken"),
        ("http://x", "sum(a_watts)", "ready"),
        ("http://x/metrics", 'a_watts{b="c"}', "ready"),
    ],
)
def test_findings(url: str, query: str, state: str) -> None:
    assert asked(url, query)[1] == state


@pytest.mark.parametrize(("kind", "quantity"), [("counter", "energy"), ("gauge", "power")])
def test_the_type_line_tells_if_the_name_does_not(kind: str, quantity: str) -> None:
    [meter], _ = asked("http://x/metrics", "a_reading", f"# TYPE a_reading {kind}\na_reading 7\n".encode())
    assert meter.channels[0].quantity == quantity
    assert meter.probe()[0] * meter.channels[0].scale == pytest.approx(7)


@pytest.mark.parametrize(
    ("query", "component"),
    [("kepler_node_cpu_watts", "cpu"), ("x_dram_watts", "dram"), ("gpu_watts", "gpu"), ("plug_watts", "node")],
)
def test_components(query: str, component: str) -> None:
    [meter], _ = asked("http://x", query)
    assert meter.channels[0].component == component
    assert meter.channels[0].method == "reported"


def read(answer: object, query: str = "a_watts") -> float:
    [meter], _ = asked("http://x", query, as_json(answer))
    count = meter.probe()[0]
    return float(count * meter.channels[0].scale)


def vector(*rows: tuple[dict[str, str], object]) -> dict[str, Any]:
    return {
        "status": "success",
        "data": {"resultType": "vector", "result": [{"metric": m, "value": v} for m, v in rows]},
    }


def test_a_server_answers_vectors_and_scalars() -> None:
    assert read(vector(({}, [1, "42.5"]))) == 42.5
    assert read(vector(({"psu": "a"}, [1, "40"]), ({"psu": "b"}, [1, "2"]))) == 42
    assert read({"status": "success", "data": {"resultType": "scalar", "result": [1, "3"]}}) == 3


def test_zones_that_contain_each_other_count_once() -> None:
    rows = [
        ({"zone": "package", "path": "0"}, [1, "10"]),
        ({"zone": "package", "path": "1"}, [1, "11"]),
        ({"zone": "core"}, [1, "9"]),
    ]
    assert read(vector(*rows), "cpu_joules_total") == 21


@pytest.mark.parametrize(
    "answer",
    [
        vector(),
        vector(({"instance": "a"}, [1, "1"]), ({"instance": "b"}, [1, "1"])),
        vector(({}, [1, "1"]), ({}, [1, "NaN"])),
        vector(({}, "text")),
        vector(({"zone": "core"}, [1, "1"]), ({"zone": "dram"}, [1, "1"])),
        {"status": "error"},
        {"status": "success"},
        {"status": "success", "data": {"result": {}}},
        {"status": "success", "data": {"result": [7]}},
        {"status": "success", "data": {"result": [{"metric": 7}]}},
        [],
        None,
    ],
)
def test_nonsense_is_a_gap(answer: object) -> None:
    with pytest.raises(MeterUnavailable):
        read(answer)


def test_a_real_server_and_a_real_exporter() -> None:
    exporter = b'node_cpu_joules_total{zone="package"} 12.5\nother 3\n'
    path = "/api/v1/query?query=sum%28a_watts%7Bb%3D%22c%22%7D%29"
    with local_server({"/metrics": (200, exporter), path: (200, as_json(vector(({}, [1, "8"]))))}) as server:
        secret = {prometheus.TOKEN: "sesame"}
        for url, query, count in (
            (f"{server.url}/metrics", 'node_cpu_joules_total{zone="package"}', 12_500_000),
            (server.url, 'sum(a_watts{b="c"})', 8000),
        ):
            [meter], _ = prometheus.discover(MeterContext(options={"url": url, "query": query}, environ=secret))
            assert isinstance(meter, Polled)
            assert meter.probe() == (count,)
        assert server.seen[-1]["Authorization"] == "Bearer sesame"


@pytest.mark.parametrize("status", [401, 500, 302])
def test_a_server_that_refuses(status: int) -> None:
    with local_server({"/metrics": (status, b"http://127.0.0.1:9/")}) as server:
        options = {"url": f"{server.url}/metrics", "query": "a_watts"}
        [meter], _ = prometheus.discover(MeterContext(options=options, environ={prometheus.TOKEN: "sesame"}))
        assert isinstance(meter, Polled)
        with pytest.raises(MeterUnavailable, match=str(status)) as caught:
            meter.probe()
        assert "sesame" not in str(caught.value)


def test_no_answer_leaves_the_type_unknown() -> None:
    options = {"url": "http://127.0.0.1:9/metrics", "query": "a_reading"}
    assert prometheus.discover(MeterContext(options=options))[1][0].state == "broken"
