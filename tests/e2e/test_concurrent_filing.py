"""Many programs end at the same instant while commands take the spool in: nothing lost, nothing double."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

WRITERS, SESSIONS, TAKERS = 8, 10, 2

WRITER = """
import os, sys, time
import joulewise

spool, sessions, go = sys.argv[1], int(sys.argv[2]), sys.argv[3]
print("ready", flush=True)
sys.stdin.read()  # all writers start when the test closes the pipe
for number in range(sessions):
    with joulewise.measure("writer", spool=spool, meters=("model",)) as session:
        session.count("step", number + 1)
        with session.phase("part"):
            pass
    result = session.result  # whoever has filed it meanwhile
    assert result.bundle.run.unit_count == number + 1
    assert [phase.name for phase in result.bundle.phases] == ["part"]
    print(session.run_id, number + 1, flush=True)
"""

TAKER = """
import sys, time
from joulewise import api
from joulewise.core.settings import Settings

settings = Settings(spool=sys.argv[1], ledger=sys.argv[2])
print("ready", flush=True)
sys.stdin.read()
wanted, found = int(sys.argv[3]), 0
while found < wanted:
    problems = api.recover(settings).problems
    assert not problems, problems
    with api.open_ledger(settings) as ledger:
        found = ledger.runs(api.run_query(limit=1)).total
    time.sleep(0.005)  # not to keep the writers off the processor
print(found)
"""


def started(code: str, *arguments: object) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.slow
def test_what_many_writers_end_at_once_is_filed_once(tmp_path: Path) -> None:
    spool, ledger = tmp_path / "spool", tmp_path / "ledger.db"
    writers = [started(WRITER, spool, SESSIONS, tmp_path) for _ in range(WRITERS)]
    takers = [started(TAKER, spool, ledger, WRITERS * SESSIONS) for _ in range(TAKERS)]
    everyone = writers + takers
    for process in everyone:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    ended = [process.communicate(timeout=120) for process in everyone]

    assert [(process.returncode, error) for process, (_, error) in zip(everyone, ended, strict=True)] == [
        (0, "")
    ] * len(everyone)
    written = dict(line.split() for out, _ in ended[:WRITERS] for line in out.splitlines())
    assert len(written) == WRITERS * SESSIONS

    from joulewise import api
    from joulewise.core.settings import Settings

    settings = Settings(spool=str(spool), ledger=str(ledger))
    with api.open_ledger(settings) as opened:
        filed = {row.id: row for row in opened.runs(api.run_query(limit=1000)).rows}
        assert filed.keys() == written.keys()
        assert {id: str(int(opened.bundle(id).run.unit_count or 0)) for id in filed} == written
        assert opened.verify().ok
    assert os.listdir(spool) == ["filed"]
    assert sorted(os.listdir(spool / "filed")) == sorted(written)
