"""The journal: what is written comes back, and what is damaged is named and costs itself only."""

import json
import os
import subprocess
import sys

import pytest

from joulewise.core.errors import JournalError
from joulewise.measure.journal import Journal, as_json, line_of, open_journal
from joulewise.measure.reading import is_alive, parse, read
from joulewise.testing.journals import JournalBuilder


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -3, 1.5, 1e-300, "", 'a"b\\c\n\x00', "ü🌱\u2028", [1, [2]], {"a": {"b": [None, False]}}, {}],
)
def test_json_is_what_the_json_module_reads(value):
    assert json.loads(as_json(value)) == value


def test_json_of_what_json_cannot_say():
    assert as_json(float("nan")) == as_json(float("-inf")) == "null"
    assert json.loads(as_json({1: (2, 3), "path": os})) == {"1": [2, 3], "path": str(os)}


def test_a_whole_journal_comes_back():
    built = JournalBuilder().tick(0, 0.1, 0.2).tick(5, 1.1, 2.2).phase("load", 0, 1).phase("open", 1, None)
    built.record("N", {"counts": {"image": 3}}).record("L", {"metric": "loss", "figures": [1.0], "phase_id": None})
    data = parse(built.record("K", {"text": "careful"}).end().content())
    assert data.problems == []
    assert data.end_us - data.start_us == 5_000_000
    assert [count for _, count in data.cpu_us] == [100_000, 1_100_000]
    assert data.unit_counts == {"image": 3.0}
    assert data.warnings == ["careful"]
    assert data.final == {"seq": 1, "status": "finished", "exit_code": None}
    assert len(data.phases) == 2
    assert len(data.phase_ends) == 1


def test_every_truncation_keeps_the_whole_lines():
    content = JournalBuilder().tick(0).tick(1).tick(2).end().content()
    header_end = content.index(b"\n") + 1
    for size in range(header_end, len(content)):
        data = parse(content[:size])
        whole = content[:size].count(b"\n") + (content[size : size + 1] == b"\n") - 1
        assert len(data.moments_us) == min(whole, 3)
        assert len(data.problems) <= 1


def test_a_flipped_byte_costs_one_line():
    content = bytearray(JournalBuilder().tick(0).tick(1).tick(2).end().content())
    second = content.index(b"T 1")
    content[second + 4] ^= 1
    data = parse(bytes(content))
    assert sorted(data.moments_us) == [0, 2]
    assert len(data.problems) == 1
    assert "damaged" in data.problems[0]


def test_foreign_bytes_and_senseless_lines_are_named():
    content = JournalBuilder().tick(0).content() + b"\xff\x00 rubbish\n" + line_of("T", "1 2 3") + line_of("E", "{}")
    content += line_of("T", "- - - - - - -")
    data = parse(content + line_of("?", "{}"))
    assert sorted(data.moments_us) == [0]
    assert len(data.problems) == 4


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"H {} 00000000\n", line_of("T", "0 0 0 0 0 0 0"), line_of("H", "[]")]
)
def test_without_a_header_there_is_no_journal(content):
    with pytest.raises(JournalError, match="no valid header"):
        parse(content, "x.jnl")


def test_a_newer_format_is_refused():
    with pytest.raises(JournalError, match="format 99"):
        parse(JournalBuilder(format=99).content())


def test_a_missing_file_is_a_journal_error(tmp_path):
    with pytest.raises(JournalError, match="can't read"):
        read(str(tmp_path / "none.jnl"))


def test_an_unwritable_folder_falls_back_to_the_next_and_warns(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    warnings = []
    journal = open_journal([str(blocked / "x"), str(tmp_path / "good")], "a.jnl", warnings.append)
    journal.append(line_of("K", "{}"))
    journal.close()
    assert (tmp_path / "good" / "a.jnl").read_bytes() == line_of("K", "{}")
    assert len(warnings) == 1
    assert "not where it belongs" in warnings[0]


def test_with_no_folder_the_journal_lives_in_memory(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    warnings = []
    journal = open_journal([str(blocked)], "a.jnl", warnings.append)
    journal.record("K", {"text": "kept"})
    assert parse(JournalBuilder().content() + journal.content()).warnings == ["kept"]
    assert journal.path is None
    assert "memory only" in warnings[0]


def test_journals_are_private(tmp_path):
    journal = open_journal([str(tmp_path / "spool")], "a.jnl", print)
    assert os.stat(journal.path).st_mode & 0o777 == 0o600
    assert os.stat(tmp_path / "spool").st_mode & 0o777 == 0o700
    journal.close()
    journal.close()


FULL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from joulewise.measure.journal import open_journal
journal = open_journal([sys.argv[1]], "a.jnl", print)
from joulewise.testing.journals import JournalBuilder
lines = JournalBuilder().tick(0).tick(1).tick(2).tick(3).end().lines
resource.setrlimit(resource.RLIMIT_FSIZE, (len(lines[0]) + len(lines[1]) + 20, resource.RLIM_INFINITY))
for line in lines[:4]:
    journal.append(line)
assert journal.problem, "a full disk must be noticed"
on_disk = open(journal.path, "rb").read()
whole = journal.content()
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
for line in lines[4:]:
    journal.append(line)
assert not journal.problem and not journal.pending
journal.close()
from joulewise.measure.reading import parse, read
assert len(parse(on_disk).moments_us) == 1, parse(on_disk)
assert len(parse(whole).moments_us) == 3, "memory has what the disk refused"
healed = read(journal.path)
assert len(healed.moments_us) == 4 and healed.final and len(healed.problems) == 1
"""


def test_a_full_disk_tears_one_line_and_heals(tmp_path):
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_closed_file_descriptor_is_a_problem_not_an_exception(tmp_path):
    journal = open_journal([str(tmp_path)], "a.jnl", print)
    os.close(journal._fd)
    journal.append(line_of("K", "{}"))
    assert journal.problem == "its file was closed by the program"
    assert journal.pending == [line_of("K", "{}")]
    journal._fd = None


def test_a_lost_file_leaves_what_is_in_memory(tmp_path):
    journal = Journal(str(tmp_path / "gone.jnl"), None)
    journal.append(line_of("K", "{}"))
    assert journal.content() == line_of("K", "{}")
    assert journal.problem


def test_a_journal_of_another_boot_or_process_is_dead():
    assert not is_alive(parse(JournalBuilder().content()))
    assert not is_alive(parse(JournalBuilder(boot_id="another").content()))
