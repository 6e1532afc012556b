"""Names, tags and commands are other people's text: make them harmless for each kind of document.

A run may be called anything, so a report must not hand its name to a terminal, a spreadsheet or a Markdown viewer as
an instruction. HTML is escaped by Jinja's autoescape, SVG by `xml`.
"""

from __future__ import annotations

import unicodedata
from html import escape

_MARKDOWN = str.maketrans(
    {mark: f"\\{mark}" for mark in "\\`*_{}[]|~$"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;", "@": "&#64;"}
)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_ASCII = str.maketrans(
    {"–": "-", "—": "-", "×": "x", "·": "*", "µ": "u", "³": "3", "²": "2", "±": "+-", "≤": "<=", "≥": ">=", "…": "...",
     "→": "->", "└": "`", "├": "|", "─": "-", "│": "|", "∑": "sum", "Σ": "sum", "÷": "/", "−": "-", "⋅": "*", "₂": "2",
     "\u00a0": " ", "\u2009": " "}
)  # fmt: skip


def plain(text: object, *, lines: bool = False) -> str:
    """Printable text: control, format and bidirectional characters become visible escapes; so do line ends.

    With `lines` the line ends stay. Terminal escape sequences can't survive this: they need the ESC character.
    """
    return "".join(
        character if (lines and character == "\n") or not _is_control(character) else _visible(character)
        for character in str(text)
    )


def markdown(text: object) -> str:
    """Text for a Markdown paragraph or table cell: no markup, link, HTML, line end or cell border survives."""
    escaped = plain(text).translate(_MARKDOWN)
    return escaped.replace("://", "&#58;//").replace("www.", "www&#46;")  # else viewers make links of them


def markdown_code(text: object) -> str:
    """Text as inline code inside a table: longer fence than any run of backticks within; borders escaped."""
    body = plain(text).replace("|", "\\|")
    runs = [len(run) for run in _backtick_runs(body)]
    fence = "`" * (max(runs, default=0) + 1)
    pad = " " if body.startswith("`") or body.endswith("`") else ""
    return f"{fence}{pad}{body}{pad}{fence}" if body else ""


def csv_cell(value: object) -> object:
    """A CSV cell that no spreadsheet takes for a formula; numbers pass unchanged. Source: OWASP, CSV injection."""
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return value
    text = plain(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text


def xml(text: object) -> str:
    """Text for SVG content and attributes."""
    return escape(plain(text), quote=True)


def to_ascii(text: str) -> str:
    """The text for a terminal that knows ASCII only; what has no twin becomes "?"."""
    return text.translate(_ASCII).encode("ascii", "replace").decode("ascii")


def _backtick_runs(text: str) -> list[str]:
    return [run for run in "".join(mark if mark == "`" else " " for mark in text).split(" ") if run]


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _visible(character: str) -> str:
    code = ord(character)
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return named.get(character) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")
