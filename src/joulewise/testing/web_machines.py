"""Fake machines that are read over HTTP, a recorded trace, and a real local server that misbehaves on demand."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from joulewise.core.channels import MeterContext
from joulewise.core.errors import MeterUnavailable
from joulewise.measure.meters import prometheus, redfish, replay
from joulewise.testing.meters import FakeMachine, Tree
from joulewise.testing.serving import QuietHandler, serving

PERIOD_S = 0.01


@dataclass(slots=True)
class FakeClock:
    """A monotonic clock that moves when told to."""

    now_ns: int = 1_000_000_000

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


@dataclass(slots=True)
class FakeTransport:
    """Answers by path and remembers what it was asked; `failing` makes it refuse."""

    answers: dict[str, bytes]
    failing: bool = False
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    def __call__(self, url: str, headers: Mapping[str, str], timeout_s: float) -> bytes:
        assert timeout_s > 0
        self.asked.append((url, headers))
        path = "/" + url.partition("://")[2].partition("/")[2]
        if self.failing or path not in self.answers:
            raise MeterUnavailable("refused")
        return self.answers[path]

    def settle(self) -> None:
        """Wait until the thread has asked twice more: then one whole round lies behind us."""
        target = len(self.asked) + 4
        deadline_s = time.monotonic() + 5
        while len(self.asked) < target and time.monotonic() < deadline_s:
            time.sleep(PERIOD_S / 4)


def _web_machine(
    name: str, discover: Any, transport: FakeTransport, flow: Callable[[], None], context: Mapping[str, Any]
) -> FakeMachine:
    clock = FakeClock()

    def advance() -> None:
        clock.advance(PERIOD_S / 2)
        flow()

    def fail() -> None:
        transport.failing = True
        transport.settle()
        clock.advance(3600)

    def heal() -> None:
        transport.failing = False

    return FakeMachine(
        name=name,
        discover=discover,
        context=MeterContext(transport=transport, monotonic_ns=clock, **context),
        advance=advance,
        fail=fail,
        heal=heal,
        settle=transport.settle,
        secrets=("open sesame", "b3BlbiBzZXNhbWU", "cm9vdDpvcGVu"),
    )


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


def redfish_machine(root: str) -> FakeMachine:
    """A server whose BMC tells its power; the first chassis of two is a rack that tells none."""
    transport = FakeTransport({})
    power_w = [250]

    def flow() -> None:
        power_w[0] += 10
        transport.answers["/redfish/v1/Chassis/1/Power"] = as_json(
            {"PowerControl": [{"PowerConsumedWatts": power_w[0]}]}
        )

    members = [{"@odata.id": "/redfish/v1/Chassis/Rack"}, {"@odata.id": "/redfish/v1/Chassis/1"}]
    transport.answers["/redfish/v1/Chassis"] = as_json({"Members": members})
    flow()
    context = {
        "root": root,
        "environ": {"JOULEWISE_REDFISH_PASSWORD": "open sesame"},
        "options": {"url": "https://bmc.example", "user": "root", "period_s": PERIOD_S},
    }
    return _web_machine("redfish", redfish.discover, transport, flow, context)


EXPORTER_TEXT = """# HELP kepler_node_cpu_joules_total Energy of the CPU
# TYPE kepler_node_cpu_joules_total counter
kepler_node_cpu_joules_total{{zone="package",path="/a"}} {joules}
kepler_node_cpu_joules_total{{zone="core",path="/b"}} 12.5
plug_reading{{name="a \\"b\\" }} c"}} 3
"""


def prometheus_machine(root: str) -> FakeMachine:
    """A Kepler exporter."""
    transport = FakeTransport({})
    energy_j = [1000.0]

    def flow() -> None:
        energy_j[0] += 100
        transport.answers["/metrics"] = EXPORTER_TEXT.format(joules=energy_j[0]).encode()

    flow()
    context = {
        "root": root,
        "environ": {"JOULEWISE_PROMETHEUS_TOKEN": "open sesame"},
        "options": {
            "url": "http://127.0.0.1:28282/metrics",
            "query": "kepler_node_cpu_joules_total",
            "period_s": PERIOD_S,
        },
    }
    return _web_machine("prometheus", prometheus.discover, transport, flow, context)


TRACE = "# method: measured\n# source: a wall meter\nt_s,cpu_w,node_j,dram_w\n0,10,0,\n10,20,400,2\n20,20,800,3\n"


def replay_machine(root: str, text: str = TRACE) -> FakeMachine:
    """A recorded trace of 20 s."""
    Tree(root).write("trace.csv", text)
    clock = FakeClock()

    def fail() -> None:
        clock.advance(1e6)

    def heal() -> None:
        clock.advance(-1e6)

    return FakeMachine(
        name="replay",
        discover=replay.discover,
        context=MeterContext(root=root, options={"path": f"{root}/trace.csv"}, monotonic_ns=clock),
        advance=lambda: clock.advance(1.5),
        fail=fail,
        heal=heal,
        keys=("replay:cpu", "replay:node", "replay:dram"),
    )


@dataclass(slots=True)
class LocalServer:
    """A real HTTP server on 127.0.0.1. `answers` maps a path to (status, body); `slow` paths never end."""

    url: str
    answers: dict[str, tuple[int, bytes]]
    slow: set[str] = field(default_factory=set)
    seen: list[dict[str, str]] = field(default_factory=list)
    ending: Event = field(default_factory=Event)


@contextmanager
def local_server(answers: dict[str, tuple[int, bytes]]) -> Iterator[LocalServer]:
    """Serve until the block ends."""
    server: LocalServer

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            server.seen.append(dict(self.headers))
            if self.path in server.slow:
                server.ending.wait(10)
                return
            status, body = server.answers.get(self.path, (404, b""))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", body.decode())
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Handler) as url:
        server = LocalServer(url, answers)
        try:
            yield server
        finally:
            server.ending.set()
