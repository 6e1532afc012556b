"""Writes docs/reference from the code: what is generated can't fall behind. `--check` only compares.

Usage: python tools/make_reference.py [--check]
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

import joulewise.carbon.formulas
import joulewise.compare.metric_formulas  # noqa: F401 - both register theirs
from joulewise.app.cli import cli
from joulewise.core import errors, settings
from joulewise.core.formulas import all_formulas
from joulewise.core.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "reference"
EQUATIONS = "../explanation/equations"
MADE = "<!-- Made by `make reference`; edit the code instead. -->"


def table(heads: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def settings_page() -> str:
    rows = [
        (f"`{key}`", f"`JOULEWISE_{key.upper()}`", f"`{Settings._defaults[key]!r}`", text)
        for key, text in settings.HELP.items()
    ]
    return f"""# Settings

A flag wins over the environment, that over `[tool.joulewise]` in the nearest `pyproject.toml`, that over the user's
file (`~/.config/joulewise/config.toml`), that over the default. An unknown key is an error.
`joulewise config --explain` prints every value in force and where it came from.

{table(("key", "environment", "default", "meaning"), rows)}
"""


def error_classes(kind: type[errors.JoulewiseError] = errors.JoulewiseError) -> Iterator[type[errors.JoulewiseError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from error_classes(child)


def errors_page() -> str:
    own = [kind for kind in error_classes() if kind.__module__ == errors.__name__]
    rows = [(f"`{kind.code}`", kind.exit_code, f"`{kind.__name__}`", kind.__doc__) for kind in own]
    return f"""# Errors

Every error that joulewise raises on purpose has a stable code, an exit code for shells and a hint that says the cure.
A measured command's own exit code passes through unchanged.

{table(("code", "exit code", "class", "meaning"), rows)}
"""


def formulas_page() -> str:
    rows = [
        (f"`{one.id}`", one.version, one.unit, f"[`{one.expression}`]({EQUATIONS}/{one.page}.md)", one.source)
        for one in all_formulas()
        if one.function.__module__.startswith("joulewise.")
    ]
    return f"""# Formulas

Every derived figure is made by a named, versioned, pure function; `joulewise explain RUN:FIGURE` shows it with its
inputs. The formula leads to its page, with a worked example.

{table(("id", "version", "unit", "formula", "source"), rows)}
"""


def plugins_page() -> str:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    rows = [
        (f"`{group.removeprefix('joulewise.')}`", f"`{name}`", f"`{target}`")
        for group, entries in groups.items()
        for name, target in entries.items()
    ]
    return f"""# Plug-ins

A plug-in is an entry point in a group per kind. Built-ins register the same way as yours; they load on demand, and a
missing dependency says how to install it.

{table(("kind", "name", "target"), rows)}
"""


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield from commands(child, f"{path} {name}")


def help_of(path: str, command: click.Command) -> str:
    context = click.Context(command, info_name=path, max_content_width=100, terminal_width=100, color=False)
    return f"## `{path}`\n\n```text\n{click.unstyle(command.get_help(context)).rstrip()}\n```\n"


def cli_page() -> str:
    pages = "\n".join(help_of(path, command) for path, command in commands(cli, "joulewise"))
    return f"""# Commands

Data goes to stdout, messages to stderr.

{pages}"""


PAGES = {
    "commands.md": cli_page,
    "errors.md": errors_page,
    "formulas.md": formulas_page,
    "plug-ins.md": plugins_page,
    "settings.md": settings_page,
}


def made(name: str) -> str:
    return f"{MADE}\n{PAGES[name]()}"


def outdated() -> list[str]:
    """Pages that differ from what the code says now."""
    return [name for name in PAGES if not (FOLDER / name).is_file() or (FOLDER / name).read_text("utf-8") != made(name)]


def main() -> int:
    stale = outdated()
    if "--check" in sys.argv[1:]:
        print("\n".join(f"docs/reference/{name} is outdated: make reference" for name in stale), end="")
        return 1 if stale else 0
    for name in stale:
        (FOLDER / name).write_text(made(name), "utf-8")
        print(f"wrote docs/reference/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
