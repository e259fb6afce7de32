"""A diagram as rectangles, lines and texts with places and colours, for whatever writes them.

Lengths are in points. Colours and type are those that a printed page bears: dark on white.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, NamedTuple

from rich.cells import cell_len, set_cell_size

from mnet_cost.drawing.diagram import VARIETIES, Box, Diagram
from mnet_cost.drawing.layout import Point, layout_of
from mnet_cost.escaping import printable
from mnet_cost.units import format_count, format_seconds

COLOURS = {
    "1x1": "#3b76d6",
    "depthwise": "#e07b1f",
    "convolution": "#179a94",
    "linear": "#8a5cc7",
    "product": "#b98900",
    "recurrent": "#5f7d1f",
    "pooling": "#c94f8a",
    "other": "#9aa2ab",
}
INK, MUTED, LINE, TRACK, PAPER = "#1a1d21", "#5d6670", "#8b939c", "#e6e9ec", "#ffffff"

_EM, _BOLD_EM = 0.58, 0.65
"""Width of a letter, in its size: about what DejaVu Sans takes, and more than Helvetica does."""
_MARGIN = 16.0
_PAD, _STRIPE, _APART = 9.0, 4.0, 14.0
_MOST_LETTERS = 36
_NAME, _SMALL, _TITLE = 11.0, 9.5, 15.0
_TALL, _LOW = 46.0, 21.0
_BETWEEN = " \N{MIDDLE DOT} "
_SWATCH = 10.0


class Rectangle(NamedTuple):
    """A rectangle; `radius` rounds its corners."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    stroke: str | None = None
    radius: float = 0.0


class Arrow(NamedTuple):
    """A line through points, with a head at its end."""

    points: tuple[Point, ...]


class Text(NamedTuple):
    """A text on one line; `x` is where it starts, its middle or its end."""

    x: float
    y: float
    """Of its base line."""
    text: str
    size: float
    fill: str = INK
    bold: bool = False
    anchor: Literal["start", "middle", "end"] = "start"


Shape = Rectangle | Arrow | Text


class Drawn(NamedTuple):
    """What belongs together, and what is said of it to those who point at it or do not see it."""

    told: str
    shapes: tuple[Shape, ...]


class Picture(NamedTuple):
    """A figure: arrows first, then boxes above them."""

    title: str
    told: str
    width: float
    height: float
    drawn: tuple[Drawn, ...]


class _Face(NamedTuple):
    """What stands on a box: a name, its shape on the right, and a second line with costs."""

    box: Box
    name: str
    kind: str
    costs: str

    @property
    def is_end(self) -> bool:
        """Whether it is an input of the network, or where it ends."""
        return self.box.kind in ("input", "output")

    @property
    def size(self) -> Point:
        """The least width, and the height."""
        name = _room(self.name, _NAME, not self.is_end)
        first = name + _APART + _room(self.box.shape, _SMALL)
        if not self.costs:
            return first + 2 * _PAD + _STRIPE, _LOW
        second = _room(self.kind, _SMALL) + _APART + _room(self.costs, _SMALL)
        return max(first, second) + 2 * _PAD + _STRIPE, _TALL


def picture_of(diagram: Diagram) -> Picture:
    """The figure of a diagram: its totals above it, a legend below."""
    faces = [_face(box, diagram.block) for box in diagram.boxes]
    widest = max((face.size[0] for face in faces if face.costs), default=0.0)
    sizes = [(widest, _TALL) if face.costs else face.size for face in faces]
    layout = layout_of(sizes, diagram.arrows)
    title, totals = printable(diagram.title), totals_of(diagram)
    named = _legend(diagram)
    width = max(
        *(layout.width, _room(title, _TITLE, True)),
        *(_room(total, _SMALL) for total in totals),
        *((_SWATCH + 5) * bool(colour) + _room(name, _SMALL) for colour, name in named),
    )
    heading = _heading(title, totals, width)
    left, top = _MARGIN + (width - layout.width) / 2, heading[-1].y + 19.0
    arrows = [tuple((x + left, y + top) for x, y in route) for route in layout.routes]
    most = max((box.share or 0.0 for box in diagram.boxes), default=0.0)
    drawn = [
        Drawn("", tuple(heading)),
        *(Drawn("", (Arrow(points),)) for points in arrows),
        *(_drawn(face, (x + left, y + top), size, most, diagram.device)
          for face, size, (x, y) in zip(faces, sizes, layout.corners, strict=True)),
    ]  # fmt: skip
    bottom = top + layout.height + 22.0
    legend, height = _legend_shapes(named, width, bottom)
    drawn.append(Drawn("", tuple(legend)))
    told = _BETWEEN.join(totals)
    return Picture(title, told, width + 2 * _MARGIN, bottom + height + _MARGIN, tuple(drawn))


