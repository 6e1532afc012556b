"""Other people's text is text: no terminal sequence, markup, formula or link survives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulewise.report.escape import csv_cell, markdown, markdown_code, plain, to_ascii, xml


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\x9b2J", r"\x9b2J"),
        ("user\u202egnp.exe", r"user\u202egnp.exe"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("\ud800", r"\ud800"),
        ("naïve 東京 😀", "naïve 東京 😀"),
    ],
)
def test_control_characters_become_visible(text, safe):
    assert plain(text) == safe


def test_line_ends_may_stay():
    assert plain("a\nb\r", lines=True) == "a\nb\\r"


@given(st.text())
def test_no_control_character_survives(text):
    assert all(
        character.isprintable() or character in "\u00a0\u3000" or character.isspace() for character in plain(text)
    )
    assert "\x1b" not in plain(text)
    assert "\n" not in plain(text)


@pytest.mark.parametrize("text", ["a|b", "**b**", "<img src=x>", "[x](http://e)", "`code`", "a_b", "$x$", "~~s~~"])
def test_markdown_marks_are_escaped(text):
    safe = markdown(text)

    for mark in "|*`[]_$~":
        assert safe.count(mark) == safe.count(f"\\{mark}")
    assert "<" not in safe


def test_markdown_makes_no_links_and_mentions():
    assert "://" not in markdown("https://evil.example")
    assert "www." not in markdown("www.evil.example")
    assert "@" not in markdown("@everyone")


@pytest.mark.parametrize(
    ("text", "code"), [("a", "`a`"), ("a`b", "``a`b``"), ("`a", "`` `a ``"), ("a|b", r"`a\|b`"), ("", "")]
)
def test_inline_code_keeps_its_fence(text, code):
    assert markdown_code(text) == code


@pytest.mark.parametrize("text", ["=1+1", "+1", "-cmd", "@SUM(A1)", "\tx", "\r=x", " =1", "＝1"])
def test_a_spreadsheet_gets_no_formula(text):
    assert str(csv_cell(text)).startswith(("'", "\\"))


def test_csv_numbers_stay_numbers():
    assert [csv_cell(value) for value in (-1.5, 3, None)] == [-1.5, 3, ""]


def test_xml_is_escaped():
    assert xml("<script>&\"'\x00") == "&lt;script&gt;&amp;&quot;&#x27;\\x00"


def test_ascii_has_twins():
    assert to_ascii("1.2 µg (1 – 2) × 3 東") == "1.2 ug (1 - 2) x 3 ?"
