"""Steps from a published row's inputs to its figure, by the package's own functions.

The functions take the inputs in the source's units, convert with core.units, call carbon.formulas, and give the
result in the unit of the row. The `formula` column of the table is never used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from joulewise.carbon import formulas as f
from joulewise.core import units as u
from joulewise.core.figures import exact, total

Inputs = Mapping[str, Any]
Call = Callable[[Inputs], float]


def add(values: Any) -> float:
    return total([exact(value, "1") for value in values]).value


def add_all(x: Inputs) -> float:
    return add(x["rows"] if "rows" in x else x.values())


def energy_j(x: Inputs) -> float:
    for name, convert in (("kwh", u.j_from_kwh), ("mwh", u.j_from_mwh), ("wh", u.j_from_wh)):
        if name in x:
            return convert(x[name])
    raise KeyError("no energy among " + ", ".join(x))


def intensity(x: Inputs) -> float:
    """Sources write ci in kg/kWh or t/MWh, g in g/kWh."""
    return u.g_per_kwh_from_kg_per_kwh(x["ci"]) if "ci" in x else x["g"]


def operational_g(x: Inputs) -> float:
    return f.operational_g(energy_j=energy_j(x), intensity_g_per_kwh=intensity(x))


def operational_kg(x: Inputs) -> float:
    return u.kg_from_g(operational_g(x))


def operational_t(x: Inputs) -> float:
    return u.t_from_g(operational_g(x))


def hours_j(x: Inputs) -> float:
    """Energy from device-hours (or devices and hours or days), mean watts and PUE."""
    names = ("n", "chips", "count")
    count = next((x[name] for name in names if name in x), 1.0)
    if "days" in x:
        duration_s = u.s_from_days(x["days"])
    else:
        duration_s = u.s_from_h(next(x[name] for name in ("gpuh", "tpu_h", "h", "hours") if name in x))
    watts = x["w"] if "w" in x else x["watts"]
    return f.hardware_energy_j(device_count=count, power_w=watts, duration_s=duration_s, pue=x.get("pue", 1.0))


def hours_kwh(x: Inputs) -> float:
    return u.kwh_from_j(hours_j(x))


def hours_mwh(x: Inputs) -> float:
    return u.mwh_from_j(hours_j(x))


def hours_g(x: Inputs) -> float:
    return f.operational_g(energy_j=hours_j(x), intensity_g_per_kwh=intensity(x))


def hours_t(x: Inputs) -> float:
    return u.t_from_g(hours_g(x))


def hours_kg(x: Inputs) -> float:
    return u.kg_from_g(hours_g(x))


def card_kg(x: Inputs) -> float:
    """Model cards give the intensity in g/kWh under the name ci."""
    return u.kg_from_g(f.operational_g(energy_j=hours_j(x), intensity_g_per_kwh=x["ci"]))


def ratio(first: str, second: str) -> Call:
    return lambda x: f.ratio(amount=x[first], reference_amount=x[second])


def percent_more(x: Inputs) -> float:
    return f.change_percent(amount=x["a"], reference_amount=x["b"])


# Strubell et al. 2019


def strubell_j(x: Inputs) -> float:
    """Their node_watts is the whole node's draw, all devices in it."""
    return f.hardware_energy_j(device_count=1, power_w=x["node_watts"], duration_s=u.s_from_h(x["hours"]), pue=x["pue"])


def strubell_lb(x: Inputs) -> float:
    per_kwh = u.g_per_kwh_from_lb_per_kwh(x["lb_per_kwh"])
    return u.lb_from_g(f.operational_g(energy_j=strubell_j(x), intensity_g_per_kwh=per_kwh))


def device_usd(x: Inputs) -> float:
    return f.device_cost(
        device_count=x["count"], duration_s=u.s_from_h(x["hours"]), price_per_device_h=x["usd_per_device_h"]
    )


def gpu_hours_usd(x: Inputs) -> float:
    return f.device_cost(device_count=1, duration_s=u.s_from_h(x["gpu_hours"]), price_per_device_h=x["usd"])


def electricity_usd(x: Inputs) -> float:
    whole_j = f.implied_energy_j(
        emissions_g=u.g_from_lb(x["lb_total"]), intensity_g_per_kwh=u.g_per_kwh_from_lb_per_kwh(x["lb_per_kwh"])
    )
    one_j = f.energy_j_per_unit(energy_j=whole_j, unit_count=x["gpu_hours_total"])
    return f.cost(energy_j=one_j * x["gpu_hours"], price_per_kwh=x["usd_kwh"])


def search_h(x: Inputs) -> float:
    return u.h_from_s(
        f.scaled_duration_s(
            step_count=x["steps"],
            reference_step_count=x["steps_per_run"],
            reference_duration_s=u.s_from_h(x["hours"]),
        )
    )


def pounds_kg(x: Inputs) -> float:
    return u.kg_from_lb(x["lb"])


