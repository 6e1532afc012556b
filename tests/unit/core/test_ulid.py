from __future__ import annotations

import subprocess
import sys
import time

from joulewise.core.ulid import is_ulid, milliseconds_of, new_ulid


def test_the_example_of_the_specification():
    assert new_ulid(1_469_918_176_385_000_000, bytes(10)).startswith("01ARYZ6S41")


def test_the_time_is_now():
    before = time.time_ns() // 1_000_000
    made = milliseconds_of(new_ulid())

    assert before <= made <= time.time_ns() // 1_000_000


FORKING = """
import os
from joulewise.core.ulid import new_ulid
new_ulid()
if os.fork():
    os.wait()
print(new_ulid(0))
"""


def test_a_forked_child_gets_ids_of_its_own():
    # In a process of its own: forking one with threads, as pytest's may have, is frowned upon.
    printed = subprocess.run([sys.executable, "-c", FORKING], check=True, capture_output=True, text=True).stdout.split()

    assert [is_ulid(ulid) for ulid in printed] == [True, True]
    assert len(set(printed)) == 2


def test_what_is_not_a_ulid():
    good = new_ulid()

    assert is_ulid(good)
    assert not is_ulid(good[:-1])
    assert not is_ulid("8" + good[1:])
    assert not is_ulid(good[:-1] + "U")
    assert not is_ulid(good.lower())
