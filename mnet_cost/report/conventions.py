"""What reports say of the counting convention: what it adds, and whose total it is.

Where a total is not for certain that of the convention's tool, a note says so of each kind, and
tables have a column that says so of each row. By the convention of the paper there is neither.
"""

from __future__ import annotations

from collections.abc import Iterable

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.conventions import Agreement, Reservation, agreement_of, find_convention
from mnet_cost.analysis.work import LayerCost
from mnet_cost.report.types import Column

AGREEMENT_COLUMN = Column(
    "mult_adds_agreement",
    "counted",
    "text",
    7,
    help="whether the mult-adds are those of the convention's tool",
)


class Marks:
    """What the mult-adds of rows are: of some layers of an analysis, taken together."""

    __slots__ = ("_convention", "_doubts")

    def __init__(self, analysis: Analysis) -> None:
        self._convention = find_convention(analysis.convention)
        self._doubts = {
            name: reservation.agreement
            for reservation in analysis.reservations
            for name in reservation.layers
        }

    def of(self, layers: Iterable[LayerCost]) -> Agreement:
        """The agreement of the sum over `layers`."""
        names = [cost.step.name for cost in layers]
        doubts = [self._doubts[name] for name in names if name in self._doubts]
        return agreement_of(self._convention, doubts)


def marks_of(analysis: Analysis) -> Marks | None:
    """Marks for rows, by all conventions but the paper's, whose totals are its own."""
    marked = find_convention(analysis.convention).rules is not None
    return Marks(analysis) if marked else None


def convention_detail(analysis: Analysis) -> str:
    """Words beside the total: the convention, and whether it is the tool's total."""
    name = analysis.convention
    more = {
        "exact": "",
        "rounded": f", to {find_convention(name).printed}",
        "depends": ", if it is written as the notes say",
        "not covered": f", but not the total of {name}: see the notes",
    }[analysis.convention_agreement]
    return f"convention {name}{more}"


def convention_notes(analysis: Analysis) -> list[str]:
    """What the convention adds, and of which layers it is not for certain the tool's count."""
    notes = []
    if analysis.convention_items:
        items = "; ".join(f"{item.mult_adds:+,} {item.what}" for item in analysis.convention_items)
        paper = "beside the convention paper: "
        if analysis.has_totals:
            least = "at least " if analysis.unmodelled else ""
            paper = f"{least}{analysis.paper_mult_adds:,} mult-adds by the convention paper; "
        notes.append(paper + items)
    return notes + [
        _reservation_note(analysis.convention, reservation) for reservation in analysis.reservations
    ]


def _reservation_note(name: str, reservation: Reservation) -> str:
    number = len(reservation.layers)
    layers = f"{reservation.kind} ({number} layer{'s' if number > 1 else ''})"
    if reservation.agreement == "depends":
        change = f"{abs(reservation.mult_adds):,} {'more' if reservation.mult_adds > 0 else 'less'}"
        return f"{layers} {reservation.why}; otherwise {name} counts {change}"
    return (
        f"{name} does not cover {layers}: {reservation.why}; counted as the convention paper does"
    )