# Patterson et al. 2021


def search_lb(x: Inputs) -> float:
    """The source's "kg" is a rate in pounds an hour."""
    return u.lb_from_g(
        f.search_emissions_g(
            task_count=x["tasks"],
            step_count=x["steps"],
            reference_step_count=x["base"],
            reference_duration_s=u.s_from_h(x["hours"]),
            emissions_g_per_h=u.g_from_lb(x["kg"]),
        )
    )


def iowa_ratio(x: Inputs) -> float:
    return f.ratio(amount=x["ref"], reference_amount=hours_t(x))


def performance_per_watt(x: Inputs) -> float:
    p100_j = f.power_energy_j(power_w=x["w_p100"], duration_s=u.s_from_h(x["p100_h"]))
    tpu_j = f.power_energy_j(power_w=x["w_tpu"], duration_s=u.s_from_h(x["tpu_h"]))
    return f.ratio(amount=p100_j, reference_amount=tpu_j)


def passenger_t(x: Inputs) -> float:
    one_g = f.passenger_g(flight_g=u.g_from_t(x["t"]), seat_count=x["seats"], load_share=x["load"])
    return u.t_from_g(one_g)


def achieved_flop(x: Inputs) -> float:
    return f.achieved_flop(
        device_count=x["chips"],
        duration_s=u.s_from_days(x["days"]),
        throughput_flop_per_s=u.flop_from_tera(x["tflops"]),
    )


def jets(x: Inputs) -> float:
    return f.carbon_equivalent_count(emissions_g=u.g_from_t(x["t"]), one_g=u.g_from_t(x["jet"]))


def google_percent(x: Inputs) -> float:
    return 100 * f.energy_equivalent_count(energy_j=u.j_from_mwh(x["mwh"]), one_j=u.j_from_twh(x["twh"]))


# Dodge, Luccioni, Morrison, Li, Jegham


def kw_per_gpu(x: Inputs) -> float:
    watts = f.mean_power_w(energy_j=u.j_from_kwh(x["kwh"]), device_count=x["gpus"], duration_s=u.s_from_h(x["hours"]))
    return watts / 1000


def implied_g_per_kwh(x: Inputs) -> float:
    return f.implied_intensity_g_per_kwh(emissions_g=x["g"], energy_j=energy_j(x))


def pause_over_flexible(x: Inputs) -> float:
    return f.difference_pp(share_percent=x["pause_resume_pct"], reference_percent=x["flexible_start_pct"])


def wall_clock_gpu_h(x: Inputs) -> float:
    duration_s = u.s_from_days(x["days"]) + u.s_from_h(x["h"]) + u.s_from_h(x["m"] / 60)
    return u.h_from_s(f.device_time_s(device_count=x["gpus"], duration_s=duration_s))


def bloom_server_kg(x: Inputs) -> float:
    rate = f.embodied_rate_g_per_h(
        total_g=u.g_from_kg(x["server_kg"]), lifespan_s=u.s_from_years(x["years"]), use_share=x["use"]
    )
    return u.kg_from_g(rate)


def bloom_embodied_t(x: Inputs) -> float:
    held_s = u.s_from_h(x["gpu_h"])
    servers = f.embodied_by_rate_g(
        device_count=f.resource_share(reserved_count=1, total_count=x["per_server"]),
        duration_s=held_s,
        rate_g_per_h=u.g_from_kg(x["s"]),
    )
    cards = f.embodied_by_rate_g(device_count=1, duration_s=held_s, rate_g_per_h=u.g_from_kg(x["g"]))
    return u.t_from_g(add([servers, cards]))


def rate_kg_per_h(x: Inputs) -> float:
    total_kg, hours = (x["te"], x["el"]) if "te" in x else (x["kg"], x["h"])
    rate = f.embodied_rate_g_per_h(total_g=u.g_from_kg(total_kg), lifespan_s=u.s_from_h(hours), use_share=1)
    return u.kg_from_g(rate)


def node_share_kg(x: Inputs) -> float:
    share = f.resource_share(reserved_count=1, total_count=x["n"])
    whole_g = u.g_from_kg(x["node"])
    return u.kg_from_g(f.embodied_g(total_g=whole_g, reserved_s=1, lifespan_s=1, resource_share=share))


def olmo_embodied_t(x: Inputs) -> float:
    rate = f.embodied_rate_g_per_h(total_g=u.g_from_kg(x["kg"]), lifespan_s=u.s_from_h(x["h"]), use_share=1)
    return u.t_from_g(f.embodied_by_rate_g(device_count=1, duration_s=u.s_from_h(x["gpuh"]), rate_g_per_h=rate))


def olmo_kl(x: Inputs) -> float:
    """The 13B row takes PUE twice, as the source did; the others not at all."""
    reached_j = u.j_from_mwh(x["mwh"])
    for name in ("pue", "pue_w"):
        reached_j = f.facility_energy_j(it_energy_j=reached_j, pue=x.get(name, 1.0))
    return u.m3_from_l(f.water_by_rate_l(energy_j=reached_j, water_l_per_kwh=x["wue"]))


