"""A session as its user sees it: figures, phases, counts, faults, forks."""

import asyncio
import os
import subprocess
import sys
import threading
import time

import pytest

from joulewise.core.channels import ENERGY, Channel
from joulewise.core.errors import MeterUnavailable, NotFound, UsageError
from joulewise.core.settings import Settings
from joulewise.measure.equipment import Equipment
from joulewise.measure.reading import journals_in, read
from joulewise.measure.session import Job, Session, status_of


class SteadyMeter:
    """100 W by the clock; `broken` makes it raise."""

    def __init__(self, broken=None):
        self.channels = (
            Channel(
                key="fake:cpu",
                component="cpu",
                device="cpu:0",
                quantity=ENERGY,
                scale=1e-6,
                method="measured",
                source="fake",
                idle_w=40.0,
                max_power_w=1000.0,
            ),
        )
        self.broken = broken
        self.closed = 0

    def read(self):
        if self.broken is not None:
            raise self.broken
        return (time.monotonic_ns() // 10,)

    def close(self):
        self.closed += 1


class FakeEquipment(Equipment):
    """The real clocks, and meters handed in."""

    def __init__(self, settings, environ, meters):
        super().__init__(settings, environ)
        self.meters = meters

    def discover(self, pids, *, thorough=False):
        return self.meters, []


@pytest.fixture
def make(tmp_path):
    environ = {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}

    def make(*meters, job=None, environ=environ, **options):
        settings = Settings(**{"spool": str(tmp_path / "spool"), **options})
        given = list(meters) or [SteadyMeter()]
        return Session(job or Job(name="job"), settings, environ, equipment=FakeEquipment(settings, environ, given))

    return make


def spin(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_a_window_has_energy_time_and_phases(make):
    with make(job=Job(name="train", unit="image", tags={"a": "b"})) as session:
        with session.phase("work"):
            spin(0.3)
        with session.phase("rest"), session.phase("inner"):
            time.sleep(0.2)
        session.count("image", 3)
        session.count("image")
        session.log(accuracy=0.9, loss=(1.0, 0.5, 2.0))
    result = session.result
    assert result.machine_j == pytest.approx(100 * result.duration_s, rel=0.02)
    assert result.dynamic_j < result.energy_j <= result.machine_j
    assert result.coverage == pytest.approx(1.0)
    assert result.cpu_time_s >= 0.3
    run = result.bundle.run
    assert (run.name, run.unit, run.unit_count, run.tags, run.status) == ("train", "image", 4, {"a": "b"}, "finished")
    names = {phase.id: phase.name for phase in result.bundle.phases}
    assert [names[phase.parent_id] for phase in result.bundle.phases if phase.parent_id] == ["rest"]
    work, rest = result.figure("energy_j", phase="work"), result.figure("energy_j", phase="rest")
    assert 0 < rest.value < work.value < result.energy_j
    metrics = {one.metric: (one.value, one.low, one.high) for one in result.bundle.evaluations}
    assert metrics == {"accuracy": (0.9, None, None), "loss": (1.0, 0.5, 2.0)}
    assert result.emissions_g is None
    assert "train: " in result.summary()
    assert "emissions not measured" in result.summary()
    with pytest.raises(NotFound, match="no figure 'joules'"):
        result.figure("joules")


def test_a_session_runs_once_and_stop_may_be_called_twice(make):
    session = make()
    with pytest.raises(UsageError, match="not started"):
        _ = session.result
    session.start()
    with pytest.raises(UsageError, match="started before"):
        session.start()
    session.stop()
    session.stop("failed")
    assert session.result.bundle.run.status == "finished"


def test_figures_so_far_while_it_runs(make):
    with make() as session:
        time.sleep(0.1)
        with session.phase("part"):
            time.sleep(0.1)
        assert session.result.energy_j > 0
        assert session.result.bundle.run.status == "recovered"
    assert session.result.bundle.run.status == "finished"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (None, "finished"),
        (SystemExit(0), "finished"),
        (SystemExit(), "finished"),
        (GeneratorExit(), "finished"),
        (SystemExit(2), "failed"),
        (SystemExit(128 + 15), "killed"),
        (SystemExit(255), "failed"),
        (ValueError(), "failed"),
        (KeyboardInterrupt(), "killed"),
    ],
)
def test_how_the_work_ended(error, status):
    assert status_of(error) == status


def test_an_exception_passes_and_the_run_is_failed(make):
    session = make()
    with pytest.raises(ZeroDivisionError), session, session.phase("doomed"):
        _ = 1 / 0
    assert session.result.bundle.run.status == "failed"
    assert session.result.energy_j is not None


def test_a_broken_meter_is_a_gap_and_one_warning(make, caplog):
    meter = SteadyMeter(broken=MeterUnavailable("gone"))
    with make(meter) as session:
        for _ in range(3):
            with session.phase("p"):
                pass
    assert session.result.energy_j is None
    assert session.result.coverage == 0.0
    assert len(session.warnings) == 1
    assert "gone" in session.warnings[0]
    assert "gone" in caplog.text
    assert meter.closed == 1


def test_a_meter_with_a_bug_is_a_gap_too(make):
    with make(SteadyMeter(broken=KeyError("bug")), SteadyMeter()) as session:
        pass
    assert "KeyError" in session.warnings[0]
    assert session.result.duration_s > 0


