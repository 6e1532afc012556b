"""The docs say what the code does: reference pages are fresh, examples parse or run, links lead somewhere."""

from __future__ import annotations

import doctest
import importlib.util
import inspect
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

import joulewise.carbon.formulas
import joulewise.compare.metric_formulas  # noqa: F401 - both register theirs
from joulewise.app.cli import cli
from joulewise.core import errors, settings
from joulewise.core.formulas import all_formulas

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"(?P<marker><!-- runs -->\n)?^```(?P<kind>[\w-]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")


def blocks(page: Path, kind: str, *, marked: bool = False) -> list[str]:
    text = page.read_text(encoding="utf-8")
    return [
        found["body"]
        for found in FENCE.finditer(text)
        if found["kind"] == kind and (found["marker"] is not None or not marked)
    ]


def commands_in(page: Path) -> list[list[str]]:
    """The joulewise commands of the page's console blocks, split into words."""
    bodies = [body.replace("\\\n", " ") for body in blocks(page, "console")]
    lines = [line for body in bodies for line in body.splitlines() if line.startswith("$ ")]
    return [words for words in (shlex.split(line[2:], comments=True) for line in lines) if "joulewise" in words[:1]]


def complaint(words: list[str]) -> str | None:
    """What is wrong with a joulewise command: an unknown command or option. None if it parses."""
    command: click.Command = cli
    context = click.Context(cli, info_name="joulewise")
    rest = words[1:]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        child = command.get_command(context, rest[0])
        if child is None:
            return f"no command {' '.join(words)!r}"
        command, context, rest = child, click.Context(child, info_name=rest[0], parent=context), rest[1:]
    try:
        command.make_parser(context).parse_args(list(rest))
    except click.UsageError as error:
        return error.format_message()
    return None


def broken_links(page: Path) -> list[str]:
    targets = [found["target"].partition("#")[0] for found in LINK.finditer(FENCE.sub("", page.read_text()))]
    return [
        target for target in targets if target and "://" not in target and not (page.parent / target).resolve().exists()
    ]


def walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            child = command.get_command(click.Context(command), name)
            assert child is not None
            if not child.hidden:
                yield from walk(child, f"{path} {name}")


def reference(name: str) -> str:
    return (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    return tool("make_reference")


def test_the_reference_is_fresh(maker):
    assert maker.outdated() == [], "make reference"


def test_the_benchmarks_quote_the_results():
    assert not tool("make_benchmark_page").outdated(), "python tools/make_benchmark_page.py"


def test_every_command_is_documented_with_an_example():
    page = reference("commands.md")

    for path, command in walk(cli, "joulewise"):
        assert f"## `{path}`" in page
        if not isinstance(command, click.Group):
            assert "xample" in command.get_help(click.Context(command, info_name=path)), path


def test_every_setting_is_documented():
    assert [key for key in settings.HELP if f"| `{key}` |" not in reference("settings.md")] == []


def test_every_error_code_is_documented():
    codes = [
        kind.code for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.JoulewiseError)
    ]

    assert [code for code in codes if f"| `{code}` |" not in reference("errors.md")] == []


def test_every_formula_is_documented_and_has_a_page():
    ours = [one for one in all_formulas() if one.function.__module__.startswith("joulewise.")]

    assert ours
    assert [one.id for one in ours if f"| `{one.id}` |" not in reference("formulas.md")] == []
    assert [one.page for one in ours if not (ROOT / "docs/explanation/equations" / f"{one.page}.md").is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    assert broken_links(page) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_parse(page):
    assert [found for found in map(complaint, commands_in(page)) if found] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_compiles(page):
    for body in blocks(page, "python"):
        if ">>>" not in body:
            compile(body, str(page), "exec")


WORKED = [page for page in PAGES if any(">>>" in body for body in blocks(page, "python"))]


@pytest.mark.parametrize("page", WORKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_worked_examples_give_what_they_say(page):
    text = "\n".join(blocks(page, "python"))
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    said: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=said.append)

    assert "".join(said) == ""


RUNNABLE = [
    pytest.param(body, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, body in enumerate(blocks(page, "python", marked=True))
]


@pytest.mark.parametrize("body", RUNNABLE)
def test_marked_python_runs(body, tmp_path):
    done = subprocess.run([sys.executable, "-c", body], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_the_plugin_that_the_docs_write_keeps_the_contract(tmp_path):
    plugin, suite = blocks(ROOT / "docs" / "how-to" / "write-a-plugin.md", "python")
    (tmp_path / "labmeter.py").write_text(plugin, "utf-8")
    (tmp_path / "test_labmeter.py").write_text(suite, "utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "test_labmeter.py"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_some_python_is_marked_to_run():
    assert len(RUNNABLE) >= 3


# Each check finds what it is there to find.


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("joulewise runn -- python train.py", "no command"),
        ("joulewise run --zonee DE -- python train.py", "--zonee"),
        ("joulewise run --zone DE -- python train.py --any-option", None),
    ],
)
def test_a_wrong_command_is_found(command, found):
    said = complaint(shlex.split(command))

    assert said is None if found is None else found in str(said)


def test_a_broken_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("[here](page.md#top) [gone](gone.md) [web](https://example.org)\n```text\n[no](link.md)\n```\n")

    assert broken_links(page) == ["gone.md"]


def test_only_marked_python_runs(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- runs -->\n```python\na = 1\n```\n\n```python\nb = 2\n```\n")

    assert blocks(page, "python", marked=True) == ["a = 1\n"]
    assert blocks(page, "python") == ["a = 1\n", "b = 2\n"]