def break_even(x: Inputs) -> float:
    return f.break_even_count(
        training_energy_j=u.j_from_kwh(x["train"]),
        finetuning_energy_j=u.j_from_kwh(x["ft"]),
        energy_j_per_inference=u.j_from_kwh(x["inf"]),
    )


def li_l(x: Inputs) -> float:
    return f.water_l(it_energy_j=energy_j(x), pue=x["pue"], wue_l_per_kwh=x["wue"], ewif_l_per_kwh=x["ewif"])


def li_requests(x: Inputs) -> float:
    return f.units_per_water(water_l=u.l_from_ml(500), water_l_per_unit=u.l_from_ml(x["ml"]))


def jegham_kl(x: Inputs) -> float:
    return u.m3_from_l(
        f.water_of_facility_l(
            facility_energy_j=u.j_from_mwh(x["mwh"]),
            pue=x["pue"],
            wue_l_per_kwh=x["wue"],
            ewif_l_per_kwh=x["wsrc"],
        )
    )


def water_with_pue_twice(x: Inputs) -> float:
    facility_j = f.facility_energy_j(it_energy_j=u.j_from_kwh(x["it"]), pue=x["pue"])
    return f.water_l(it_energy_j=facility_j, pue=x["pue"], wue_l_per_kwh=x["wue"], ewif_l_per_kwh=x["mix"])


def home_kwh(x: Inputs) -> float:
    return u.kwh_from_j(f.energy_j_per_unit(energy_j=u.j_from_mwh(x["mwh"]), unit_count=x["n"]))


# Green Algorithms, Impact Framework, SCI


def green_algorithms_kwh(x: Inputs) -> float:
    power_w = f.green_algorithms_power_w(
        core_count=x["cores"],
        core_power_w=x["w"],
        core_usage_share=x.get("u", 1.0),
        gpu_power_w=x.get("gpus", 0) * x.get("wg", 0.0),
        memory_gb=x["gb"],
        memory_w_per_gb=x["wgb"],
    )
    joules = f.hardware_energy_j(
        device_count=x.get("psf", 1), power_w=power_w, duration_s=u.s_from_h(x["h"]), pue=x["pue"]
    )
    return u.kwh_from_j(joules)


def green_algorithms_g(x: Inputs) -> float:
    return f.operational_g(energy_j=energy_j(x), intensity_g_per_kwh=x["ci"])


def interpolated(x: Inputs) -> float:
    return f.interpolated_load_ratio(
        load_percent=x["x"],
        below_percent=x["x0"],
        below_ratio=x["y0"],
        above_percent=x["x1"],
        above_ratio=x["y1"],
    )


def teads_kwh(x: Inputs) -> float:
    share = f.resource_share(reserved_count=x["vused"], total_count=x["vtot"])
    return u.kwh_from_j(f.tdp_energy_j(tdp_w=x["tdp"], load_ratio=x["f"], duration_s=x["s"], resource_share=share))


def sci_embodied_g(x: Inputs) -> float:
    """Lifespan and time reserved in the same unit, hours or seconds; the ratio is what counts."""
    total_g = f.assembled_g(machine_g=x["te"], part_count=x.get("hdd", 0), part_g=x.get("ehdd", 0))
    share = f.resource_share(reserved_count=x.get("rr", 1), total_count=x.get("tor", 1))
    return f.embodied_g(total_g=total_g, reserved_s=x["tir"], lifespan_s=x["el"], resource_share=share)


def eshoppen_embodied_g(x: Inputs) -> float:
    return sci_embodied_g({**x, "te": u.g_from_kg(x["te"])})


def eshoppen_operational_kg(x: Inputs) -> float:
    """0.18 kWh at full load, 32 % load, 410 g/kWh: the source's names don't say so."""
    used_j = f.tdp_energy_j(tdp_w=x["kwh"] * 1000, load_ratio=x["ci"], duration_s=u.s_from_h(x["n"]), resource_share=1)
    return u.kg_from_g(f.operational_g(energy_j=used_j, intensity_g_per_kwh=x["u"]))


def sci_score(emitted: str, units: str) -> Call:
    return lambda x: f.sci_g_per_unit(emissions_g=x[emitted], unit_count=x[units])


def sci_total(x: Inputs) -> float:
    return f.emissions_g(operational_g=x["o"], embodied_g=x["m"])


# Equivalents, indicators, efficiency


def week_kg(x: Inputs) -> float:
    return u.kg_from_g(f.sci_g_per_unit(emissions_g=u.g_from_t(x["t"]), unit_count=52))


def efficiency(x: Inputs) -> float:
    return f.accuracy_pp_per_gflop(accuracy_pp=x["acc"], flop=x["gflop"] * 1e9)
