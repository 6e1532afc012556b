from __future__ import annotations

import os
from pathlib import Path

import pytest

from joulewise.core import settings
from joulewise.core.errors import OutOfRange, UnknownSetting, UsageError


class Machine:
    """A home with a user file, and a project with a pyproject.toml."""

    def __init__(self, folder: Path) -> None:
        self.home, self.project = folder / "home", folder / "project" / "deep" / "down"
        self.project.mkdir(parents=True)
        self.environ = {"HOME": str(self.home), "PATH": "/usr/bin"}

    def user(self, text: str) -> str:
        path = Path(settings.user_file(self.environ))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    def pyproject(self, text: str | bytes) -> str:
        path = self.project.parent.parent / "pyproject.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def load(self, flags: dict[str, object] | None = None, **environ: str) -> settings.Settings:
        return settings.load(flags, {**self.environ, **environ}, str(self.project))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_every_setting_is_explained():
    fields = [field for field in settings.Settings._fields if field != "origins"]

    assert list(settings.HELP) == fields


def test_without_anything_the_defaults_hold(machine):
    found = machine.load()

    assert (found.zone, found.pue, found.tick_s, found.detect_cloud, found.meters) == ("", None, 10.0, False, ())
    assert set(found.origins.values()) == {"default"}


def test_flag_over_environment_over_project_over_user_file(machine):
    user = machine.user('zone = "PL"\npue = 1.1\ncurrency = "PLN"\nproject = "mine"\n')
    project = machine.pyproject('[tool.joulewise]\nzone = "FR"\npue = 1.2\ncurrency = "EUR"\n')

    found = machine.load({"zone": "SE", "pue": None}, JOULEWISE_ZONE="DE", JOULEWISE_PUE="1.3")

    assert (found.zone, found.pue, found.currency, found.project) == ("SE", 1.3, "EUR", "mine")
    assert [found.origins[key] for key in ("zone", "pue", "currency", "project", "cpu")] == [
        "flag",
        "environment JOULEWISE_PUE",
        project,
        user,
        "default",
    ]


def test_the_real_environment_is_the_default(monkeypatch):
    monkeypatch.setenv("JOULEWISE_PROJECT", "from-here")

    assert settings.load().project == "from-here"


@pytest.mark.parametrize(
    "text",
    ['[tool]\njoulewise.zone = "DE"', '[tool]\njoulewise = {zone = "DE"}', '[ tool . "joulewise" ]\nzone = "DE"'],
)
def test_every_spelling_of_the_table_is_read(machine, text):
    machine.pyproject(text)

    assert machine.load().zone == "DE"


def test_a_project_that_does_not_speak_of_us_is_not_parsed(machine):
    machine.pyproject("dependencies = [joulewise  # not valid TOML, and none of our business")

    assert machine.load().zone == ""


def test_without_any_project_the_search_ends_at_the_root(machine):
    assert settings.load({}, machine.environ, "/").zone == ""


@pytest.mark.parametrize("text", ["[tool.joulewise]\nzone =", b"[tool.joulewise]\nzone = '\xff'"])
def test_bad_toml_is_named(machine, text):
    path = machine.pyproject(text)

    with pytest.raises(UsageError, match=f"{path} is not valid TOML"):
        machine.load()


@pytest.mark.parametrize("text", ["[tool]\njoulewise = 3", "[[tool.joulewise]]\nzone = 'DE'", "tool = 3 # [tool]"])
def test_what_should_be_a_table_must_be_one(machine, text):
    machine.pyproject(text)

    with pytest.raises(UsageError, match="is not a table"):
        machine.load()


def test_an_unknown_key_is_an_error_with_what_was_meant(machine):
    machine.user('zonne = "DE"\n')

    with pytest.raises(UnknownSetting, match=r"'zonne' in .*config.toml\nTry: zone or joulewise config --explain"):
        machine.load()


def test_a_key_like_no_other_points_to_the_list(machine):
    with pytest.raises(UnknownSetting, match=r"\nTry: joulewise config --explain"):
        machine.load({"xyzzy": 1.0})


