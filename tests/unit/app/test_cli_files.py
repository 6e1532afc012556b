"""Files that commands write: whole or not at all."""

from __future__ import annotations

import pytest

from joulewise.app.cli.files import format_of, write_text
from joulewise.core.errors import UsageError


@pytest.mark.parametrize(
    ("path", "format"),
    [
        ("a.html", "html"),
        ("A.HTM", "html"),
        ("a.md", "markdown"),
        ("a.json", "json"),
        ("a.csv", "csv"),
        ("a.txt", "table"),
    ],
)
def test_the_suffix_says_the_format(path, format):
    assert format_of(path) == format


def test_an_unknown_suffix_is_refused():
    with pytest.raises(UsageError, match="--format"):
        format_of("report.docx")


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "r.md"
    path.write_text("old")
    write_text(str(path), "new \ud800")

    assert path.read_text() == "new \\ud800"
    assert [one.name for one in tmp_path.iterdir()] == ["r.md"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(UsageError, match="can't write"):
        write_text(str(tmp_path / "absent" / "r.md"), "x")
