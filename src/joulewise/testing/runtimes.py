"""The contract of runtimes, to run over any plug-in with real models.

In your tests:

    class TestMyRuntime(RuntimeContract):
        @pytest.fixture
        def case(self, tmp_path):
            return RuntimeCase(runtime="mine", made=my_maker(tmp_path))

A maker writes a small real model and says what the library itself answers to 50 rows (`testing.models` has many).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from joulewise.compare import artifact_of, native_runtime, open_model, runtimes_for
from joulewise.compare.opening import runtime_of
from joulewise.compare.worker_watch import environment
from joulewise.core.errors import DataError, JoulewiseError, ModelError, UntrustedModel
from joulewise.core.runtimes import Artifact, Predictor, RunOptions
from joulewise.testing.made import ROWS, MadeModel

_LEAK_BYTES = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeCase:
    """One runtime on one model. `more` are options that only this runtime knows.

    `callers` counts threads that hand work over and fetch it, beside those that compute: TensorFlow has one. `calls` is
    how often it is called in search of a leak: fewer where a call takes milliseconds.
    """

    runtime: str
    made: MadeModel
    callers: int = 0
    calls: int = 1000
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def artifact(self) -> Artifact:
        """The model as a user would name it."""
        return artifact_of(self.made.text, trust=self.made.trust)

    def options(self, threads: int = 1) -> RunOptions:
        """What the runtime is told."""
        return RunOptions(threads=threads, more=self.more)


@contextmanager
def opened(case: RuntimeCase, threads: int = 1) -> Iterator[Predictor]:
    """The case's predictor, closed afterwards."""
    predictor = open_model(case.artifact, case.runtime, case.options(threads))
    try:
        yield predictor
    finally:
        predictor.close()


def assert_same(found: Mapping[str, Any], wanted: Mapping[str, Any], tolerance: float) -> None:
    """Every wanted output is there: numbers within the tolerance, everything else the same."""
    for name, value in wanted.items():
        have, want = np.asarray(found[name]), np.asarray(value)
        assert have.shape == want.shape, name
        if want.dtype.kind == "f":
            np.testing.assert_allclose(have, want, rtol=tolerance, atol=tolerance, err_msg=name)
        else:
            np.testing.assert_array_equal(have, want, err_msg=name)


def refusal(ask: Callable[[], Any]) -> JoulewiseError | None:
    """The error with which a call is refused; None if it was answered."""
    try:
        ask()
    except JoulewiseError as error:
        return error
    return None


