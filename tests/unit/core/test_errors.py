from __future__ import annotations

import re

import pytest

from joulewise.core import errors
from joulewise.core.errors import JoulewiseError

CLASSES = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, JoulewiseError)]


def depth_of(kind: type[JoulewiseError]) -> int:
    return len([parent for parent in kind.__mro__ if issubclass(parent, JoulewiseError)]) - 1


def test_the_message_ends_with_its_cure():
    error = JoulewiseError("no meter", hint="joulewise doctor")

    assert str(error) == "no meter\nTry: joulewise doctor"
    assert (error.message, error.hint) == ("no meter", "joulewise doctor")


def test_without_a_cure_the_message_stands_alone():
    assert str(JoulewiseError("no meter")) == "no meter"


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_the_tree_in_the_docstring_is_the_tree(kind):
    assert errors.__doc__ is not None
    [line] = [line for line in errors.__doc__.splitlines() if re.search(rf"\b{kind.__name__}\b", line)]
    name, code, exit_code = re.findall(r"[\w-]+", line)[:3]

    assert (name, code, int(exit_code)) == (kind.__name__, kind.code, kind.exit_code)
    assert len(re.match(r"[│├└─ ]*", line)[0]) == 4 * depth_of(kind)


def test_codes_are_unique():
    codes = [kind.code for kind in CLASSES]

    assert sorted(set(codes)) == sorted(codes)


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.OutOfRange, ValueError),
        (errors.NotFound, LookupError),
        (errors.PluginMissing, ImportError),
        (errors.UndefinedFigure, ArithmeticError),
    ],
)
def test_those_who_know_only_python_can_catch_them(kind, builtin):
    with pytest.raises(builtin, match="why"):
        raise kind("why", hint="cure")
