"""Id patterns of the published figures, each with the call that reproduces it."""

from __future__ import annotations

import importlib.util
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType

from joulewise.carbon import formulas as f
from joulewise.core import units as u


def sibling(name: str) -> ModuleType:
    """A module beside this one; test folders are not on the import path."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


s = sibling("vector_steps")

CALLS = (
    ("axa.change*", s.percent_more),
    ("axa.*", s.add_all),
    ("bloom.embodied.server", s.bloom_server_kg),
    ("bloom.embodied.total", s.bloom_embodied_t),
    ("bloom.total.t", s.add_all),
    ("bloom.wallclock", s.wall_clock_gpu_h),
    ("bloom.*.kg", s.operational_kg),
    ("bloom.*.t", s.operational_t),
    (
        "deepmind.cooling",
        lambda x: 100 * f.overhead_saving_share(pue=x["pue"], overhead_cut_share=x["overhead_cut"]),
    ),
    (
        "dodge.bert_ft.dup",
        lambda x: u.kwh_from_j(f.metered_facility_energy_j(facility_energy_j=u.j_from_kwh(x["a"]))),
    ),
    ("dodge.t1.total", s.add_all),
    ("dodge.t2.*.kw_per_gpu", s.kw_per_gpu),
    ("dodge.t3.implied_ci", s.implied_g_per_kwh),
    ("dodge.t3.max_saving", lambda x: f.change_percent(amount=x["v0"], reference_amount=x["v1"])),
    ("dodge.t3.*saving*", lambda x: f.saving_percent(baseline_amount=x["v0"], new_amount=x["v1"])),
    ("dodge.t4_*", s.pause_over_flexible),
    ("dodge.t5_*", s.pause_over_flexible),
    ("ecologits.water.double", s.water_with_pue_twice),
    ("eed.pue", lambda x: f.pue(facility_energy_j=x["dc"], it_energy_j=x["it"])),
    ("eed.erf", lambda x: f.erf_share(reused_energy_j=x["reuse"], facility_energy_j=x["dc"])),
    ("eed.ref", lambda x: f.ref_share(renewable_energy_j=x["res"], facility_energy_j=x["dc"])),
    ("eed.wue", lambda x: f.wue_l_per_kwh(water_l=x["win"], it_energy_j=u.j_from_kwh(x["it"]))),
    ("embodied.rate.*", s.rate_kg_per_h),
    ("epa.home_sum", s.add_all),
    ("epa.home_week", s.week_kg),
    ("epa.seedling", lambda x: u.t_from_g(f.co2_of_carbon_g(carbon_g=u.g_from_lb(x["lbc"])))),
    ("epa.seedling.trap", lambda x: f.yearly_g(total_g=x["t"], year_count=x["y"])),
    ("epa.tanker", lambda x: u.t_from_g(f.fuel_g(amount=x["gal"], one_g=u.g_from_t(x["t"])))),
    ("epa.tanker.*", lambda x: f.carbon_equivalent_count(emissions_g=x["t"], one_g=x["k"])),
    ("ga.*.g", s.green_algorithms_g),
    ("ga.*", s.green_algorithms_kwh),
    ("gemini.ci", s.implied_g_per_kwh),
    ("gemini.*share*", s.add_all),
    ("gemini.*", s.ratio("a", "b")),
    ("hfcard.*", s.card_kg),
    ("hfmeta.unit", lambda x: u.g_from_kg(x["kg"])),
    ("if.embodied.*", s.sci_embodied_g),
    ("if.interp.*", s.interpolated),
    ("if.sci", s.sci_score("carbon", "r")),
    ("if.sci.m*", s.sci_embodied_g),
    ("if.sci.tot*", s.sci_total),
    ("if.teads.*", s.teads_kwh),
    ("jegham.co2.*", s.operational_t),
    ("jegham.home", s.home_kwh),
    ("jegham.water.*", s.jegham_kl),
    ("li.*.n500", s.li_requests),
    ("li.*.req", lambda x: u.ml_from_l(s.li_l(x))),
    ("li.*.train", lambda x: u.m3_from_l(s.li_l(x)) / 1000),
    ("llama1.*.mwh", s.hours_mwh),
    ("llama1.*.t", s.hours_t),
    ("luc23.*", s.hours_kg),
    ("luc24.t5.*", s.break_even),
    ("luc24.total_ci", s.operational_kg),
    ("meta.dual", s.ratio("lb", "mb")),
    ("metric.edh", lambda x: f.edh_flop(example_flop=x["E"], example_count=x["D"], experiment_count=x["H"])),
    ("metric.fis.*", s.efficiency),
    ("metric.*.6nd", lambda x: f.training_flop(parameter_count=x["N"], token_count=x["Dt"])),
    ("metric.*6nd", lambda x: f.training_flop(parameter_count=x["N"], token_count=x["Dt"])),
    ("mlco2.*", s.hours_kg),
    (
        "mlenergy.*.jtok",
        lambda x: f.energy_j_per_token(power_w=x["w"], throughput_tokens_per_s=x["tps"]),
    ),
    ("mlenergy.*.jreq", lambda x: f.energy_j_per_request(energy_j_per_token=x["jt"], token_count=x["tok"])),
    ("olmo.embodied.node", s.node_share_kg),
    ("olmo.embodied.rate", s.rate_kg_per_h),
    ("olmo.embodied.t", s.olmo_embodied_t),
    ("olmo.inf.g", s.operational_g),
    ("olmo.llama2_*.mwh", s.hours_mwh),
    ("olmo.sum.*", s.add_all),
    ("olmo.total.*", s.add_all),
    ("olmo.*.kl", s.olmo_kl),
    ("olmo.*.t", s.operational_t),
    ("patterson.c.nas*_lb", s.search_lb),
    ("patterson.d.476x", s.iowa_ratio),
    ("patterson.d.88x", s.ratio("a", "b")),
    ("patterson.d.*_t", s.hours_t),
    ("patterson.d.perf_w", s.performance_per_watt),
    ("patterson.pax", s.passenger_t),
    ("patterson.strubell_factor", s.pounds_kg),
    ("patterson.t1.*.kwh", s.hours_kwh),
    ("patterson.t1.*.t", s.operational_t),
    ("patterson.t4.*.flop", s.achieved_flop),
    ("patterson.t4.*.frac_nas", s.ratio("t", "ref")),
    ("patterson.t4.*.jet", s.jets),
    ("patterson.t4.*.mwh", s.hours_mwh),
    ("patterson.t4.*.pct_google", s.google_percent),
    ("patterson.t4.*_t", s.operational_t),
    ("patterson2022.*_product", lambda x: f.combined_ratio(**x)),
    ("patterson2022.*", s.ratio("a", "b")),
    ("sci.embodied.*", s.sci_embodied_g),
    ("sci.eshop.*_m", s.eshoppen_embodied_g),
    ("sci.eshop.*_o", s.eshoppen_operational_kg),
    ("sci.eshop.r", s.sci_score("c", "r")),
    (
        "sciai.consumer.*",
        lambda x: f.sci_g_per_unit(emissions_g=u.g_from_kg(x["kg"]), unit_count=x["tok"] / 1e6),
    ),
    ("sciai.cv", lambda x: f.sci_g_per_unit(emissions_g=u.g_from_kg(x["kg"]), unit_count=x["n"])),
    ("scope2.*", s.operational_t),
    ("strubell.factor_kg", s.pounds_kg),
    ("strubell.nas_*_hours", s.search_h),
    ("strubell.t1.car_ratio", s.ratio("lb", "car")),
    ("strubell.t3.*.kwh", lambda x: u.kwh_from_j(s.strubell_j(x))),
    ("strubell.t3.*.kwh.as_printed", lambda x: u.kwh_from_j(s.strubell_j(x))),
    ("strubell.t3.*.lb", s.strubell_lb),
    ("strubell.t3.*.usd_*", s.device_usd),
    ("strubell.t4.*.usd_el", s.electricity_usd),
    ("strubell.t4.*.usd_*", s.gpu_hours_usd),
    ("strubell.t4.avg_gpus", s.ratio("gpu_days", "days")),
)
"""Id pattern to call; the first that fits counts."""

BY_INPUTS = (
    (frozenset({"a", "b"}), s.ratio("a", "b")),
    (frozenset({"rows"}), s.add_all),
    (frozenset({"lb", "kg_per_lb"}), s.pounds_kg),
    (frozenset({"kwh", "g"}), s.operational_kg),
    (frozenset({"mwh", "ci"}), s.operational_t),
    (frozenset({"gpuh", "w", "pue"}), s.hours_mwh),
    (frozenset({"gpuh", "w", "pue", "ci"}), s.hours_t),
)
"""Shape of the inputs to call, for rows that no pattern names."""


def call_of(row_id: str, unit: str, inputs: dict[str, object]) -> object:
    """The call that reproduces a row, None if nobody mapped it."""
    if row_id.startswith("pereira.") or (set(inputs) == {"a", "b"} and unit.startswith("%")):
        return s.percent_more if unit.startswith("%") else s.ratio("a", "b")
    for pattern, call in CALLS:
        if fnmatchcase(row_id, pattern):
            return call
    return next((call for names, call in BY_INPUTS if names == set(inputs)), None)
