"""What a bench found, for its user: leaderboards, figures, the filed run; text and records, never bare numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from joulewise.api.bench_efficiency import efficiency_of_board
from joulewise.core.errors import NotFound
from joulewise.report.leaderboard import draw_leaderboard, leaderboard
from joulewise.report.measures import ratio_words, with_interval

if TYPE_CHECKING:
    from joulewise.api.bench_efficiency import Training
    from joulewise.api.boards import Board
    from joulewise.compare import Measured
    from joulewise.core.figures import Figure
    from joulewise.core.records import Bundle
    from joulewise.core.variants import Comparison, Model, Variant
    from joulewise.report.bench_view import BenchRow, BenchView
    from joulewise.report.listing import Listing


class _Boards:
    """What leaderboards can say of themselves."""

    __slots__ = ()
    boards: tuple[Board, ...]
    training: Mapping[str, Training]

    @property
    def view(self) -> BenchView:
        """The first board, ready to be drawn."""
        return self.boards[0].view

    @property
    def ranking(self) -> Any:
        """The ranking of the first board."""
        return self.boards[0].ranking

    def row(self, name: str) -> BenchRow:
        """The line of a variant on the first board. Raises NotFound with the names."""
        for one in self.view.rows:
            if one.name == name:
                return one
        raise NotFound(f"no variant {name!r}", hint=", ".join(one.name for one in self.view.rows))

    def records(self) -> list[dict[str, Any]]:
        """A record a variant and condition, units in the names; None is what nobody knows."""
        return [dict(record) for board in self.boards for record in leaderboard(board.view).records]

    def document(self) -> dict[str, Any]:
        """All of it as JSON can hold it."""
        return {"variants": self.records(), "efficiency": [dict(one) for one in self.efficiency().records]}

    def to_json(self) -> str:
        """The document as JSON."""
        return json.dumps(self.document(), indent=2, allow_nan=False, default=str) + "\n"

    def efficiency(self) -> Listing:
        """Every efficiency metric of every variant of the first board, and the steps along its front."""
        return efficiency_of_board(self.boards[0], self.variants(), self.models(), self.training)

    def variants(self) -> Sequence[Variant]:
        """What stands on the boards."""
        return ()

    def models(self) -> Mapping[str, Model]:
        """The variants' models by id."""
        return {}

    def summary(self) -> str:
        """One line: the least energy, at what quality."""
        names = self.ranking.cheapest
        if not names:
            return f"{self.view.title}: nothing is ranked; {'; '.join(self.view.notices[:1]) or 'no energy or quality'}"
        best = self.row(names[0])
        others = f" (a tie of {len(names)})" if len(names) > 1 else ""
        against = f", {ratio_words(best.ratio)}" if best.ratio and not best.is_baseline else ""
        quality = f", {self.view.metric} {with_interval(best.quality)}" if best.quality else ""
        return f"least energy: {best.name}{others}, {with_interval(best.energy)} per inference{against}{quality}"

    def __str__(self) -> str:
        return draw_leaderboard(self.view, "table")


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchResult(_Boards):
    """A bench that is over. `boards` has one for each condition, the first is the one that counts.

    `run` is the measured run, `comparison` what was filed with it (`filed` says whether the ledger took it; `problems`
    why not). `notes` are remarks about single models, `notices` about the whole. `exit_code` is 0, or what a shell
    would tell of the signal that stopped it: 130 after Ctrl-C.
    """

    run: Bundle
    comparison: Comparison
    boards: tuple[Board, ...]
    measured: tuple[Measured, ...] = ()
    metric: str = ""
    notes: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    filed: bool = True
    problems: tuple[str, ...] = ()
    exit_code: int = 0
    listings: tuple[Listing, ...] = ()
    training: Mapping[str, Training] = field(default_factory=dict)

    @property
    def stopped(self) -> bool:
        """True if Ctrl-C or a signal ended it before its end."""
        return self.exit_code != 0

    @property
    def run_id(self) -> str:
        """The run's id in the ledger."""
        return self.run.run.id

    @property
    def failed(self) -> tuple[Variant, ...]:
        """The variants that could not be measured to the end; each has its `reason`."""
        return tuple(one for one in self.comparison.variants if one.status != "ok")

    @property
    def ok(self) -> bool:
        """True if at least one model was measured to the end."""
        return len(self.failed) < len(self.comparison.variants)

    def variants(self) -> Sequence[Variant]:
        """Every variant, failed ones too."""
        return self.comparison.variants

    def models(self) -> Mapping[str, Model]:
        """The variants' models by id."""
        return {one.id: one for one in self.comparison.models}

    def document(self) -> dict[str, Any]:
        """The run, its variants under each condition, savings, efficiency, and what should be known of them."""
        return {
            "run_id": self.run_id,
            "status": self.run.run.status,
            "filed": self.filed,
            "metric": self.metric,
            "notices": [*self.notices, *self.notes],
            "savings": [asdict(one) for one in self.comparison.savings],
            "mode": [dict(record) for listing in self.listings for record in listing.records],
            **_Boards.document(self),
        }

    def ratio(self, name: str) -> Figure:
        """Energy of a variant over the baseline's, paired. Raises NotFound if it has none."""
        found = self.row(name).ratio
        if found is None:
            raise NotFound(f"{name} has no ratio to the baseline", hint="its energy or the baseline's is absent")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared(_Boards):
    """Leaderboards over runs that are filed. `groups` holds those that can't stand on one board with the first, since
    data, machine, boundary, metric or unit differ; `notices` say what was kept apart and why."""

    boards: tuple[Board, ...]
    groups: tuple[Compared, ...] = ()
    notices: tuple[str, ...] = ()
    comparison: Comparison | None = None
    training: Mapping[str, Training] = field(default_factory=dict)

    def variants(self) -> Sequence[Variant]:
        """The variants on the boards of this group."""
        return self.comparison.variants if self.comparison else ()

    def models(self) -> Mapping[str, Model]:
        """The variants' models by id."""
        return {one.id: one for one in self.comparison.models} if self.comparison else {}

    def document(self) -> dict[str, Any]:
        """The variants of all groups, the efficiency of the first, and what was kept apart."""
        return {"notices": list(self.notices), **_Boards.document(self)}

    def all_boards(self) -> Sequence[Board]:
        """The boards of all groups."""
        return [*self.boards, *(board for group in self.groups for board in group.boards)]

    def records(self) -> list[dict[str, Any]]:
        """A record a variant and condition, of all groups."""
        return [dict(record) for board in self.all_boards() for record in leaderboard(board.view).records]
