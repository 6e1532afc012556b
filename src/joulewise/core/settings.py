"""One frozen Settings: flag > environment JOULEWISE_* > pyproject [tool.joulewise] > user file > default.

An unknown key is an error. `origins` says where each value came from (`joulewise config --explain`).
"""

from __future__ import annotations

import os

from joulewise.core.errors import OutOfRange, UnknownSetting, UsageError
from joulewise.core.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


HELP: Mapping[str, str] = {
    "ledger": "Ledger URL: sqlite:///PATH or postgresql://...; empty is the user's data folder.",
    "spool": "Folder of the journals; empty is the user's state folder.",
    "zone": "Grid zone or cloud region: DE, US-CAMX, aws:eu-north-1; empty is unknown.",
    "detect_cloud": "Ask the cloud's metadata service for the region (network, off by default).",
    "pue": "Power usage effectiveness, >= 1; unset takes the region's, else a default band.",
    "wue": "Water usage effectiveness, L/kWh of IT energy; unset takes the region's.",
    "price_per_kwh": "Price of a kilowatt-hour in `currency`; unset shows no money.",
    "currency": "ISO 4217 code that goes with price_per_kwh.",
    "market_g_per_kwh": "Market-based intensity of your supply contract, gCO2e/kWh.",
    "intensity": "Sources of carbon intensity to ask first, best first (network): electricitymaps, watttime, uk, eia, "
    "entsoe, or file; empty takes what is bundled.",
    "intensity_urls": "Addresses in place of the public ones: electricitymaps=https://host/v4,uk=http://proxy.",
    "intensity_file": "CSV or Parquet of intensities for the source `file`: zone, start, intensity_g_per_kwh, ...",
    "cache": "Folder of fetched intensities; empty is the user's cache folder.",
    "device_class": "Embodied default: server, gpu-server, desktop, laptop, edge; empty guesses.",
    "embodied_kg": "Embodied emissions of the whole machine, kgCO2e, from its data sheet.",
    "lifespan_years": "Expected life of the machine in years.",
    "tick_s": "Seconds between readings after the first 20 s, in which they are closer; 1 to 60.",
    "meters": "Only these meter plug-ins, comma-separated; empty is all, none is none of them.",
    "idle_share": "Our share of idle power: allocation, busy or none.",
    "strict": "Let a failing meter raise instead of becoming a gap.",
    "group": "Key that joins the ranks of one job; empty takes torchrun's, Slurm's or MPI's.",
    "project": "Project that runs are filed under.",
    "cpu": "CPU family for the model meter, if CPUID can't tell (see joulewise doctor).",
    "replay": "CSV of a recorded trace to measure from instead of this machine's meters.",
    "redfish_url": "Redfish endpoint of this machine's management controller (network).",
    "redfish_user": "User for Redfish; the password comes from JOULEWISE_REDFISH_PASSWORD only.",
    "prometheus_url": "Prometheus server or exporter that meters this machine (network).",
    "prometheus_query": "Query for joules (a counter) or watts; see the how-to for Kepler and plugs.",
}
"""What each setting means; `joulewise config --explain` and the reference page show it."""


class Settings(Frozen):
    """Everything that can be set. `HELP` holds the reference text of each key."""

    ledger: str = ""
    spool: str = ""
    zone: str = ""
    detect_cloud: bool = False
    pue: float | None = None
    wue: float | None = None
    price_per_kwh: float | None = None
    currency: str = "EUR"
    market_g_per_kwh: float | None = None
    intensity: tuple[str, ...] = ()
    intensity_urls: tuple[str, ...] = ()
    intensity_file: str = ""
    cache: str = ""
    device_class: str = ""
    embodied_kg: float | None = None
    lifespan_years: float | None = None
    tick_s: float = 10.0
    meters: tuple[str, ...] = ()
    idle_share: str = "allocation"
    strict: bool = False
    group: str = ""
    project: str = ""
    cpu: str = ""
    replay: str = ""
    redfish_url: str = ""
    redfish_user: str = ""
    prometheus_url: str = ""
    prometheus_query: str = ""
    origins: Mapping[str, str] = {}

    def __post_init__(self) -> None:
        _check(self.pue is None or 1 <= self.pue < float("inf"), "pue", "a finite number >= 1", self.pue)
        _check(1 <= self.tick_s <= 60, "tick_s", "1 to 60", self.tick_s)
        code = self.currency
        written = len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()
        _check(written, "currency", "three capital letters, as EUR (ISO 4217)", code)
        _check(
            self.idle_share in ("allocation", "busy", "none"), "idle_share", "allocation, busy or none", self.idle_share
        )
        for name in ("wue", "price_per_kwh", "market_g_per_kwh", "embodied_kg", "lifespan_years"):
            value = getattr(self, name)
            _check(value is None or 0 <= value < float("inf"), name, "a finite number >= 0", value)
        for name, most in (("price_per_kwh", 1e9), ("market_g_per_kwh", 1e5)):
            value = getattr(self, name)
            _check(value is None or value <= most, name, f"at most {most:g}", value)


def _check(condition: bool, name: str, want: str, got: object) -> None:
    if not condition:
        raise OutOfRange(f"{name} must be {want}, got {got!r}", hint="joulewise config --explain")


KEYS = tuple(HELP)