def says_its_kind(box: Box) -> bool:
    """Whether the name of a box is that of its kind, with a number at most."""
    name = box.name.rpartition(".")[2]
    return name.rstrip("0123456789").rstrip("_") == box.kind


def _face(box: Box, block: str | None) -> _Face:
    name = _cut(printable(box.name.removeprefix(f"{block}.") if box.layers else box.name))
    if box.kind == "input":
        return _Face(box, name, "", "")
    if box.kind == "output":
        return _Face(box, "output", "", "")
    if box.copies > 1:
        name += f" \N{MULTIPLICATION SIGN}{box.copies}"
    kind = _cut(printable(box.kind))
    if says_its_kind(box):
        kind = f"{box.layers} layers" if box.layers > 1 else ""
    costs = []
    if box.mult_adds is None:
        costs.append("unknown cost")
    elif box.mult_adds:
        costs.append(format_count(box.mult_adds))
    if box.time_s is not None:
        costs.append(format_seconds(box.time_s))
    return _Face(box, name, kind, _BETWEEN.join(costs))


def _drawn(face: _Face, corner: Point, size: Point, most: float, device: str | None) -> Drawn:
    """A box with its texts, the stripe of its variety, and the bar of its share."""
    (x, y), (width, height), box = corner, size, face.box
    right = x + width - _PAD
    told = _told(box, device)
    if face.is_end:
        middle = y + height / 2 + 3.5
        return Drawn(told, (
            Rectangle(x, y, width, height, PAPER, LINE, height / 2),
            Text(x + _PAD, middle, face.name, _NAME),
            Text(right, middle, box.shape, _SMALL, MUTED, anchor="end"),
        ))  # fmt: skip
    shapes: list[Shape] = [
        Rectangle(x, y, width, height, PAPER, LINE, 3.0),
        Rectangle(x, y, _STRIPE, height, COLOURS[box.variety]),
        Text(x + _STRIPE + _PAD, y + 15, face.name, _NAME, bold=bool(face.costs)),
        Text(right, y + 15, box.shape, _SMALL, MUTED, anchor="end"),
    ]
    if not face.costs:
        return Drawn(told, tuple(shapes))
    shapes += [
        Text(x + _STRIPE + _PAD, y + 29, face.kind, _SMALL, MUTED),
        Text(right, y + 29, face.costs, _SMALL, anchor="end"),
    ]
    start, length = x + _STRIPE + _PAD, width - _STRIPE - 2 * _PAD
    if most:
        shapes.append(Rectangle(start, y + 36, length, 4, TRACK))
    whole = sum(part.amount for part in box.parts)
    for part in box.parts if most and whole else ():
        own = length * (box.share or 0.0) / most * part.amount / whole
        shapes.append(Rectangle(start, y + 36, own, 4, COLOURS[part.variety]))
        start += own
    return Drawn(told, tuple(shapes))


def _told(box: Box, device: str | None) -> str:
    """All of a box in words."""
    said = [f"{printable(box.name)} ({printable(box.kind)})"]
    if box.copies > 1:
        said.append(f"{box.copies} copies")
    if box.layers > 1:
        said.append(f"{box.layers} layers")
    said.append(f"output {box.shape}")
    if box.layers:
        said.append("unknown cost" if box.mult_adds is None else f"{box.mult_adds:,} mult-adds")
    if box.params is not None:
        said.append(f"{box.params:,} params")
    if box.time_s is not None:
        said.append(f"{format_seconds(box.time_s)} on {device}")
    if box.share is not None:
        said.append(f"{100 * box.share:.1f} % of the {'time' if device else 'mult-adds'}")
    return ", ".join(said)


