"""The text that Prometheus exporters answer with: samples, their labels and types; and what a metric's name tells.

Source: Prometheus documentation, "Exposition formats" and "Metric and label naming" (base unit as suffix).
"""

from __future__ import annotations

from joulewise.core.channels import ENERGY, POWER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Sample = tuple[str, Mapping[str, str], str]

# Unit in a metric's name -> (quantity, joules or watts in it).
UNITS = {
    "joules": (ENERGY, 1.0),
    "millijoules": (ENERGY, 1e-3),
    "microjoules": (ENERGY, 1e-6),
    "kilowatthours": (ENERGY, 3.6e6),
    "kwh": (ENERGY, 3.6e6),
    "watthours": (ENERGY, 3600.0),
    "wh": (ENERGY, 3600.0),
    "watts": (POWER, 1.0),
    "watt": (POWER, 1.0),
    "milliwatts": (POWER, 1e-3),
    "microwatts": (POWER, 1e-6),
    "kilowatts": (POWER, 1e3),
}
_RATES = ("rate", "irate", "deriv")


def unit_of(query: str) -> tuple[str, float] | None:
    """Quantity and size of the unit that a query names: "kepler_node_cpu_joules_total" -> joules of a counter.

    rate(), irate() and deriv() of joules are watts. None if no name in it ends with a unit that we know.
    """
    names = names_in(query)
    found = next((UNITS[unit] for name in names if (unit := _last_word(name)) in UNITS), None)
    if found and found[0] == ENERGY and any(name in _RATES for name in names):
        return POWER, found[1]
    return found


def _last_word(name: str) -> str:
    return name.removesuffix("_total").rpartition("_")[2].lower()


def names_in(query: str) -> list[str]:
    """The words of a query outside of quotes: metrics, labels and functions."""
    plain = "".join(part for index, part in enumerate(query.replace("'", '"').split('"')) if index % 2 == 0)
    letters = [letter if letter.isascii() and (letter.isalnum() or letter in "_:") else " " for letter in plain]
    return "".join(letters).split()


def selector(query: str) -> tuple[str, dict[str, str]]:
    """A metric's name and the labels that it must have: `name{zone="package"}`. Only equality is understood.

    Raises ValueError for anything else.
    """
    name, brace, rest = query.strip().partition("{")
    labels, end = _labels(rest) if brace else ({}, len(rest))
    if names_in(name) != [name.strip()] or rest[end:].strip():
        raise ValueError('want NAME or NAME{label="value", ...}')
    return name.strip(), labels


def samples(text: str) -> Iterator[Sample]:
    """Name, labels and the text of the value, line by line; lines that are none are left out."""
    for line in text.split("\n"):
        line_text = line.strip()
        if not line_text or line_text.startswith("#"):
            continue
        try:
            yield _sample(line_text)
        except ValueError:  # one bad line does not spoil the others
            continue


def types(text: str) -> dict[str, str]:
    """Metric name -> counter, gauge, ... as the TYPE lines say."""
    found: dict[str, str] = {}
    for line in text.split("\n"):
        words = line.split()
        if words[:2] == ["#", "TYPE"] and len(words) == 4:
            found[words[2]] = words[3]
    return found


def _sample(line: str) -> Sample:
    name = line[: min(index for index in (line.find("{"), line.find(" "), len(line)) if index >= 0)]
    rest = line[len(name) :]
    labels: dict[str, str] = {}
    if rest.startswith("{"):
        labels, end = _labels(rest[1:])
        rest = rest[1 + end :]
    words = rest.split()
    if not name or not 1 <= len(words) <= 2:
        raise ValueError("no sample")
    return name, labels, words[0]


def _labels(text: str) -> tuple[dict[str, str], int]:
    """The labels up to the closing brace, and where the text goes on. Raises ValueError."""
    found: dict[str, str] = {}
    at = 0
    while True:
        while text[at : at + 1] in (" ", ",") and at < len(text):
            at += 1
        if text[at : at + 1] == "}":
            return found, at + 1
        equals = text.index("=", at)
        start = text.index('"', equals)
        if text[equals + 1 : start].strip():
            raise ValueError("only = is understood")
        value, at = _quoted(text, start + 1)
        name = text[_word_start(text, equals) : equals].strip()
        if not name:
            raise ValueError("a label without a name")
        found[name] = value


def _word_start(text: str, end: int) -> int:
    """Where the word before `end` starts."""
    start = len(text[:end].rstrip())
    while start and (text[start - 1].isalnum() or text[start - 1] == "_"):
        start -= 1
    return start


def _quoted(text: str, at: int) -> tuple[str, int]:
    """A quoted value from `at` on, and where the text goes on. Raises ValueError if it does not end."""
    letters: list[str] = []
    while at < len(text):
        letter = text[at]
        if letter == '"':
            return "".join(letters), at + 1
        if letter == "\\" and at + 1 < len(text):
            at += 1
            letter = "\n" if text[at] == "n" else text[at]
        letters.append(letter)
        at += 1
    raise ValueError("an open quote")
