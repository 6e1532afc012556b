"""The names that people read for what the records call energy_j, operational_g and so on, and their order."""

from __future__ import annotations

from typing import Final

ATTRIBUTION_LABELS: Final = {
    "with_idle_share": "Energy with idle share",
    "dynamic": "Energy added (dynamic)",
    "machine": "Energy of the machine",
}
COMPONENT_LABELS: Final = {
    "total": "Total",
    "cpu": "CPU",
    "dram": "Memory (DRAM)",
    "gpu": "GPU",
    "psys": "Platform (psys)",
    "board": "Board",
    "node": "Node",
    "battery": "Battery",
    "wall": "At the wall (calibrated)",
    "other": "Other",
}
METHOD_LABELS: Final = {
    "measured": "measured: a counter that was read",
    "reported": "reported: someone else's meter",
    "modelled": "modelled: computed from load and hardware",
    "default": "default: nobody said, a wide band stands in",
}
CALCULATION_LABELS: Final = {
    "operational_g": "Operational carbon",
    "embodied_g": "Embodied carbon (our share)",
    "emissions_g": "Carbon, total",
    "facility_energy_j": "Energy with overhead (PUE)",
    "intensity_g_per_kwh": "Grid intensity, mean over the run's hours",
    "cost": "Cost of electricity",
    "water_l": "Water",
    "sci_g_per_unit": "SCI",
    "energy_j_per_unit": "Energy per unit",
}
BASIS_LABELS: Final = {"location": "location-based", "market": "market-based"}
FACTOR_LABELS: Final = {
    "intensity": "grid intensity",
    "residual_mix": "residual mix",
    "pue": "PUE",
    "wue": "water on site (WUE)",
    "ewif": "water for electricity",
    "embodied": "embodied carbon",
    "lifespan": "life of the machine",
    "price": "price",
}
_WORDS: Final = {"g": "carbon", "j": "energy", "l": "volume", "s": "time", "w": "power"}


def component_label(component: str) -> str:
    """ "cpu" is "CPU"; what we don't know keeps its own name."""
    return COMPONENT_LABELS.get(component, component)


def calculation_label(name: str, basis: str, unit: str = "") -> str:
    """ "operational_g", "market" is "Operational carbon, market-based"; of a functional unit it names which."""
    label = CALCULATION_LABELS.get(name) or quantity_label(name)
    if unit and name.endswith("_per_unit"):
        label = f"{label.removesuffix(' per unit')} per {unit}"
    return f"{label}, {BASIS_LABELS.get(basis, basis)}" if basis else label


def quantity_label(name: str) -> str:
    """A readable label of an unknown quantity: "network_energy_j" is "Network energy"."""
    words = name.split("_")
    if len(words) > 1 and words[-1] in _WORDS:
        words = words[:-1]
    return " ".join(words).capitalize()