def load(
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    start: str = ".",
) -> Settings:
    """Collect the settings; later layers win: default, user file, pyproject, environment, flags that are not None.

    Raises UnknownSetting for a key that does not exist, UsageError for one that can't be read.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    origins = dict.fromkeys(KEYS, "default")
    for origin, layer in (
        *_files(environ, start),
        *((f"environment {name}", {key: text}) for name, key, text in _environment(environ)),
        ("flag", {key: value for key, value in (flags or {}).items() if value is not None}),
    ):
        for key, value in layer.items():
            values[key] = _convert(key, value, origin)
            origins[key] = origin
    return Settings(**values, origins=origins)


def user_file(environ: Mapping[str, str]) -> str:
    """The user's settings file; it need not exist."""
    return os.path.join(_xdg(environ, "XDG_CONFIG_HOME", ".config"), "config.toml")


def data_folder(environ: Mapping[str, str]) -> str:
    """Where the ledger lies by default."""
    return _xdg(environ, "XDG_DATA_HOME", ".local/share")


def state_folder(environ: Mapping[str, str]) -> str:
    """Where the journals lie by default, and what is learned of this machine."""
    return _xdg(environ, "XDG_STATE_HOME", ".local/state")


def cache_folder(settings: Settings, environ: Mapping[str, str]) -> str:
    """Where fetched intensities are kept."""
    return os.path.expanduser(settings.cache) or _xdg(environ, "XDG_CACHE_HOME", ".cache")


def spool_folder(settings: Settings, environ: Mapping[str, str]) -> str:
    """The folder of the journals in force."""
    return os.path.expanduser(settings.spool) or os.path.join(state_folder(environ), "spool")


def spool_folders(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """Where journals may lie, best first: where the spool can't be written, a session takes the next."""
    places = (spool_folder(settings, environ), os.path.join(state_folder(environ), "spool"))
    return list(dict.fromkeys([*places, f"/tmp/joulewise-{os.getuid()}/spool"]))


def ledger_url(settings: Settings, environ: Mapping[str, str]) -> str:
    """The ledger's URL in force; a bare path means SQLite."""
    chosen = settings.ledger or os.path.join(data_folder(environ), "ledger.db")
    return chosen if "://" in chosen else f"sqlite:///{os.path.abspath(os.path.expanduser(chosen))}"


def _xdg(environ: Mapping[str, str], variable: str, fallback: str) -> str:
    home = environ.get("HOME") or os.path.expanduser("~")
    return os.path.join(environ.get(variable) or os.path.join(home, fallback), "joulewise")


def _files(environ: Mapping[str, str], start: str) -> list[tuple[str, Mapping[str, Any]]]:
    layers: list[tuple[str, Mapping[str, Any]]] = []
    path = user_file(environ)
    layers.append((path, _table(path, in_project=False)))
    try:
        folder = os.path.abspath(start)
    except FileNotFoundError:  # the folder we are in was removed
        return layers
    while True:
        path = os.path.join(folder, "pyproject.toml")
        if os.path.isfile(path):
            layers.append((path, _table(path, in_project=True)))
            return layers
        if folder == os.path.dirname(folder):
            return layers
        folder = os.path.dirname(folder)


def _table(path: str, *, in_project: bool) -> Mapping[str, Any]:
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except OSError:  # no file, or none that we may read: nothing is set there
        return {}
    bare = raw.translate(None, b" \t\"'")
    if in_project and b"tool.joulewise" not in bare and b"[tool]" not in bare:
        return {}  # spare the measured program the cost of a TOML parser
    import tomllib

    try:
        table: Any = tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error
    for part in ("tool", "joulewise") if in_project else ():
        table = table.get(part, {})
        if not isinstance(table, dict):
            raise UsageError(f"{part} in {path} is not a table")
    found: Mapping[str, Any] = table
    return found


RESERVED = frozenset(
    {"REDFISH_PASSWORD", "PROMETHEUS_TOKEN", "RUN_ID", "PARENT", "LOG"}
    | {"ELECTRICITYMAPS_TOKEN", "WATTTIME_USER", "WATTTIME_PASSWORD", "EIA_KEY", "ENTSOE_TOKEN"}
    | {"TASK_ID", "TASK_STATE"}
    | {"CI", "TEST_POSTGRES", "TEST_SLURM", "REFERENCE_DATA", "CHROMIUM"}
)
"""JOULEWISE_* names that are not settings: secrets, which are never stored; what `joulewise run` hands down;
and what our own tests take from their surroundings."""


def _environment(environ: Mapping[str, str]) -> list[tuple[str, str, str]]:
    prefix = "JOULEWISE_"
    return [
        (name, name[len(prefix) :].lower(), text)
        for name, text in environ.items()
        if name.startswith(prefix) and name[len(prefix) :] not in RESERVED
    ]


def _convert(key: str, value: Any, origin: str) -> Any:
    if key not in KEYS:
        from difflib import get_close_matches

        close = get_close_matches(key, KEYS)
        raise UnknownSetting(
            f"unknown setting {key!r} in {origin}", hint=" or ".join([*close, "joulewise config --explain"])
        )
    annotation = str(Settings.__annotations__[key])
    try:
        if annotation.startswith("bool"):
            return _boolean(value)
        if annotation.startswith("float"):
            return _number(value, optional="None" in annotation)
        if annotation.startswith("tuple"):
            parts = value.split(",") if isinstance(value, str) else list(value)
            return tuple(part.strip() for part in parts if part.strip())
        return value.strip() if annotation.startswith("str") else value
    except (ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"can't read setting {key} = {value!r} from {origin}: {error}") from error


def _number(value: Any, *, optional: bool) -> float | None:
    if isinstance(value, bool):
        raise ValueError("want a number")  # noqa: TRY004 - the caller turns both into a UsageError
    return None if optional and value == "" else float(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text not in _TRUE + _FALSE:
        raise ValueError("want true or false")
    return text in _TRUE