def test_a_typing_error_in_the_environment_does_not_pass(machine):
    with pytest.raises(UnknownSetting, match="'zoen' in environment JOULEWISE_ZOEN"):
        machine.load(JOULEWISE_ZOEN="DE")


def test_secrets_and_handed_down_names_are_no_settings(machine):
    given = {f"JOULEWISE_{name}": "x" for name in settings.RESERVED}

    assert machine.load(**given) == machine.load()


@pytest.mark.parametrize(("text", "want"), [("1", True), ("TRUE", True), ("on", True), ("no", False), ("0", False)])
def test_booleans(machine, text, want):
    assert machine.load(JOULEWISE_STRICT=text).strict is want
    assert machine.load({"strict": want}).strict is want


def test_lists(machine):
    machine.user('meters = ["powercap", " model "]\n')

    assert machine.load().meters == ("powercap", "model")
    assert machine.load(JOULEWISE_METERS="perf, nvidia,").meters == ("perf", "nvidia")


def test_an_empty_text_unsets_what_may_be_absent(machine):
    machine.user("pue = 1.4\n")

    assert machine.load(JOULEWISE_PUE="").pue is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("strict", "perhaps"),
        ("pue", "high"),
        ("pue", True),
        ("tick_s", ""),
        ("tick_s", [5]),
        ("zone", 49),
        ("meters", 7),
        ("meters", [7]),
    ],
)
def test_what_cannot_be_read_is_named_with_its_origin(machine, key, value):
    with pytest.raises(UsageError, match=f"can't read setting {key} = .* from flag"):
        machine.load({key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pue", 0.9),
        ("pue", float("inf")),
        ("pue", float("nan")),
        ("tick_s", 0.5),
        ("tick_s", 61),
        ("tick_s", float("nan")),
        ("idle_share", "fair"),
        ("wue", -0.1),
        ("price_per_kwh", float("nan")),
        ("embodied_kg", float("inf")),
        ("currency", "ZZZZ"),
        ("currency", "eur"),
        ("currency", ""),
        ("price_per_kwh", 1e12),
        ("market_g_per_kwh", 1e6),
    ],
)
def test_physical_ranges(machine, key, value):
    with pytest.raises(OutOfRange, match=key):
        machine.load({key: value})


def test_the_price_may_be_negative_nowhere_and_zero_everywhere(machine):
    assert machine.load({"price_per_kwh": 0, "wue": 0}).price_per_kwh == 0.0


def test_a_user_file_that_cannot_be_read_sets_nothing(machine):
    os.makedirs(settings.user_file(machine.environ))

    assert machine.load().zone == ""


def test_folders_follow_xdg():
    home = {"HOME": "/home/ada"}

    assert settings.data_folder(home) == "/home/ada/.local/share/joulewise"
    assert settings.state_folder({**home, "XDG_STATE_HOME": "/state"}) == "/state/joulewise"
    assert settings.user_file({**home, "XDG_CONFIG_HOME": ""}) == "/home/ada/.config/joulewise/config.toml"


def test_a_user_without_home_variable_has_a_home_still():
    assert settings.data_folder({}).startswith(os.path.expanduser("~"))


def test_the_spool_and_the_ledger_have_a_place(machine):
    plain, environ = machine.load(), {"HOME": "/home/ada"}

    assert settings.spool_folder(plain, environ) == "/home/ada/.local/state/joulewise/spool"
    assert settings.spool_folder(machine.load({"spool": "/fast"}), environ) == "/fast"
    assert settings.ledger_url(plain, environ) == "sqlite:////home/ada/.local/share/joulewise/ledger.db"
    assert settings.ledger_url(machine.load({"ledger": "demo.db"}), environ) == f"sqlite:///{os.getcwd()}/demo.db"
    assert settings.ledger_url(machine.load({"ledger": "~/a.db"}), environ) == f"sqlite:///{Path.home()}/a.db"
    assert settings.ledger_url(machine.load({"ledger": "postgresql://db/x"}), environ) == "postgresql://db/x"


def test_a_folder_that_was_removed_under_us_sets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert settings.load({}, {"HOME": str(tmp_path)}).zone == ""
