"""The shipped tables are whole, and can be read without a parser's library."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from joulewise.core.errors import NotFound
from joulewise.measure import cpu_tables


def test_every_row_is_sane():
    keys = cpu_tables.family_keys()
    assert len(keys) == len(set(keys)) >= 30
    for key in keys:
        family = cpu_tables.family(key)
        assert family.key == key
        assert 0 < family.idle_w_per_core < family.max_w_per_core
        assert len(family.shape) == cpu_tables.LEVELS
        assert family.shape[0] == 0
        assert family.shape[-1] == pytest.approx(1)
        assert list(family.shape) == sorted(family.shape)
        assert family.threads_per_core in (1, 2)
        assert family.sockets in (1.0, 2.0)
        assert family.low_spread > 0
        assert family.high_spread > 0
        assert family.source
        assert family.source.isprintable()


def test_a_family_without_results_is_a_default_with_wider_bounds():
    measured = [cpu_tables.family(key) for key in ("milan", "rome", "skylake-sp", "genoa")]
    for key in (cpu_tables.GENERIC, cpu_tables.CLIENT, "neoverse-later", "arm-cortex"):
        family = cpu_tables.family(key)
        assert family.method == "default"
        assert family.results == 0
        assert family.low_spread > max(one.low_spread for one in measured)
        assert family.high_spread > max(one.high_spread for one in measured)


def test_a_family_with_a_borrowed_shape_has_wider_bounds_than_its_lender():
    assert cpu_tables.family("genoa").low_spread > cpu_tables.family("milan").low_spread
    assert cpu_tables.family("sapphire-rapids").high_spread > cpu_tables.family("ice-lake-sp").high_spread


def test_every_id_names_a_family():
    keys = set(cpu_tables.family_keys())
    path = os.path.join(cpu_tables.FOLDER, "cpu_ids.tsv")
    rows = [line.split("\t") for line in Path(path).read_text().splitlines() if line and not line.startswith("#")][1:]
    assert len(rows) > 80
    for vendor, family, first, last, from_step, to_step, key, name in rows:
        assert vendor
        assert name
        assert int(family, 16) >= 0
        assert int(first, 16) <= int(last, 16)
        assert int(from_step, 16) <= int(to_step, 16)
        assert key in keys


def test_shared_bounds_bracket_the_estimate():
    shared = cpu_tables.shared()
    assert len(shared.low_log) == len(shared.high_log) == cpu_tables.LEVELS
    assert all(low < 0 < high for low, high in zip(shared.low_log, shared.high_log, strict=True))
    assert shared.version
    assert 0 < shared.dram_low_w_per_gb < shared.dram_high_w_per_gb
    assert min(shared.vm_ratio, shared.fleet_idle_ratio, shared.fleet_max_ratio) > 1


def test_an_unknown_family_is_refused_with_the_list_of_keys():
    with pytest.raises(NotFound) as caught:
        cpu_tables.family("epic")
    assert "milan" in caught.value.hint


def test_the_start_of_a_key_is_not_the_key():
    with pytest.raises(NotFound):
        cpu_tables.family("turi")
    assert cpu_tables.family("turin").key == "turin"
