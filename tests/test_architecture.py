"""The house: arrows point down, rooms have names that say something, files stay small, and core stands alone."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

LONGEST_FILE = 400
NAMES_FOR_NOTHING = {"utils", "util", "common", "helpers", "helper", "base", "manager", "misc"}
SLOW_TO_IMPORT = {
    "ctypes", "dataclasses", "enum", "inspect", "json", "logging", "pathlib", "re", "signal", "subprocess", "tempfile",
    "tomllib", "typing",
}  # fmt: skip
MEASURING_CORE = ("channels", "errors", "frozen", "plugins", "settings", "ulid")
FOLDERS = ("src", "tests", "benchmarks", "examples", "tools")


def python_files(root: Path, *folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((root / folder).rglob("*.py"))]


def too_long(files: Iterable[Path]) -> list[str]:
    lengths = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    return [f"{path}: {lines} lines" for path, lines in lengths.items() if lines > LONGEST_FILE]


def named_after_nothing(files: Iterable[Path]) -> list[str]:
    return [str(path) for path in files if NAMES_FOR_NOTHING & {part.lower() for part in (*path.parts, path.stem)}]


def wrong_rooms(room: str, source: str) -> list[str]:
    """Imports of rooms beside or above, those for types included, which import-linter leaves out."""
    allowed = ("joulewise.core", f"joulewise.{room}")
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom | ast.Import)]
    names = [
        name
        for node in nodes
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    ]
    return [name for name in names if name.split(".")[0] == "joulewise" and not name.startswith(allowed)]


def imports(tree: ast.AST, *, everywhere: bool) -> Iterator[str]:
    """Names of the modules imported, inside of functions only if `everywhere`; TYPE_CHECKING blocks don't count."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not everywhere:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
        else:
            yield from imports(node, everywhere=everywhere)


def strangers_in_core(source: str) -> list[str]:
    """Imports that are neither the standard library's nor core's own."""
    found = imports(ast.parse(source), everywhere=True)
    return [
        name
        for name in found
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith("joulewise.core")
    ]


def slow_imports(source: str) -> list[str]:
    return [name for name in imports(ast.parse(source), everywhere=False) if name.split(".")[0] in SLOW_TO_IMPORT]


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=root,
        env={"PYTHONPATH": str(root / "src"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_file_is_longer_than_it_can_be_read(root):
    assert too_long(python_files(root, *FOLDERS)) == []


def test_every_name_says_something(root):
    assert named_after_nothing(path.relative_to(root) for path in python_files(root, *FOLDERS)) == []


def test_core_knows_the_standard_library_only(root):
    strangers = {path.name: strangers_in_core(path.read_text()) for path in python_files(root, "src/joulewise/core")}

    assert {name: found for name, found in strangers.items() if found} == {}


@pytest.mark.parametrize("module", MEASURING_CORE)
def test_the_measuring_path_of_core_imports_nothing_slow(root, module):
    assert slow_imports((root / f"src/joulewise/core/{module}.py").read_text()) == []


@pytest.mark.parametrize("room", ["core", "measure", "carbon", "ledger"])
def test_rooms_side_by_side_meet_in_core_only(root, room):
    found = {path.name: wrong_rooms(room, path.read_text()) for path in python_files(root, f"src/joulewise/{room}")}

    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_arrows_point_down(root):
    result = lint_imports(root)

    assert result.returncode == 0, result.stdout + result.stderr


# Each check finds what it is there to find.


def test_a_long_file_is_found(tmp_path):
    (tmp_path / "long.py").write_text("\n" * (LONGEST_FILE + 1))
    (tmp_path / "fine.py").write_text("\n" * LONGEST_FILE)

    assert too_long(python_files(tmp_path, ".")) == [f"{tmp_path / 'long.py'}: {LONGEST_FILE + 1} lines"]


@pytest.mark.parametrize("path", ["src/joulewise/utils/energy.py", "src/joulewise/measure/helpers.py", "Base.py"])
def test_an_empty_name_is_found(path):
    assert named_after_nothing([Path(path)]) == [path]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import numpy", ["numpy"]),
        ("def read():\n    from sqlalchemy.orm import Session", ["sqlalchemy.orm"]),
        ("try:\n    import joulewise.measure\nfinally:\n    import os", ["joulewise.measure"]),
        ("if TYPE_CHECKING:\n    import numpy\nimport os\nfrom joulewise.core import errors", []),
    ],
)
def test_a_stranger_in_core_is_found(source, found):
    assert strangers_in_core(source) == found


def test_a_sideways_import_for_types_is_found():
    source = "from joulewise.core import units\nif TYPE_CHECKING:\n    from joulewise.carbon import FactorSet"

    assert wrong_rooms("measure", source) == ["joulewise.carbon"]


def test_a_slow_import_is_found_where_it_costs():
    assert slow_imports("import json\ndef cold():\n    import re\nclass Here:\n    import typing") == ["json", "typing"]


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("core/units.py", "from joulewise.measure import journal"),
        ("measure/journal.py", "from joulewise.carbon import formulas"),
        ("core/ulid.py", "import numpy"),
    ],
)
def test_an_arrow_that_points_up_or_sideways_is_found(root, tmp_path, file, line):
    shutil.copytree(root / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "data"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    with (tmp_path / "src/joulewise" / file).open("a") as module:
        module.write(f"\n{line}\n")

    result = lint_imports(tmp_path)

    assert result.returncode == 1
    assert "BROKEN" in result.stdout
