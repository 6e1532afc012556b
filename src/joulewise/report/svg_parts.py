"""What the pictures of the grid share: the hatch of gaps, captions, and how a picture stands in a file of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

LINE_HEIGHT = 17
_CAPTION_CHARACTERS = 125
HATCH = (
    '<defs><pattern id="{name}-hatch" width="7" height="7" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><line class="hatch" x1="0" y1="0" x2="0" y2="7"/></pattern></defs>'
)


def caption(words: Sequence[str]) -> Iterator[str]:
    """Sentences broken into lines that fit under a picture."""
    for sentence in words:
        yield from wrap(sentence, _CAPTION_CHARACTERS)


def standing_alone(drawing: str, style: str) -> str:
    """The drawing as a file: with its name space and the style sheet, light or dark as the reader's system is."""
    head, _, rest = drawing.partition(">")
    background = '<rect class="paper" width="100%" height="100%"/>'
    return f'{head} xmlns="http://www.w3.org/2000/svg">\n<style>{style}</style>\n{background}{rest}\n'
