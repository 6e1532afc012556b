"""Plans and decisions for tests: small, each with ids of its own, every value invented."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from joulewise.core.figures import MEASURED, MODELLED, Figure, exact
from joulewise.core.plans import Decision, Job, Option, Plan, Segment
from joulewise.core.signals import Signal
from joulewise.testing.ledgers import FIRST, store_id

HOUR = timedelta(hours=1)


def hourly(zone: str, *values: float, start: datetime = FIRST, band: float = 0.1, **changes: Any) -> list[Signal]:
    """A signal an hour from `start`, each with a relative band."""
    words: dict[str, Any] = {
        "kind": "average",
        "basis": "lifecycle",
        "scope": "consumption",
        "status": "measured",
        "source": "test",
        "licence": "CC0-1.0",
    }
    return [
        Signal(
            zone=zone,
            start=start + number * HOUR,
            end=start + (number + 1) * HOUR,
            intensity_g_per_kwh=value,
            low_g_per_kwh=value * (1 - band),
            high_g_per_kwh=value * (1 + band),
            **{**words, **changes},
        )
        for number, value in enumerate(values)
    ]


def small_job(**changes: Any) -> Job:
    """Two hours of 500 W at home in DE, within eight hours."""
    values: dict[str, Any] = {
        "name": "train",
        "duration_s": 7_200.0,
        "power_profile": ((3_600.0, 600.0), (3_600.0, 400.0)),
        "release": FIRST,
        "deadline": FIRST + 8 * HOUR,
        "home": "DE",
    }
    return Job(**{**values, **changes})


def small_plan(number: int = 1, **changes: Any) -> Plan:
    """Wait for three hours: what a planner says when the intensity falls from 500 to 200."""
    job = changes.pop("job", small_job())
    options = (_option("now", 0, 500.0), _option("best-start", 3, 200.0))
    values: dict[str, Any] = {
        "id": store_id(1_000 + number),
        "created_at": FIRST,
        "job": job,
        "options": options,
        "chosen": "best-start",
        "reason": "the sun comes up",
        "forecast": tuple(
            hourly("DE", *[500.0] * 3, *[200.0] * 5, status="forecast", issued_at=FIRST - HOUR, grade="live")
        ),
        "notices": ("only one region",),
    }
    return Plan(**{**values, **changes})


def _option(name: str, wait_h: int, emissions_g: float) -> Option:
    start = FIRST + wait_h * HOUR
    return Option(
        name=name,
        segments=(Segment(region="DE", start=start, end=start + 2 * HOUR),),
        energy=exact(3.6e6, "J", MODELLED, "profile"),
        emissions=around(emissions_g),
        cost=exact(0.3, "EUR", MODELLED, "price"),
        regret_g=12.5,
        note="as forecast",
    )


def around(emissions_g: float, *, width_g: float = 0.0, method: str = MEASURED) -> Figure:
    """Grams with 10 % either way, or as many grams as `width_g` says."""
    width_g = width_g or abs(emissions_g) / 10
    return Figure(
        value=emissions_g, low=emissions_g - width_g, high=emissions_g + width_g, unit="g", method=method, source="test"
    )


def small_decision(run_id: str, number: int = 1, *, realised_g: float = 200.0, **changes: Any) -> Decision:
    """500 g at once at home became `realised_g`."""
    start = FIRST + 3 * HOUR
    counterfactual = around(500.0)
    ratio = (500.0 - realised_g) / 500.0
    values: dict[str, Any] = {
        "id": store_id(2_000 + number),
        "run_id": run_id,
        "plan_id": None,
        "decided_at": start + 3 * HOUR,
        "chosen": "best-start",
        "segments": (Segment(region="DE", start=start, end=start + 2 * HOUR),),
        "realised": around(realised_g),
        "counterfactual": counterfactual,
        "saved": around(500.0 - realised_g, width_g=30.0),
        "oracle": around(min(190.0, realised_g)),
        "market_saved": around(-1.0, width_g=0.5),
        "ratio": Figure(value=ratio, low=ratio - 0.02, high=ratio + 0.02, unit="1", method=MEASURED, source="test"),
        "details": {"grade": "live", "pauses": 0, "nothing": None, "text": "caf\udce9 \x00"},
    }
    return Decision(**{**values, **changes})
