"""The contract of intensity sources, to run over any plug-in.

In your tests:

    class TestMySource(IntensityContract):
        @pytest.fixture
        def played(self, tmp_path):
            return PlayedSource(source=MySource(...), zone="DE", now=..., hide=..., fail=...)

A source that can't be made to fail and to have a gap would pass without proof: so the suite wants both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from joulewise.core.errors import FactorError, ProviderUnavailable
from joulewise.core.protocols import ForecastProvider, IntensityProvider
from joulewise.core.signals import Signal

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedSource:
    """A source that a test can drive; it knows every hour of the ten days before `now` (aware, a full hour).

    `hide` makes an hour unknown to it; `fail` makes every later request impossible. None where it can't be done: what
    is bundled has no gaps and never fails. `secrets` are texts that may turn up nowhere.
    """

    source: IntensityProvider
    zone: str
    now: datetime
    hide: Callable[[datetime], None] | None = None
    fail: Callable[[], None] | None = None
    secrets: tuple[str, ...] = ()


class IntensityContract:
    """What every source keeps. Subclass it and give a fixture `played` that returns a PlayedSource."""

    def test_it_has_the_shape(self, played: PlayedSource) -> None:
        assert played.source.name
        assert callable(played.source.signals)

    def test_it_knows_the_hours_asked_for(self, played: PlayedSource) -> None:
        found = _past(played, 30, 6)
        assert found, "a played source must know something, else this suite proves nothing"
        assert found[0].start <= played.now - 30 * HOUR
        assert found[-1].end >= played.now - 6 * HOUR

    def test_signals_are_in_order_and_overlap_what_was_asked(self, played: PlayedSource) -> None:
        for first_h, last_h in ((30, 6), (5.25, 4.5)):
            found = _past(played, first_h, last_h)
            start, end = played.now - first_h * HOUR, played.now - last_h * HOUR
            assert all(one.start < end and start < one.end for one in found)
            assert all(earlier.end <= later.start for earlier, later in pairwise(found)), (
                "signals of one answer must not overlap"
            )

    def test_signals_are_complete(self, played: PlayedSource) -> None:
        for one in _past(played, 30, 6):
            assert one.zone == played.zone
            assert one.start.utcoffset() == timedelta()
            assert one.source
            assert one.status != "forecast"
            assert one.low_g_per_kwh < one.high_g_per_kwh, "no intensity is known exactly"

    def test_an_answer_is_of_one_type(self, played: PlayedSource) -> None:
        assert len({one.type for one in _past(played, 30, 6)}) == 1

    def test_asking_twice_says_the_same(self, played: PlayedSource) -> None:
        assert list(_past(played, 30, 6)) == list(_past(played, 30, 6))

    def test_nothing_is_said_of_the_future(self, played: PlayedSource) -> None:
        if played.hide is None:
            return  # bundled intensities hold at any time
        found = played.source.signals(played.zone, played.now + 5 * HOUR, played.now + 9 * HOUR)
        assert list(found) == []

    def test_a_gap_stays_a_gap(self, played: PlayedSource) -> None:
        if played.hide is None:
            return
        gap = [played.now - hour * HOUR for hour in range(20, 15, -1)]
        for hour in gap:
            played.hide(hour)
        known = {hour for hour in gap for one in _past(played, 30, 6) if one.start <= hour < one.end}
        assert not known, "what a source does not know must stay a hole: the chain fills it and says so"

    def test_a_zone_that_it_does_not_know_is_an_error(self, played: PlayedSource) -> None:
        error = _refusal(played, "Atlantis")
        assert isinstance(error, FactorError)

    def test_a_failure_is_told_without_secrets(self, played: PlayedSource) -> None:
        assert not any(secret in repr(vars(played.source)) for secret in played.secrets)
        if played.fail is None:
            return
        played.fail()
        error = _refusal(played, played.zone)
        assert isinstance(error, ProviderUnavailable)
        shown = f"{error} {error!r} {error.hint} {error.__cause__} {error.__suppress_context__ or error.__context__}"
        assert not any(secret in shown for secret in played.secrets)

    def test_forecasts_say_when_they_were_made(self, played: PlayedSource) -> None:
        if not isinstance(played.source, ForecastProvider):
            return
        found = list(played.source.forecast(played.zone, played.now, played.now + 6 * HOUR))
        assert found
        assert found[0].start <= played.now < found[0].end
        assert all(one.status == "forecast" for one in found)
        assert all(one.issued_at is not None and one.issued_at <= played.now for one in found)
        assert all(one.start < played.now + 6 * HOUR and played.now < one.end for one in found)


def _past(played: PlayedSource, first_h: float, last_h: float) -> Sequence[Signal]:
    return played.source.signals(played.zone, played.now - first_h * HOUR, played.now - last_h * HOUR)


def _refusal(played: PlayedSource, zone: str) -> Exception | None:
    try:
        played.source.signals(zone, played.now - 30 * HOUR, played.now - 6 * HOUR)
    except Exception as error:  # noqa: BLE001 - the test looks at its kind
        return error
    return None
