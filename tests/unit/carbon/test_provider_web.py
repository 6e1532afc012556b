"""The getter: bounded in time and size, patient, and silent about keys."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from joulewise.carbon.deadline import Unreachable, within
from joulewise.carbon.web import Web
from joulewise.core.errors import ProviderUnavailable
from joulewise.testing.grid_server import (
    DRIP,
    DRIP_HEADERS,
    DROP,
    HANG,
    HUGE,
    Fault,
    GridServer,
    busy,
    redirect,
)

SECRET = "s3cr&t key"


class Pauses:
    """A sleep that is only noted."""

    def __init__(self) -> None:
        self.slept_s: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.slept_s.append(seconds)


def test_an_answer_comes_with_status_and_body(server: GridServer) -> None:
    answer = Web().get(f"{server.address('uk')}/intensity/2026-03-20T10:00Z/2026-03-20T11:00Z")
    assert answer.status == 200
    assert answer.body.startswith(b'{"data"')


@pytest.mark.parametrize("fault", [DRIP, DRIP_HEADERS, HANG], ids=["drip", "drip-headers", "hang"])
def test_no_server_holds_us_longer_than_the_deadline(server: GridServer, fault: object) -> None:
    server.always = fault  # type: ignore[assignment]
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1"):
        Web(deadline_s=0.3).get(f"{server.url}/uk/x")


def test_no_thread_stays_behind_a_slow_body_for_long(server: GridServer) -> None:
    server.always = DRIP
    with pytest.raises(Unreachable):
        Web(deadline_s=0.2).get(f"{server.url}/uk/x")
    for thread in threading.enumerate():
        if thread.name == "joulewise-web":
            thread.join(5)
            assert not thread.is_alive()


def test_an_endless_answer_is_cut(server: GridServer) -> None:
    server.always = HUGE
    with pytest.raises(ProviderUnavailable, match="MiB"):
        Web(most_bytes=1 << 20, sleep=Pauses()).get(f"{server.url}/uk/x")


def test_a_busy_server_is_asked_again_after_the_time_that_it_names(server: GridServer) -> None:
    server.faults = [busy("2"), busy(None, 503)]
    pauses = Pauses()
    answer = Web(sleep=pauses).get(f"{server.address('uk')}/intensity/2026-03-20T10:00Z/2026-03-20T11:00Z")
    assert answer.status == 200
    assert pauses.slept_s == [2.0, 1.0]
    assert len(server.asked) == 3


def test_a_date_may_tell_when_to_come_back(server: GridServer) -> None:
    server.faults = [busy(format_datetime(datetime.now(UTC) + timedelta(seconds=5), usegmt=True))]
    pauses = Pauses()
    Web(sleep=pauses).get(f"{server.address('uk')}/intensity/2026-03-20T10:00Z/2026-03-20T11:00Z")
    assert 3 <= pauses.slept_s[0] <= 5


@pytest.mark.parametrize("text", ["soon", "-5", ""])
def test_an_unreadable_time_to_come_back_means_a_short_pause(server: GridServer, text: str) -> None:
    server.faults = [busy(text)]
    pauses = Pauses()
    Web(sleep=pauses).get(f"{server.address('uk')}/intensity/2026-03-20T10:00Z/2026-03-20T11:00Z")
    assert pauses.slept_s[0] <= 0.5


def test_a_long_time_to_come_back_is_kept_without_another_request(server: GridServer) -> None:
    server.always = busy("3600")
    pauses, now_s = Pauses(), [0.0]
    web = Web(sleep=pauses, monotonic=lambda: now_s[0])
    with pytest.raises(Unreachable, match="wait 3600 s"):
        web.get(f"{server.url}/uk/x")
    now_s[0] = 600.0
    with pytest.raises(Unreachable, match="3000 s more"):
        web.get(f"{server.url}/uk/y")
    assert pauses.slept_s == []
    assert len(server.asked) == 1
    server.always = None
    now_s[0] = 3601.0
    assert web.get(f"{server.url}/uk/intensity/2026-03-20T10:00Z/2026-03-20T11:00Z").status == 200


def test_a_dropped_line_is_tried_again(server: GridServer) -> None:
    server.faults = [DROP]
    answer = Web(sleep=Pauses()).get(f"{server.address('uk')}/intensity/2026-03-20T10:00Z/2026-03-20T11:00Z")
    assert answer.status == 200


def test_a_server_that_always_drops_the_line_is_unreachable(server: GridServer) -> None:
    server.always = DROP
    with pytest.raises(Unreachable, match="can't be reached"):
        Web(sleep=Pauses()).get(f"{server.url}/uk/x")
    assert len(server.asked) == 3


def test_a_redirect_within_the_host_is_followed(server: GridServer) -> None:
    server.faults = [redirect("/uk/intensity/2026-03-20T10:00Z/2026-03-20T11:00Z")]
    assert Web().get(f"{server.url}/uk/old").status == 200


@pytest.mark.parametrize("there", ["https://elsewhere.example/uk", "http://127.0.0.1:1/uk", "https://127.0.0.1/"])
def test_a_redirect_to_another_host_is_not(server: GridServer, there: str) -> None:
    server.always = redirect(there)
    with pytest.raises(ProviderUnavailable, match="redirects to") as caught:
        Web(sleep=Pauses()).get(f"{server.url}/uk/x")
    assert "intensity_urls" in caught.value.hint


def test_a_circle_of_redirects_ends(server: GridServer) -> None:
    server.always = redirect("/uk/again")
    with pytest.raises(ProviderUnavailable, match="for ever"):
        Web(sleep=Pauses()).get(f"{server.url}/uk/x")


def test_a_refusal_says_what_the_server_says_and_never_the_key(
    server: GridServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.always = Fault(400, (), b'{"message": "key s3cr&t key and s3cr%26t+key\\u0007 are bad"}')
    with pytest.raises(ProviderUnavailable) as caught:
        Web().get(f"{server.url}/eia/v2/x", [("api_key", SECRET)], secrets=(SECRET,))
    assert caught.value.message.endswith("HTTP 400: key ... and ... are bad")
    for shown in (str(caught.value), caplog.text):
        assert "s3cr" not in shown
    assert "/eia/v2/x" in caplog.text, "urllib3 logs its requests, so this test has something to look at"


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_comes_with_its_cure(server: GridServer, status: int) -> None:
    server.always = busy(status=status)
    with pytest.raises(ProviderUnavailable) as caught:
        Web().get(f"{server.url}/eia/v2/x")
    assert "check the key" in caught.value.hint


def test_a_key_is_not_sent_in_the_clear() -> None:
    with pytest.raises(ProviderUnavailable, match="in the clear"):
        Web().get("http://proxy.example/v2", [("api_key", SECRET)], secrets=(SECRET,))


@pytest.mark.parametrize("url", ["ftp://host/x", "https:///x", "https://me:word@host/x", "nonsense"])
def test_an_address_that_can_not_be_one_is_refused(url: str) -> None:
    with pytest.raises(ProviderUnavailable, match="https://HOST") as caught:
        Web().get(url)
    assert "word" not in str(caught.value)


def test_a_proxy_of_the_environment_is_used(server: GridServer) -> None:
    proxy = server.url.replace("http://", "http://me:word@")
    web = Web(proxies={"http": proxy}, sleep=Pauses())
    with pytest.raises(ProviderUnavailable):  # the stand-in is no proxy, but it was asked
        web.get("http://grid.example/uk/x")
    assert server.asked[0][0].startswith("http://grid.example") or server.asked[0][0] == "/uk/x"


def test_within_gives_what_the_work_gives_or_raises() -> None:
    assert within(5, lambda: 7, "it") == 7
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 // 0, "it")
    release = threading.Event()
    with pytest.raises(Unreachable, match=r"it gave no complete answer within 0\.01 s"):
        within(0.01, lambda: release.wait(10), "it")
    release.set()
