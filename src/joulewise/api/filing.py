"""From the meters to the ledger: carbon is added, the run is filed once, and nothing that was measured is lost."""

from __future__ import annotations

import os

from joulewise.core import settings as _settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    import joulewise.ledger as _ledger
    from joulewise.carbon import Location, Work
    from joulewise.core.records import Bundle
    from joulewise.core.settings import Settings
    from joulewise.core.signals import Signal
    from joulewise.measure import Result, Session, Taken


ENERGY_BY_HOUR = "energy_by_hour_j"
"""In a run's environment: [start, end, joules] of each clock hour (UTC) that it touched."""
MOST_CHILDREN = 100
"""A report lists so many runs below a run; `joulewise runs` lists all."""


def opened(settings: Settings) -> _ledger.Ledger:
    """The ledger in force, made if need be; use it with `with`. Raises LedgerError with the cure."""
    import joulewise.ledger

    return joulewise.ledger.open(_settings.ledger_url(settings, os.environ))


def with_carbon(result: Result, settings: Settings) -> Result:
    """The result with carbon, water, money and the functional unit added; as it was where no energy was measured."""
    from dataclasses import replace

    from joulewise import carbon
    from joulewise.core.errors import FactorError
    from joulewise.core.figures import MEASURED, exact
    from joulewise.measure.result import with_bundle
    from joulewise.report.energy_rows import find_energy

    energy = find_energy(result.bundle, "with_idle_share")
    if energy is None:
        return result
    run = result.bundle.run
    share = run.environment.get("share")
    work = carbon.Work(
        run_id=run.id,
        energy=energy,
        started_at=run.started_at,
        ended_at=run.ended_at,
        duration_s=run.duration_s,
        unit=run.unit,
        unit_count=run.unit_count,
        host=result.bundle.host,
        resource_share=None if share is None else exact(share, "1", MEASURED, run.environment.get("share_source", "")),
        energy_by_interval=result.energy_by_hour or None,
    )
    try:
        location = carbon.locate(settings, os.environ)
    except FactorError:  # the work is done: account() files it with the world average and says so
        location = None
    intervals, told = live_intensities(work, settings, location)
    account = carbon.account(work, settings, intervals=intervals, location=location)
    notices = (*account.notices, *told)
    warnings = tuple(dict.fromkeys((*run.warnings, *notices)))
    hours = [[start.isoformat(), end.isoformat(), energy_j] for start, end, energy_j in result.energy_by_hour]
    bundle = replace(
        result.bundle,
        # energy by hour stays with the run, so that better intensities may be laid over it later
        run=replace(run, warnings=warnings, environment={**run.environment, ENERGY_BY_HOUR: hours}),
        factors=account.factors,
        calculations=account.calculations,
    )
    return with_bundle(result, bundle, notices)


def live_intensities(
    work: Work, settings: Settings, location: Location | None
) -> tuple[Sequence[Signal] | None, Sequence[str]]:
    """Intensities of the work's hours from the sources that are set, and what to tell of them; None for the bundled.

    The network is used only if `intensity` names a source, and only here, when the work is over.
    """
    if not settings.intensity or location is None or not location.known:
        return None, ()
    from datetime import timedelta

    from joulewise import carbon

    edges = [work.started_at, work.ended_at, *(edge for part in work.energy_by_interval or () for edge in part[:2])]
    chain = carbon.chain_of(settings, os.environ)
    signals = chain.signals(location.zone, min(edges), max(edges) + timedelta(microseconds=1))
    return signals, chain.notices


def file_measured(result: Result, settings: Settings, ledger: _ledger.Ledger) -> Bundle:
    """File a measured run, with carbon and its trace, and return what is in the ledger; filing twice is filing once.

    The settings of the measured process count for carbon where the journal kept them. Raises LedgerError.
    """
    return filed(ledger, result.run_id) or _file_new(with_carbon(result, _as_measured(result.bundle, settings)), ledger)


def _file_new(result: Result, ledger: _ledger.Ledger) -> Bundle:
    from dataclasses import replace

    from joulewise.core.errors import LedgerError
    from joulewise.ledger import write_trace

    bundle = result.bundle
    if len(result.trace.get("t_s", ())) > 1:
        trace = write_trace(result.run_id, result.trace, ledger.trace_folder)
        bundle = replace(bundle, traces=(trace,))
    try:
        ledger.append(bundle)
    except LedgerError:
        for trace in bundle.traces:
            os.unlink(trace.path)
        found = filed(ledger, result.run_id)  # another command may have filed it in this moment
        if found is None:
            raise
        return found
    return bundle


