"""Our format for compiled trees: C sources, the library that was compiled of them, and trees.json, in one folder.

The sources are tl2cgen's: `predict(union Entry* row, int margin, NUMBER* result)` for one row. We add a loop over rows,
so that one call from Python answers a batch without a copy. The library is of one kind of machine; on another it is
compiled anew when it is loaded, which takes a C compiler and seconds.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from shutil import which
from typing import Any

from joulewise.core.errors import ModelError

LIBRARY, ABOUT = "trees.so", "trees.json"
NUMBERS = {"float32": "float", "float64": "double"}
"""What a C compiler calls the types of rows and answers."""
_VERSION = 1
_LOOP = """#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "header.h"

void joulewise_predict(const {rows} *rows, size_t count, {answers} *answers, int64_t *best) {{
  union Entry row[{width}];
  for (size_t at = 0; at < count; ++at, rows += {width}, answers += {columns}) {{
    for (size_t column = 0; column < {width}; ++column) {{
      if (isnan(rows[column])) row[column].missing = -1; else row[column].fvalue = rows[column];
    }}
    memset(answers, 0, {columns} * sizeof *answers);
    predict(row, 0, answers);
    if ({binary}) {{ answers[{columns} - 1] = answers[0]; answers[0] = 1 - answers[0]; }}
    if (best) {{
      best[at] = 0;
      for (int64_t column = 1; column < {columns}; ++column)
        if (answers[column] > answers[best[at]]) best[at] = column;
    }}
  }}
}}
"""


def write_compiled(folder: Path, shape: Mapping[str, Any], facts: Mapping[str, Any]) -> Path:
    """Compile the sources that lie in `folder`, and write down what they are.

    `shape`: "width" of a row, "columns" of an answer, "binary" if the sources answer with the second of two columns
    alone, "rows" and "answers" their dtypes, "parameters". `facts` as artifacts have them.

    Raises ModelError without a C compiler, or with what it said.
    """
    kinds = {side: NUMBERS.get(str(shape[side])) for side in ("rows", "answers")}
    if None in kinds.values():
        raise ModelError(
            f"trees of {shape['rows']} that answer {shape['answers']} are not compiled: want float32 or 64"
        )
    sizes = {name: int(shape[name]) for name in ("width", "columns", "binary")}
    loop = _LOOP.format(**sizes, **kinds)
    (folder / "rows.c").write_text(loop, encoding="utf-8")
    compile_library(folder, folder / LIBRARY)
    built = {"machine": this_machine(), "sha256": sha256((folder / LIBRARY).read_bytes()).hexdigest()}
    told = {"version": _VERSION, "shape": dict(shape), "facts": dict(facts), "library": built}
    (folder / ABOUT).write_text(json.dumps(told, indent=2), encoding="utf-8")
    return folder


def read_about(folder: Path) -> dict[str, Any]:
    """What trees.json says: "shape", "facts", "library". Raises ModelError for a torn or newer one."""
    try:
        told = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        if told["version"] != _VERSION:
            raise ModelError(f"{folder} is of version {told['version']}", hint="upgrade joulewise")
        return {name: dict(told[name]) for name in ("shape", "facts", "library")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder} is torn: {error}", hint="write it again") from error


def library_of(folder: Path, spare: Path) -> Path:
    """The library to load: the folder's own if it is of this kind of machine, else one compiled into `spare`.

    Raises ModelError if the library is not the one that was compiled, or can't be compiled here.
    """
    built, path = read_about(folder)["library"], folder / LIBRARY
    if built.get("machine") != this_machine():
        compile_library(folder, spare / LIBRARY)
        return spare / LIBRARY
    if not path.exists() or sha256(path.read_bytes()).hexdigest() != built.get("sha256"):
        raise ModelError(f"{path} is not the library that was compiled of these trees", hint="write it again")
    return path


def compiler() -> str:
    """The C compiler of this machine, "" if there is none."""
    return next((name for name in ("gcc", "clang", "cc") if which(name)), "")


def compile_library(folder: Path, target: Path) -> None:
    """Compile the C sources of `folder` into `target`, one by one: a compiler's time grows faster than a source."""
    command = compiler()
    if not command:
        raise ModelError("compiled trees need a C compiler", hint="apt install gcc; or --runtime treelite")
    objects = []
    for source in sorted(folder.glob("*.c")):
        objects.append(target.with_name(f"{source.stem}.o"))
        _run([command, "-O1", "-fPIC", "-I", str(folder), "-c", str(source), "-o", str(objects[-1])])
    _run([command, "-shared", "-o", str(target), *map(str, objects), "-lm"])
    for each in objects:
        each.unlink()


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = " ".join(done.stderr.split())[-300:]
        raise ModelError(f"{command[0]} could not compile the trees: {said}", hint="another runtime")


def this_machine() -> str:
    """The kind of machine that a library is of: linux x86_64."""
    return f"{sys.platform} {platform.machine()}"
