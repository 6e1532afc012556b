"""The room as a whole: what it imports when, what it says without its extras, and its smaller promises."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import datetime

import pytest

from joulewise import ledger
from joulewise.core.errors import LedgerError, OutOfRange, UsageError
from joulewise.ledger import RunQuery
from joulewise.testing.ledgers import empty_ledger, small_bundle, total_emissions, total_energy

REFUSED = """
import sys
sys.modules[sys.argv[1]] = None
from joulewise import ledger
from joulewise.core.errors import PluginMissing
"""


def fresh(program: str, *arguments: str) -> str:
    run = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_an_up_to_date_ledger_opens_without_alembic(tmp_path):
    path = str(tmp_path / "ledger.db")
    ledger.open(path).close()
    program = "import sys; from joulewise import ledger; ledger.open(sys.argv[1]).close(); print(sorted(sys.modules))"

    loaded = fresh(program, path)
    assert "'sqlalchemy'" in loaded
    assert "'alembic'" not in loaded


def test_the_package_itself_loads_no_sqlalchemy():
    program = "import sys; import joulewise; print('sqlalchemy' in sys.modules)"

    assert fresh(program) == "False\n"


def test_without_psycopg_the_cure_is_named():
    program = REFUSED + "try: ledger.open('postgresql://h/d')\nexcept PluginMissing as error: print(error.hint)"

    assert fresh(program, "psycopg") == "pip install 'joulewise[postgres]'\n"


def test_without_pyarrow_csv_takes_its_place_and_the_cure_is_named(tmp_path):
    program = (
        REFUSED
        + "from joulewise.ledger.traces import write_trace, read_trace\n"
        + "from joulewise.testing.ledgers import store_id\n"
        + "trace = write_trace(store_id(1), {'t_s': [0.0, 1.0]}, sys.argv[2])\n"
        + "print(trace.path.endswith('.csv.gz'), read_trace(trace))\n"
        + "store = ledger.open(sys.argv[2] + '/ledger.db')\n"
        + "for act in (lambda: store.export(None, 'parquet', sys.argv[2] + '/x'),"
        + " lambda: write_trace(store_id(1), {'t_s': [0.0]}, sys.argv[2], parquet=True)):\n"
        + "    try: act()\n"
        + "    except PluginMissing as error: print(error.hint)\n"
        + "store.close()\n"
    )
    cure = "pip install 'joulewise[parquet]'\n"

    assert fresh(program, "pyarrow", str(tmp_path)) == f"True {{'t_s': [0.0, 1.0]}}\n{cure}{cure}"
    assert not (tmp_path / "x").exists()


def test_an_unreachable_server_is_named_without_its_password():
    with pytest.raises(LedgerError) as refused:
        ledger.open("postgresql://me:secret@127.0.0.1:1/none?connect_timeout=1")
    assert "check that the server runs" in refused.value.hint
    assert "secret" not in str(refused.value)


def test_a_url_that_cannot_be_read():
    with pytest.raises(UsageError):
        ledger.open("postgresql://host:not-a-port/db")


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "nap"},
        {"status": "odd"},
        {"sort": "mood"},
        {"limit": 0},
        {"limit": 10_001},
        {"offset": -1},
        {"tag": "team"},
        {"since": datetime(2026, 1, 1)},
    ],
)
def test_impossible_questions_are_refused(wrong):
    with pytest.raises((UsageError, OutOfRange)):
        RunQuery(**wrong)


@pytest.mark.parametrize(("attribution", "shown"), [("machine", "machine"), (None, None), ("dynamic", "dynamic")])
def test_lists_show_the_best_total_that_there_is(tmp_path, attribution, shown):
    bundle = small_bundle(energy_j=None)
    totals = [total_energy(bundle.run.id, 9.0, id="phase", phase_id=None, component="cpu")]
    totals.append(total_energy(bundle.run.id, 3.0, id="whole", attribution=attribution))
    with ledger.open(empty_ledger(tmp_path / "ledger.db")) as store:
        store.append(replace(bundle, measurements=tuple(totals)))
        [row] = store.runs().rows
        assert (row.energy.value, row.energy_attribution, row.energy.source) == (3.0, shown, "whole")
        assert store.rows([row.id]) == (row,)


def test_market_based_emissions_never_stand_in_a_list(tmp_path):
    bundle = small_bundle(emissions_g=None)
    run_id = bundle.run.id
    market = total_emissions(run_id, 1.0, id="market", basis="market")
    with ledger.open(empty_ledger(tmp_path / "ledger.db")) as store:
        store.append(replace(bundle, calculations=(market,)))
        assert store.runs().rows[0].emissions is None
        store.append_calculations([total_emissions(run_id, 0.5, id="market-2", basis="market", supersedes="market")])
        assert store.runs().rows[0].emissions is None


def test_a_parent_that_is_no_run_id_is_refused(tmp_path):
    with ledger.open(empty_ledger(tmp_path / "ledger.db")) as store:
        for name in ("parent_id", "supersedes"):
            with pytest.raises(LedgerError, match="no ULID"):
                store.append(small_bundle(**{name: "x" * 5_000}))


def test_close_may_be_called_twice(tmp_path):
    store = ledger.open(str(tmp_path / "ledger.db"))
    store.close()
    store.close()
    assert store.url.startswith("sqlite:///")
    assert store.trace_folder == str(tmp_path / "traces")
