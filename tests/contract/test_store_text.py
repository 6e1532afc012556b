"""Free text is found anywhere in names and projects, on every back-end and by each of the ways to look for it."""

from __future__ import annotations

import pytest

from joulewise.ledger import RunQuery, text_search
from joulewise.testing.ledgers import small_bundle


@pytest.mark.parametrize(
    "limits",
    [{}, {"MOST_NAMES": 3}, {"MOST_NAMES": 12}, {"MOST_VALUES": 2}, {"MOST_RUNS": 2}],
    ids=["few", "too many names", "names just fit", "too many alike", "too many runs"],
)
def test_text_is_found_anywhere_however_many_names_there_are(store, monkeypatch, limits):
    for name, limit in limits.items():
        monkeypatch.setattr(text_search, name, limit)
    names = ["bert-a", "bert-b", "GPT", "gpt-2", "100%_\\", "!wow", "x_y", "xzy", "", "a'b", "dup", "dup"]
    projects = ["nlp", "Vision", "gpt"]
    for n, name in enumerate(names):
        store.append(small_bundle(n, name=name, project=projects[n % 3]))

    for text in ("ert", "gpt", "GPT-", "%", "_", "!", "'", "up", "visi", "nlp", "nothing like it", "p"):
        wanted = [n for n, name in enumerate(names) if text.lower() in f"{name}\n{projects[n % 3]}".lower()]
        for sort in ("started_at", "energy_j", "name"):
            page = store.runs(RunQuery(text=text, sort=sort, limit=100))
            assert sorted(row.name for row in page.rows) == sorted(names[n] for n in wanted), (text, sort)
        pages = [store.runs(RunQuery(text=text, limit=1))]
        while pages[-1].next:
            pages.append(store.runs(RunQuery(text=text, limit=1, cursor=pages[-1].next)))
        assert [row.name for page in pages for row in page.rows] == [names[n] for n in reversed(wanted)]