def filed(ledger: _ledger.Ledger, run_id: str) -> Bundle | None:
    """The run as it is in the ledger, None if it is not there."""
    from joulewise.core.errors import NotFound

    try:
        return ledger.bundle(run_id)
    except NotFound:
        return None


def _as_measured(bundle: Bundle, settings: Settings) -> Settings:
    """The settings that the measured process had: its flags count even if it died before it could file."""
    kept = bundle.run.environment.get("settings")
    if not kept:
        return settings
    plain = {key: kept[key] for key in _settings.KEYS if key in kept}
    values: dict[str, Any] = {key: tuple(one) if isinstance(one, list) else one for key, one in plain.items()}
    return _settings.Settings(**values, origins=dict.fromkeys(values, "the run's settings"))


class Recovered:
    """What taking in the spool found: ids of runs that were filed, and by folder what could not be filed and why."""

    __slots__ = ("filed", "problems")

    def __init__(self) -> None:
        self.filed: list[str] = []
        self.problems: dict[str, str] = {}


def recover(settings: Settings, ledger: _ledger.Ledger | None = None) -> Recovered:
    """Take in the journals of runs that have ended or died; runs that still measure are left alone.

    The ledger is opened only if there is something to file. Raises LedgerError if it can't be reached.
    """
    from contextlib import ExitStack

    from joulewise.core.errors import JoulewiseError
    from joulewise.measure import mark_filed

    found = Recovered()
    with ExitStack() as stack:
        for taken in _ready(settings, found):
            if taken.result is None:
                found.problems[taken.folder] = taken.problem
                continue
            ledger = ledger or stack.enter_context(opened(settings))
            try:
                found.filed.append(file_measured(taken.result, settings, ledger).run.id)
                mark_filed(taken.folder)
            except (
                JoulewiseError,
                OSError,
                ArithmeticError,
                LookupError,
                TypeError,
                ValueError,
            ) as error:  # one bad run must not keep the others out
                found.problems[taken.folder] = str(error)
    return found


def _ready(settings: Settings, found: Recovered) -> Iterator[Taken]:
    """What is ready in the spool, and in the places that sessions turn to where it can't be written."""
    from joulewise.core.errors import JournalError
    from joulewise.measure import take_in

    for spool in _settings.spool_folders(settings, os.environ):
        try:
            if os.path.exists(spool) and os.stat(spool).st_uid != os.getuid():
                continue  # in a place that all may write to, somebody else's
            yield from take_in(spool, state_folder=_settings.state_folder(os.environ))
        except JournalError as error:
            found.problems[spool] = error.message


def current(settings: Settings) -> _ledger.Ledger:
    """The ledger in force, with all that waited in the spool taken in; what had to stay there is logged."""
    ledger = opened(settings)
    try:
        problems = recover(settings, ledger).problems
    except BaseException:  # Ctrl-C too must leave no connection behind; it goes on
        ledger.close()
        raise
    if problems:
        from logging import getLogger

        getLogger(__name__).warning("%s", waiting(len(problems)))
    return ledger


def keep(session: Session, settings: Settings) -> None:
    """File what a session took that ended by an error, so that no energy is lost; what can't be filed now is logged."""
    from logging import getLogger

    from joulewise.core.errors import UsageError

    try:
        result = session.result
    except UsageError:  # it never began
        return
    for problem in settle(result, settings)[1]:
        getLogger(__name__).warning("%s", problem)


def settle(result: Result, settings: Settings) -> tuple[list[Bundle], list[str]]:
    """File a run whose session has just ended, and its children: the bundles, its own first, and what went wrong.

    No bundles: it waits in the spool for ranks that still measure, or for a ledger that can't be reached now.
    """
    from joulewise.core.errors import JoulewiseError

    try:
        with opened(settings) as ledger:
            problems = recover(settings, ledger).problems
            # a journal that no disk took is in this process's memory only: file it from there
            own = filed(ledger, result.run_id) or file_measured(result, settings, ledger)
            below = [ledger.bundle(row.id) for row in ledger.children(result.run_id)[:MOST_CHILDREN]]
    except JoulewiseError as error:
        return [], [str(error)]
    told = [problem for folder, problem in problems.items() if os.path.basename(folder) == result.run_id]
    others = len(problems) - len(told)
    return ([own, *below] if own else []), [*told, *([waiting(others)] if others else [])]


def waiting(count: int) -> str:
    """What to say of runs that could not be filed."""
    return f"{count} {'run waits' if count == 1 else 'runs wait'} in the spool: joulewise ledger recover says why"
