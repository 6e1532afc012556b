"""Joules or watts that someone else meters and Prometheus, or an exporter, tells: Kepler, Scaphandre, a smart plug.

Reads:  <url>/api/v1/query for a server, or the text of <url> itself if it ends in /metrics. Polled every 5 s.
Traps:  a counter is joules, a gauge watts: the name's unit tells, else the TYPE line; zones of one CPU contain each
        other, so of several only package counts; several machines in one answer are refused, not added.
Needs:  the settings prometheus_url and prometheus_query; JOULEWISE_PROMETHEUS_TOKEN if the server wants one.
Source: Prometheus documentation, "HTTP API", "Exposition formats".
"""

from __future__ import annotations

from joulewise.core.channels import ENERGY, POWER, Channel, Finding, MeterContext
from joulewise.core.errors import MeterUnavailable
from joulewise.measure.meters.exposition import names_in, samples, selector, types, unit_of
from joulewise.measure.meters.sysfs import ABSENT, BROKEN, READY, finding
from joulewise.measure.meters.web import count_of, fault_of, host_of, json_of, transport_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from joulewise.core.protocols import Meter

    Rows = list[tuple[Mapping[str, str], object]]

PLUGIN = "prometheus"
TOKEN = "JOULEWISE_PROMETHEUS_TOKEN"
PERIOD_S = 5.0
TIMEOUT_S = 4.0
_FIRST_LOOK_S = 1.0
_PER_UNIT = {ENERGY: 1e6, POWER: 1e3}  # counts are microjoules and milliwatts
_BY_TYPE = {"counter": (ENERGY, 1.0), "gauge": (POWER, 1.0)}
_ZONE_LABELS = ("zone", "domain", "zone_name")

# Truth / reading at 95 %: we don't know that meter. A plug is good to 2 %, a model behind an exporter is not.
_LOW_RATIO, _HIGH_RATIO = 0.8, 1.25


def discover(context: MeterContext) -> tuple[list[Meter], list[Finding]]:
    """One meter if prometheus_url and prometheus_query are set. Never raises.

    Asks nobody yet, unless the query names no unit and an exporter's TYPE line must tell: then once, for at most 1 s.
    """
    url, query = (str(context.options.get(name) or "").strip() for name in ("url", "query"))
    if not url:
        return [], [finding(PLUGIN, ABSENT, "no prometheus_url")]
    if fault := fault_of(url) or _fault_of_query(url, query):
        return [], [finding(PLUGIN, BROKEN, "prometheus_url and prometheus_query", fault, "joulewise config --explain")]
    from joulewise.measure.meters.polling import Polled  # imports threading: only where it is wanted

    source = Source(url, query, context)
    unit = unit_of(query) or source.type_of(names_in(query)[0])
    if unit is None:
        why = "the query names no unit, and no TYPE line tells counter or gauge"
        return [], [finding(PLUGIN, BROKEN, "prometheus_query", why, "a metric that ends in _joules_total or _watts")]
    source.count_scale = unit[1] * _PER_UNIT[unit[0]]
    period_s = float(context.options.get("period_s", PERIOD_S))
    meter = Polled((_channel(unit[0], query, host_of(url)),), source.fetch, period_s, monotonic_ns=context.monotonic_ns)
    words = "joules" if unit[0] == ENERGY else "watts"
    return [meter], [finding(PLUGIN, READY, f"{words} from {host_of(url)}", f"polled every {period_s:g} s")]


def _fault_of_query(url: str, query: str) -> str:
    if not names_in(query):
        return "prometheus_query is empty"
    if not query.isprintable():
        return "prometheus_query holds control characters"
    if _is_exporter(url):
        try:
            selector(query)
        except ValueError as error:
            return f"an exporter can't evaluate {error}"
    return ""


def _is_exporter(url: str) -> bool:
    return url.rstrip("/").endswith("/metrics")


