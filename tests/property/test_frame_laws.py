"""What worker and bench say to each other arrives as it was said, or is refused: nothing torn passes for an answer."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from joulewise.compare.worker_frames import HEAD_LIMIT, Broken, Late, packed, read_blocking, read_within, write

heads = st.dictionaries(
    st.text(max_size=8).filter(lambda name: name != "arrays"),
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=20),
    max_size=5,
)
numbers = arrays(st.sampled_from(["f4", "f8", "i8", "u1", "?"]), array_shapes(min_dims=0, max_dims=3, max_side=4))
bodies = st.dictionaries(st.text(max_size=6), numbers, max_size=3)


def heard(data: bytes):
    """What the other side reads of these bytes before the pipe ends."""
    reading, writing = os.pipe()
    try:
        sender = threading.Thread(target=lambda: (write(writing, data), os.close(writing)))
        sender.start()
        return read_blocking(reading)
    finally:
        sender.join()
        os.close(reading)


@given(heads, bodies)
@settings(max_examples=60, deadline=None)
def test_a_frame_arrives_as_it_was_sent(head, body):
    told, found = heard(packed(head, body))
    assert told == head
    assert list(found) == list(body)
    for name, array in body.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


@given(heads, bodies, st.data())
@settings(max_examples=60, deadline=None)
def test_a_torn_frame_is_no_answer(head, body, data):
    whole = packed(head, body)
    cut = data.draw(st.integers(0, len(whole) - 1))
    if cut < 16:
        assert heard(whole[:cut]) is None  # the pipe ended between two frames
    else:
        with pytest.raises(Broken):
            heard(whole[:cut])


@given(st.binary(min_size=1, max_size=200), st.binary(max_size=50))
@settings(max_examples=60, deadline=None)
def test_nonsense_is_refused(head, body):
    frame = len(head).to_bytes(8, "big") + len(body).to_bytes(8, "big") + head + body
    with pytest.raises(Broken, match="no frame"):
        heard(frame)


def test_a_head_beyond_all_measure_is_refused_before_it_is_read():
    with pytest.raises(Broken, match="far too large"):
        heard((HEAD_LIMIT + 1).to_bytes(8, "big") + bytes(8))


def test_text_arrives_as_text_and_pickles_are_never_sent():
    _, found = heard(packed({}, {"labels": np.array(["a", 1, None], dtype=object)}))
    assert found["labels"].tolist() == ["a", "1", "None"]


def test_who_does_not_answer_in_time_is_late_and_who_is_gone_is_broken():
    reading, writing = os.pipe()
    looks = []
    with pytest.raises(Late):
        read_within(reading, 0.02, 1 << 20, lambda spent_s: looks.append(spent_s) or 0.005)
    assert len(looks) >= 2
    assert looks == sorted(looks)
    os.close(writing)
    with pytest.raises(Broken, match="the pipe ended"):
        read_within(reading, 1.0, 1 << 20, lambda _spent_s: 0.005)
    os.close(reading)


def test_nobody_reads_what_is_written_to_a_closed_pipe():
    reading, writing = os.pipe()
    os.close(reading)
    with pytest.raises(Broken):
        write(writing, b"anything")
    os.close(writing)
