"""A figure as SVG: plain shapes and texts, no script, no style sheet, no other file.

Each box says in words what it shows (`title`), for a pointer and for screen readers. No shape is
referred to by an id, since a page can hold several figures; arrowheads are the same in all.
"""

from __future__ import annotations

from mnet_cost.drawing.shapes import LINE, PAPER, Arrow, Drawn, Picture, Shape, Text, curve
from mnet_cost.escaping import html_text

_FONT = "Helvetica, Arial, 'DejaVu Sans', sans-serif"
_HEAD = (
    '<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    f'orient="auto"><path d="M0 0.5L8 4L0 7.5z" fill="{LINE}"/></marker>'
)


def to_svg(picture: Picture) -> str:
    """The text of an SVG file, in ASCII."""
    width, height = _number(picture.width), _number(picture.height)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" '
        f'font-family="{_FONT}">',
        f"<title>{html_text(picture.title)}</title>",
        f"<desc>{html_text(picture.told)}</desc>",
        f"<defs>{_HEAD}</defs>",
        f'<rect width="{width}" height="{height}" fill="{PAPER}"/>',
        *map(_drawn, picture.drawn),
        "</svg>",
    ]
    return ("\n".join(parts) + "\n").encode("ascii", "xmlcharrefreplace").decode("ascii")


def _drawn(drawn: Drawn) -> str:
    shapes = "".join(map(_shape, drawn.shapes))
    return f"<g><title>{html_text(drawn.told)}</title>{shapes}</g>" if drawn.told else shapes


def _shape(shape: Shape) -> str:
    if isinstance(shape, Arrow):
        start = shape.points[0]
        path = f"M{_number(start[0])} {_number(start[1])}"
        for piece in curve(shape.points):
            ends = " ".join(f"{_number(x)} {_number(y)}" for x, y in piece[1:])
            path += f"{'L' if len(piece) == 2 else 'C'}{ends}"
        return f'<path d="{path}" fill="none" stroke="{LINE}" marker-end="url(#head)"/>'
    if isinstance(shape, Text):
        bold = ' font-weight="bold"' if shape.bold else ""
        anchor = f' text-anchor="{shape.anchor}"' if shape.anchor != "start" else ""
        return (
            f'<text x="{_number(shape.x)}" y="{_number(shape.y)}" font-size="{shape.size:g}" '
            f'fill="{shape.fill}"{bold}{anchor}>{html_text(shape.text)}</text>'
        )
    stroke = f' stroke="{shape.stroke}"' if shape.stroke else ""
    radius = f' rx="{_number(shape.radius)}"' if shape.radius else ""
    return (
        f'<rect x="{_number(shape.x)}" y="{_number(shape.y)}" width="{_number(shape.width)}" '
        f'height="{_number(shape.height)}" fill="{shape.fill}"{stroke}{radius}/>'
    )


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
