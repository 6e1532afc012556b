"""What would change, in the user's words: "model=0.5 machine=H100 region=SE pue=1.1" to the four Ms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from joulewise.compare.four_ms import Changes
from joulewise.compare.hardware import hardware_of
from joulewise.core.errors import NotFound, OutOfRange, UsageError
from joulewise.core.figures import MODELLED, REPORTED, Figure, exact

if TYPE_CHECKING:
    from joulewise.carbon import FactorSet
    from joulewise.compare.hardware import Hardware

_HINT = "--what-if 'model=0.5 machine=H100 region=SE pue=1.1'"
_NAMES = {"model": "model", "machine": "machine", "pue": "pue", "mechanization": "pue", "region": "map", "map": "map"}
_UTILISATION = 2.0
"""Two machines seldom reach the same share of their peaks: the ratio may be off by so many times either way."""


def what_if_words(given: Iterable[str]) -> dict[str, str]:
    """Read NAME=VALUE, several in one text or one in each. Raises UsageError for what is none."""
    found: dict[str, str] = {}
    for part in (part for text in given for part in text.replace(",", " ").split()):
        name, equals, value = part.partition("=")
        if not (name and equals and value):
            raise UsageError(f"can't read {part!r} of --what-if", hint=_HINT)
        found[name] = value
    return found


def changes_of(words: Mapping[str, str | float], today: Hardware | None, factors: FactorSet) -> Changes:
    """The four Ms. A machine is a factor on energy, or hardware by name: joules per FLOP by rated power and peak.

    Raises UsageError for an unknown M or number, NotFound for hardware, FactorError for a region.
    """
    found: dict[str, str] = {}
    for name, value in words.items():
        key = _NAMES.get(name.casefold())
        if key is None or key in found:
            raise UsageError(f"--what-if knows no {name!r}, or has it twice", hint=f"{', '.join(_NAMES)}; {_HINT}")
        found[key] = str(value)
    return Changes(
        model=_number("model", found["model"]) if "model" in found else None,
        machine=_machine(found["machine"], today) if "machine" in found else None,
        pue=_number("pue", found["pue"]) if "pue" in found else None,
        intensity=_intensity(found["map"], factors) if "map" in found else None,
    )


def _number(name: str, text: str) -> Figure:
    try:
        value = float(text)
    except ValueError:
        raise UsageError(f"{name}={text} is no number", hint=_HINT) from None
    if not 0 < value < float("inf"):
        raise OutOfRange(f"want {name} above 0, got {text}", hint=_HINT)
    return exact(value, "1", REPORTED, "as given")


def _machine(text: str, today: Hardware | None) -> Figure:
    try:
        return _number("machine", text)
    except OutOfRange:
        raise
    except UsageError:
        new, _ = hardware_of(text)
    if today is None:
        raise NotFound("what machine is it today?", hint=f"--hardware A100:8, or a factor: machine=0.5; not {text!r}")
    precision = next((one for one in ("fp16", "tf32", "fp32") if one in new.peak and one in today.peak), "")
    if not precision:
        raise UsageError(f"no peak of both {today.name} and {new.name} is known", hint="a factor: machine=0.5")
    ratio = (new.tdp.value / new.peak[precision].value) / (today.tdp.value / today.peak[precision].value)
    source = f"{new.name} over {today.name}: rated power over {precision} peak; shares of the peak within 2 times"
    return Figure(
        value=ratio, low=ratio / _UTILISATION, high=ratio * _UTILISATION, unit="1", method=MODELLED, source=source
    )


def _intensity(text: str, factors: FactorSet) -> Figure:
    """Of a grid zone or cloud region, or a number in g/kWh."""
    try:
        return exact(float(text), "g/kWh", REPORTED, "as given")
    except ValueError:
        return factors.find("intensity", factors.resolve(text).zone).as_figure()
