"""Recorded traces as meters."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.core.channels import MeterContext
from joulewise.core.errors import MeterUnavailable
from joulewise.measure.meters import replay
from joulewise.measure.meters.replay import Replay, Trace
from joulewise.testing.web_machines import FakeClock


def counts(text: str, *at_s: float) -> list[tuple[int | None, ...]]:
    clock = FakeClock()
    meter = Replay(Trace(text), clock)
    found = [meter.read()]
    for before_s, after_s in zip((0.0, *at_s), at_s, strict=False):
        clock.advance(after_s - before_s)
        found.append(meter.read())
    return found


def test_watts_become_exact_joules() -> None:
    assert counts("t_s,cpu_w\n0,10\n10,30\n20,30\n", 5, 10, 20) == [
        (0,),
        (100_000_000,),
        (200_000_000,),
        (500_000_000,),
    ]


def test_joules_are_read_between_the_rows() -> None:
    assert counts("t_s,gpu_j\n5,1000\n15,2000\n", 5, 10) == [(1_000_000_000,), (1_500_000_000,), (2_000_000_000,)]


def test_an_empty_cell_is_a_gap() -> None:
    assert counts("t_s,a_w,b_j\n0,10,1\n10,,2\n20,30,\n30,30,4\n", 15, 20, 30) == [
        (10_000, 1_000_000),
        (None, None),
        (30_000, None),
        (30_000, 4_000_000),
    ]


def test_after_the_end_there_is_nothing() -> None:
    with pytest.raises(MeterUnavailable, match="ended"):
        counts("t_s,a_w\n0,1\n1,1\n", 1.5)


def test_notes_and_components() -> None:
    notes = "# method: measured\n# source: plug\x07\n# low_ratio: 0.98\n#\n"
    text = f"{notes}T_S,cpu_w,core_w,FPGA_w,note\n0,1,1,1,x\n1,1,1,1,y\n"
    channels = Replay(Trace("\ufeff" + text), None).channels
    assert [(one.component, one.within) for one in channels] == [("cpu", None), ("core", "replay:cpu"), ("other", None)]
    assert channels[0].method == "measured"
    assert channels[0].source == "plug"
    assert channels[0].low_ratio == 0.98


def test_names_that_look_alike_stay_apart() -> None:
    channels = Replay(Trace("t_s,gpü_w,gpß_w,core_j\n0,1,1,1\n1,1,1,1\n"), None).channels
    assert len({one.key for one in channels}) == 3
    assert channels[2].within == "node"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "t_s,cpu_w\n0,1\n",
        "time,cpu_w\n0,1\n1,1\n",
        "t_s,cpu_w,cpu_w\n0,1,1\n1,1,1\n",
        "t_s,cpu\n0,1\n1,1\n",
        "t_s,cpu_w\n1,1\n0,1\n",
        "t_s,cpu_w\n1,1\n1,1\n",
        "t_s,cpu_w\n,1\n1,1\n",
        "t_s,cpu_w\n0,-1\n1,1\n",
        "t_s,cpu_w\n0,nan\n1,1\n",
        "t_s,cpu_w\n0,watts\n1,1\n",
        "t_s,cpu_w\n0,1e99\n1,1\n",
        "# method: guessed\nt_s,cpu_w\n0,1\n1,1\n",
        "# low_ratio: 2\nt_s,cpu_w\n0,1\n1,1\n",
        "# high_ratio: many\nt_s,cpu_w\n0,1\n1,1\n",
    ],
)
def test_a_file_that_is_no_trace_says_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "trace\n.csv"
    path.write_text(text)
    meters, [told] = replay.discover(MeterContext(options={"path": str(path)}))
    assert meters == []
    assert told.state == "broken"
    assert told.why
    assert told.what.isprintable()
    assert told.cure


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "trace.csv"
    if content is not None:
        path.write_bytes(content)
    assert replay.discover(MeterContext(options={"path": str(path)}))[1][0].state == "broken"


@given(
    powers_w=st.lists(st.floats(0, 2000), min_size=2, max_size=20),
    looks=st.lists(st.floats(0, 1), min_size=1, max_size=10),
)
def test_the_total_does_not_depend_on_when_we_look(powers_w: list[float], looks: list[float]) -> None:
    rows = "\n".join(f"{second},{power_w!r}" for second, power_w in enumerate(powers_w))
    end_s = float(len(powers_w) - 1)
    found = counts(f"t_s,cpu_w\n{rows}\n", *sorted(look * end_s for look in looks), end_s)
    series = [count[0] or 0 for count in found]
    assert series == sorted(series)
    joules = sum((a + b) / 2 for a, b in pairwise(powers_w))
    assert series[-1] * 1e-6 == pytest.approx(joules, abs=1e-3)