def _channel(quantity: str, query: str, host: str) -> Channel:
    component, device = _place(query)
    return Channel(
        key=f"prometheus:{device}:{component}:{quantity}",
        component=component,
        device=device,
        quantity=quantity,
        scale=1 / _PER_UNIT[quantity],
        method="reported",
        source=f"Prometheus at {host}: {query[:200]}",
        max_power_w=50_000.0,
        low_ratio=_LOW_RATIO,
        high_ratio=_HIGH_RATIO,
    )


def _place(query: str) -> tuple[str, str]:
    """Component and device by what the query names; without a hint it is the whole machine's."""
    words = query.lower()
    if "dram" in words:
        return "dram", "cpu"
    if "gpu" in words:
        return "gpu", "gpu"
    return ("cpu", "cpu") if "cpu" in words or "package" in words else ("node", "node")


class Source:
    """Asks a server or an exporter, and adds up what it answers."""

    def __init__(self, url: str, query: str, context: MeterContext) -> None:
        self.count_scale = 1.0
        self._url = url.rstrip("/")
        self._query = query
        self._transport: Callable[..., bytes] = transport_of(context)
        token = context.environ.get(TOKEN, "")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def fetch(self) -> tuple[int | None, ...]:
        """The count. Raises MeterUnavailable."""
        rows = self._scraped() if _is_exporter(self._url) else self._queried()
        return (total(rows, self._query, self.count_scale),)

    def type_of(self, name: str) -> tuple[str, float] | None:
        """What an exporter's TYPE line says of a metric; None if it does not answer at once."""
        if not _is_exporter(self._url):
            return None
        try:
            text = self._get(self._url, _FIRST_LOOK_S).decode("utf-8", "replace")
        except MeterUnavailable:
            return None
        return _BY_TYPE.get(types(text).get(name, ""))

    def _get(self, url: str, timeout_s: float = TIMEOUT_S) -> bytes:
        return self._transport(url, self._headers, timeout_s)

    def _scraped(self) -> Rows:
        name, labels = selector(self._query)
        text = self._get(self._url).decode("utf-8", "replace")
        return [
            (found, value)
            for metric, found, value in samples(text)
            if metric == name and all(found.get(label, "") == wanted for label, wanted in labels.items())
        ]

    def _queried(self) -> Rows:
        from urllib.parse import quote

        answer = json_of(self._get(f"{self._url}/api/v1/query?query={quote(self._query, safe='')}"))
        if not isinstance(answer, dict) or answer.get("status") != "success":
            raise MeterUnavailable("Prometheus refuses the query")
        data = answer.get("data")
        result = data.get("result") if isinstance(data, dict) else None
        if isinstance(data, dict) and data.get("resultType") == "scalar":
            return [({}, _second(result))]
        if not isinstance(result, list):
            raise MeterUnavailable("Prometheus answers in a form that we don't know")
        return [_row(row) for row in result]


def _row(row: Any) -> tuple[Mapping[str, str], object]:
    if not isinstance(row, dict) or not isinstance(row.get("metric", {}), dict):
        raise MeterUnavailable("Prometheus answers in a form that we don't know")
    return row.get("metric", {}), _second(row.get("value"))


def _second(pair: object) -> object:
    """[time, value] -> value."""
    return pair[1] if isinstance(pair, list) and len(pair) == 2 else None


def total(rows: Rows, query: str, scale: float) -> int:
    """The sum of the rows in counts, zones that contain each other taken once. Raises MeterUnavailable."""
    if len({labels.get("instance") for labels, _ in rows}) > 1:
        raise MeterUnavailable('the query matches several machines: add {instance="..."}')
    zone = next((label for label in _ZONE_LABELS if any(label in labels for labels, _ in rows)), None)
    if zone is not None and len({labels.get(zone) for labels, _ in rows}) > 1:
        rows = [row for row in rows if str(row[0].get(zone, "")).startswith("package")]
    counts = [count_of(value, scale) for _, value in rows]
    known = [count for count in counts if count is not None]
    if not known or len(known) < len(counts):  # part of a sum is no sum
        raise MeterUnavailable(f"no number for {query[:80]}")
    return sum(known)
