"""`joulewise estimate`: modelled figures with bands, steps that add up, a what-if, and errors with their cure."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

import joulewise
from joulewise.testing.command_line import typed


@pytest.fixture
def ask(tmp_path: Path):
    """`joulewise estimate` with these arguments, where nothing is set."""
    environ = {"HOME": str(tmp_path), "LANG": "C.UTF-8", "PATH": "/usr/bin"}
    return lambda *arguments: typed(("estimate", *arguments), folder=tmp_path, environ=environ)


JOB = ("--hardware", "A100:8", "--hours", "24", "--region", "eu-north-1")


def test_the_card_has_the_totals_and_how_they_were_got(ask):
    done = ask(*JOB, "--price", "0.3")

    assert done.returncode == 0
    assert done.stdout.startswith("Estimate: 8 x A100 SXM 80GB in eu-north-1\n  Energy with PUE: ")
    assert "E_facility = E_IT x PUE" in done.stdout
    assert "Price of the electricity" in done.stdout
    assert "EUR" in done.stdout
    assert "Water" in done.stdout
    assert "Modelled, not measured" in done.stdout


def test_energy_lies_between_idle_and_the_rated_power_of_everything(ask):
    steps = {one["name"]: one for one in json.loads(ask(*JOB, "--output", "json").stdout)["steps"]}

    assert steps["device_time"]["value"] == 8 * 24 * 3600
    assert steps["energy"]["low"] < 8 * 400 * 24 * 3600 < steps["energy"]["high"]
    assert steps["facility_energy"]["value"] > steps["energy"]["value"]
    assert all(one["method"] != "measured" for one in steps.values())


def test_a_model_by_its_parameters_by_a_line_and_by_a_file_is_one_model(ask, tmp_path):
    (tmp_path / "model.toml").write_text('parameters = "7B"\ntokens = "1T"\n')
    hardware = ("--hardware", "H100:64", "--region", "DE", "-o", "csv")
    ways = (
        ("--parameters", "7e9", "--tokens", "1e12"),
        ("--model-spec", "parameters=7B tokens=1T"),
        ("--model-spec", "model.toml"),
    )
    found = [ask(*way, *hardware).stdout for way in ways]

    assert found[0] == found[1] == found[2]
    assert float(next(csv.DictReader(io.StringIO(found[0])))["value"]) == 6 * 7e9 * 1e12


def test_what_if_is_a_waterfall_whose_steps_sum(ask, tmp_path):
    done = ask(
        *JOB,
        "--what-if",
        "model=0.5 machine=H100",
        "--what-if",
        "region=DE,pue=1.5",
        "--picture",
        "w.svg",
        "-o",
        "json",
    )
    bars = json.loads(done.stdout)["what_if"]

    assert [one["kind"] for one in bars] == ["before", "step", "step", "step", "step", "after"]
    assert sum(one["value"] for one in bars[:-1]) == pytest.approx(bars[-1]["value"])
    assert bars[1]["factor_ratio"] == 0.5
    assert (tmp_path / "w.svg").read_text().startswith("<svg")


def test_the_hardware_list_names_sources(ask):
    listed = json.loads(ask("--hardware", "list", "-o", "json").stdout)

    assert all(one["tdp_w"] > 0 and one["source"] for one in listed)


def test_the_python_way(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    found = joulewise.estimate(hardware="A100:8", hours=24, region="DE", what_if={"region": "SE"})

    assert found.energy.low < found.energy.value < found.energy.high
    assert found.emissions.unit == "g"
    assert found.what_if.after.value < found.what_if.before.value
    assert "Carbon" in found.summary()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "neither hours nor a model is given"),
        (("--hours", "3"), 2, "Try: --hardware A100:8"),
        (("--hardware", "A100", "--hours", "-3"), 2, "want hours >= 0"),
        (("--hardware", "A1000", "--hours", "3"), 2, "no hardware 'A1000'"),
        ((*JOB, "--drawn", "1.5"), 2, "--drawn wants a share"),
        ((*JOB, "--what-if", "foo=2"), 2, "--what-if knows no 'foo'"),
        ((*JOB, "--what-if", "model"), 2, "can't read 'model'"),
        ((*JOB, "--what-if", "model=0"), 2, "want model above 0"),
        ((*JOB, "--picture", "p.svg"), 2, "Try: --what-if"),
        (("--hardware", "A100", "--hours", "3", "--region", "atlantis"), 8, "unknown zone 'atlantis'"),
        (("--model-spec", "gone.toml", "--hardware", "A100"), 12, "can't read the model's description"),
    ],
)
def test_wrong_input_has_its_cure(ask, arguments, code, said):
    done = ask(*arguments)

    assert done.returncode == code
    assert said in done.stderr
    assert done.stdout == ""