def test_strict_raises_what_the_meter_raised(make):
    session = make(SteadyMeter(broken=MeterUnavailable("gone")), strict=True)
    with pytest.raises(MeterUnavailable, match="gone"):
        session.start()


def test_the_work_s_own_exception_goes_before_a_meter_s_fault(make):
    session = make(SteadyMeter(), strict=True).start()
    session._open.sampler.fault = MeterUnavailable("gone")
    session.__exit__(ValueError, ValueError("the work's"), None)
    assert session.result.bundle.run.status == "failed"


def test_no_meter_means_no_figure_and_never_zero(make, tmp_path):
    settings = Settings(spool=str(tmp_path / "spool"))
    environ = {"HOME": str(tmp_path)}
    session = Session(Job(), settings, environ, equipment=FakeEquipment(settings, environ, []))
    with session:
        pass
    assert session.result.energy_j is None
    assert session.result.coverage is None
    assert any("joulewise doctor" in warning for warning in session.result.warnings)


def test_odd_counts_and_metrics_become_warnings(make):
    with make() as session:
        session.count("image", -1)
        session.count("image", float("nan"))
        session.log(accuracy="high", loss=float("inf"), f1=(1, 2), pair=(0.5, 0.6, 0.7), good=1)
    assert [one.metric for one in session.result.bundle.evaluations] == ["good"]
    assert len(session.warnings) == 6


def test_calls_outside_the_window_do_nothing(make):
    session = make()
    session.count("image")
    session.log(accuracy=1.0)
    with session.phase("before"):
        pass
    with session:
        pass
    with session.phase("after"):
        session.count("image")
    assert session.result.bundle.phases == ()
    assert session.result.bundle.run.unit is None


def test_the_first_counted_unit_is_the_functional_unit(make):
    with make() as session:
        session.count("token", 7)
        session.count("epoch")
    assert (session.result.bundle.run.unit, session.result.bundle.run.unit_count) == ("token", 7)


def test_phases_in_threads_do_not_nest_in_each_other(make):
    with make() as session, session.phase("main"):

        def work():
            with session.phase("thread"):
                time.sleep(0.01)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    parents = [phase.parent_id for phase in session.result.bundle.phases if phase.name == "thread"]
    assert parents == [None] * 4


def test_a_decorated_function_is_measured_at_each_call(make):
    sessions = make()

    @sessions
    def double(x):
        """Doc."""
        return 2 * x

    assert (double(2), double(x=4), double.__name__, double.__doc__) == (4, 8, "double", "Doc.")
    runs = os.listdir(sessions.settings.spool)
    assert len(runs) == 2
    names = [read(path).header["name"] for run in runs for path in journals_in(f"{sessions.settings.spool}/{run}")]
    assert names == ["job", "job"]


def test_a_coroutine_is_measured_until_it_is_done(make):
    sessions = make()

    @sessions
    async def work():
        await asyncio.sleep(0.05)
        return 1

    assert asyncio.run(work()) == 1
    [run] = os.listdir(sessions.settings.spool)
    [path] = journals_in(f"{sessions.settings.spool}/{run}")
    journal = read(path)
    assert journal.end_us - journal.start_us >= 50_000


def test_a_session_within_a_session_is_its_child(make):
    with make() as outer, make() as inner:
        pass
    assert inner.result.bundle.run.parent_id == outer.run_id
    assert outer.result.bundle.run.parent_id is None


def test_a_measured_parent_process_is_named_by_the_environment(make, tmp_path):
    with make(environ={"JOULEWISE_PARENT": "01PARENT", "HOME": str(tmp_path)}) as session:
        pass
    assert session.result.bundle.run.parent_id == "01PARENT"


def test_a_forked_child_neither_writes_nor_ends_the_session(make):
    with make() as session:
        pid = os.fork()
        if pid == 0:
            with session.phase("in the child"):
                session.count("image", 5)
                session.log(accuracy=1.0)
            session.stop("failed")
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        time.sleep(0.05)
    assert session.result.bundle.run.status == "finished"
    assert session.result.bundle.phases == ()
    assert session.result.bundle.run.unit is None


def test_a_read_only_spool_falls_back_and_still_gives_the_result(make, tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the spool should be")
    with make(spool=str(blocked)) as session:
        pass
    assert session.result.energy_j is not None
    assert session.journal_path.startswith(str(tmp_path / "state"))
    assert "not where it belongs" in session.warnings[0]


SCRIPT = """
import os, sys
from joulewise.core.settings import Settings
from joulewise.measure.session import Job, Session
session = Session(Job(name="script"), Settings(spool=sys.argv[1]), os.environ).start()
exec(sys.argv[2])
"""


@pytest.mark.parametrize(
    ("code", "final"),
    [
        ("pass", "finished"),
        ("sys.exit(0)", "finished"),
        ("1 / 0", "failed"),
        ("os._exit(3)", None),
        ("os.kill(os.getpid(), 9)", None),
        ("os.kill(os.getpid(), 15)", None),
    ],
)
def test_a_session_that_nobody_stops_ends_with_its_process(tmp_path, code, final):
    subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path / "spool"), code], capture_output=True, check=False)
    [run] = os.listdir(tmp_path / "spool")
    [path] = journals_in(str(tmp_path / "spool" / run))
    data = read(path)
    assert data.problems == []
    assert (data.final["status"] if data.final else None) == final
    assert data.moments_us, "the first snapshot is there in any case"