def _heading(title: str, totals: list[str], width: float) -> list[Text]:
    """The title, and the totals below it in as many lines as they take."""
    lines: list[str] = []
    for total in totals:
        longer = f"{lines[-1]}{_BETWEEN}{total}" if lines else total
        if lines and _room(longer, _SMALL) <= width:
            lines[-1] = longer
        else:
            lines.append(total)
    y = _MARGIN + _TITLE
    return [
        Text(_MARGIN, y, title, _TITLE, bold=True),
        *(Text(_MARGIN, y + 16 + 13 * i, line, _SMALL, MUTED) for i, line in enumerate(lines)),
    ]


def totals_of(diagram: Diagram) -> list[str]:
    """What all that is drawn costs."""
    totals = diagram.totals
    said = []
    for total, title in ((totals.mult_adds, "mult-adds"), (totals.params, "params")):
        least = "at least " * totals.is_at_least
        said.append(
            f"{title} unknown" if total is None else f"{least}{format_count(total)} {title}"
        )
    if totals.time_s is not None and diagram.device is not None:
        least = "at least " * totals.time_is_at_least
        said.append(f"{least}{format_seconds(totals.time_s)} on {printable(diagram.device)}")
    return said


def curve(points: tuple[Point, ...]) -> list[tuple[Point, ...]]:
    """A line through points as pieces: of two points (straight), or of four (a cubic curve), whose
    ends are vertical."""
    pieces: list[tuple[Point, ...]] = []
    for first, second in pairwise(points):
        if abs(first[0] - second[0]) < 0.5:
            pieces.append((first, second))
        else:
            middle = (first[1] + second[1]) / 2
            pieces.append((first, (first[0], middle), (second[0], middle), second))
    return pieces


# --- the legend


def _legend(diagram: Diagram) -> list[tuple[str | None, str]]:
    """(colour, words) of what the boxes show; what bars mean has no colour."""
    used = {box.variety for box in diagram.boxes if box.layers}
    used |= {part.variety for box in diagram.boxes for part in box.parts}
    named: list[tuple[str | None, str]] = [
        (COLOURS[variety], name) for variety, name in VARIETIES.items() if variety in used
    ]
    whole = "" if diagram.block is None else "network's "
    named.append((None, f"bar: share of the {whole}{'time' if diagram.device else 'mult-adds'}"))
    named.append((None, "right: output, mult-adds" + " and time" * bool(diagram.device)))
    return named


def _legend_shapes(
    named: list[tuple[str | None, str]], width: float, top: float
) -> tuple[list[Shape], float]:
    """The legend in as many lines as it takes, and its height."""
    shapes: list[Shape] = []
    x, y = 0.0, _SWATCH
    for number, (colour, name) in enumerate(named):
        begins = colour is None and number and named[number - 1][0] is not None
        start = _SWATCH + 5 if colour else 0.0
        room = start + _room(name, _SMALL)
        if x and (x + room > width or begins):
            x, y = 0.0, y + 16
        if colour:
            shapes.append(Rectangle(_MARGIN + x, top + y - _SWATCH + 1, _SWATCH, _SWATCH, colour))
        shapes.append(Text(_MARGIN + x + start, top + y, name, _SMALL, MUTED))
        x += room + _APART
    return shapes, y + 4


def _room(text: str, size: float, bold: bool = False) -> float:
    """About how wide a text is."""
    return cell_len(text) * size * (_BOLD_EM if bold else _EM)


def _cut(text: str) -> str:
    """A text that is not too long for a box."""
    if cell_len(text) <= _MOST_LETTERS:
        return text
    return set_cell_size(text, _MOST_LETTERS - 1).rstrip() + "\N{HORIZONTAL ELLIPSIS}"