class RuntimeContract:
    """What every runtime keeps on every model that it takes. Subclass it and give a fixture `case`."""

    def test_the_plugin_has_the_shape(self, case: RuntimeCase) -> None:
        runtime = runtime_of(case.runtime)
        assert runtime.name == case.runtime
        assert runtime.version
        assert case.artifact.format in runtime.formats
        offered = runtime.settings(case.artifact)
        assert offered
        json.dumps([dict(each) for each in offered])

    def test_the_artifact_says_what_it_is(self, case: RuntimeCase) -> None:
        artifact = case.artifact
        assert artifact.facts["task"] == case.made.task
        assert tuple(artifact.facts.get("classes", ())) == case.made.classes
        names = {each["name"] for each in artifact.facts["outputs"]}
        assert artifact.facts["roles"]
        assert set(artifact.facts["roles"].values()) <= names
        assert json.loads(json.dumps(artifact.facts)) == artifact.facts
        assert case.runtime in runtimes_for(artifact)
        assert native_runtime(artifact) == runtimes_for(artifact)[0]

    def test_strangers_are_asked_first(self, case: RuntimeCase) -> None:
        if case.made.trust:
            error = refusal(lambda: artifact_of(case.made.text))
            assert isinstance(error, UntrustedModel)
            assert "--trust" in error.hint
        else:
            assert artifact_of(case.made.text).format

    def test_it_answers_as_the_library_does(self, case: RuntimeCase) -> None:
        with opened(case) as predictor:
            assert_same(predictor.predict(case.made.feeds), case.made.answers, case.made.tolerance)

    def test_the_signature_holds(self, case: RuntimeCase) -> None:
        with opened(case) as predictor:
            found = predictor.predict(case.made.feeds)
            assert [tensor.name for tensor in predictor.inputs] == list(case.made.feeds)
            assert {tensor.name for tensor in predictor.outputs} == set(found)
            for tensor in predictor.outputs:
                have = np.asarray(found[tensor.name])
                assert have.dtype == np.dtype(tensor.dtype), tensor.name
                assert len(have) == ROWS
                assert len(tensor.shape) == have.ndim

    def test_a_row_alone_is_answered_as_in_the_batch(self, case: RuntimeCase) -> None:
        with opened(case) as predictor:
            whole = predictor.predict(case.made.feeds)
            for at in range(0, ROWS, 7):
                alone = predictor.predict({name: rows[at : at + 1] for name, rows in case.made.feeds.items()})
                wanted = {name: np.asarray(whole[name])[at : at + 1] for name in case.made.answers}
                assert_same(alone, wanted, case.made.tolerance)

    def test_missing_and_unknown_inputs_are_named(self, case: RuntimeCase) -> None:
        feeds = dict(case.made.feeds)
        with opened(case) as predictor:
            first = next(iter(feeds))
            error = refusal(lambda: predictor.predict({name: feeds[name] for name in feeds if name != first}))
            assert isinstance(error, DataError)
            assert first in str(error)
            error = refusal(lambda: predictor.predict({**feeds, "never_heard_of": feeds[first]}))
            assert isinstance(error, DataError)
            assert "never_heard_of" in str(error)

    def test_wrong_shapes_are_refused(self, case: RuntimeCase) -> None:
        with opened(case) as predictor:
            for tensor in predictor.inputs:
                rows = case.made.feeds[tensor.name]
                deeper = {**case.made.feeds, tensor.name: rows[:, None, None]}
                assert isinstance(refusal(lambda feeds=deeper: predictor.predict(feeds)), DataError)  # type: ignore[misc]
                if rows.ndim > 1 and isinstance(tensor.shape[1], int):
                    wider = {**case.made.feeds, tensor.name: np.concatenate([rows, rows], axis=1)}
                    error = refusal(lambda feeds=wider: predictor.predict(feeds))  # type: ignore[misc]
                    assert isinstance(error, DataError)
                    assert error.hint

    def test_wrong_types_are_refused(self, case: RuntimeCase) -> None:
        with opened(case) as predictor:
            for tensor in predictor.inputs:
                rows = case.made.feeds[tensor.name]
                wrong = rows.astype(np.complex128) if tensor.dtype != "object" else np.zeros(rows.shape)
                feeds = {**case.made.feeds, tensor.name: wrong}
                assert isinstance(refusal(lambda feeds=feeds: predictor.predict(feeds)), DataError)  # type: ignore[misc]

    def test_nan_is_refused_or_answered_as_told(self, case: RuntimeCase) -> None:
        feeds = {name: np.array(rows) for name, rows in case.made.feeds.items()}
        for rows in feeds.values():
            if rows.dtype.kind == "f":
                rows[0] = np.nan
        with opened(case) as predictor:
            error = refusal(lambda: predictor.predict(feeds))
        assert isinstance(error, DataError) if case.made.nan == "refused" else error is None

    def test_closing_twice_is_harmless(self, case: RuntimeCase) -> None:
        with opened(case) as predictor:
            predictor.close()
            predictor.close()
            assert isinstance(refusal(lambda: predictor.predict(case.made.feeds)), ModelError)

    def test_two_predictors_live_side_by_side(self, case: RuntimeCase) -> None:
        with opened(case) as one:
            with opened(case) as other:
                assert_same(other.predict(case.made.feeds), case.made.answers, case.made.tolerance)
            assert_same(one.predict(case.made.feeds), case.made.answers, case.made.tolerance)

    def test_many_calls_leave_nothing_behind(self, case: RuntimeCase) -> None:
        row = {name: rows[:1] for name, rows in case.made.feeds.items()}
        with opened(case) as predictor:
            for _ in range(case.calls // 5):
                predictor.predict(row)
            before = _resident_bytes()
            for _ in range(case.calls):
                predictor.predict(row)
            assert _resident_bytes() - before < _LEAK_BYTES

    def test_it_keeps_to_its_threads_and_rests_when_idle(self, case: RuntimeCase) -> None:
        for threads in (1, 2):
            assert_threads_kept([case], threads)


def _resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def assert_threads_kept(cases: Sequence[RuntimeCase], threads: int) -> None:
    """Each works with no more threads than it was given, and burns less than half a core while nobody asks."""
    for case, seen in zip(cases, watched(cases, threads), strict=True):
        told = f"{case.runtime} on {case.made.text}, {threads} threads: {seen}"
        assert seen["busy_threads"] <= threads + case.callers, told
        assert seen["idle_cpu_share"] < 0.5, told


def watched(cases: Sequence[RuntimeCase], threads: int) -> list[dict[str, float]]:
    """In one process: how many threads took more than 5 % of each case's CPU time, and what it burns while idle.

    The process gets the environment of a worker: libraries read their threads from it while they are loaded, whatever
    the environment of the tests says.
    """
    asked = json.dumps({"threads": threads, "cases": [_told(case) for case in cases]})
    done = subprocess.run(
        [sys.executable, "-m", "joulewise.testing.watched_runtime"],
        input=asked,
        env=environment(RunOptions(threads=threads), os.environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    seen: list[dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return seen


def _told(case: RuntimeCase) -> dict[str, Any]:
    artifact = case.artifact
    feeds = {name: {"dtype": str(rows.dtype), "values": rows.tolist()} for name, rows in case.made.feeds.items()}
    return {
        "path": str(artifact.path),
        "format": artifact.format,
        "facts": dict(artifact.facts),
        "runtime": case.runtime,
        "more": dict(case.more),
        "feeds": feeds,
    }
