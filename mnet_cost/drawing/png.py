"""A figure as PNG, drawn by matplotlib."""

from __future__ import annotations

from typing import Any

from mnet_cost.drawing.shapes import LINE, PAPER, Arrow, Picture, Text, curve
from mnet_cost.errors import Problem, UsageError
from mnet_cost.torch_model.installed import require

_DPI, _LEAST_DPI = 200, 50
_MOST_PIXELS = 20_000
"""Of a side: large figures have fewer dots an inch."""
_POINTS = 72.0


def figure_of(picture: Picture) -> Any:
    """The figure as one of matplotlib, a point for a unit of length.

    Raises `MissingPackageError` without matplotlib, `UsageError` where texts would be too small to
    be read.
    """
    require("matplotlib", extra="sweep")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
    from matplotlib.path import Path

    size = (picture.width / _POINTS, picture.height / _POINTS)
    dpi = min(_DPI, _MOST_PIXELS / max(size))
    if dpi < _LEAST_DPI:
        hint = "draw an .svg file; `--by block` has fewer boxes than `--by layer`"
        raise UsageError(Problem("the figure is too large for PNG", hint=hint))
    figure = Figure(figsize=size, dpi=dpi, facecolor=PAPER)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, picture.width)
    axes.set_ylim(picture.height, 0)
    for number, shape in enumerate(shape for drawn in picture.drawn for shape in drawn.shapes):
        if isinstance(shape, Text):
            axes.text(shape.x, shape.y, shape.text, fontsize=shape.size, color=shape.fill,
                      weight="bold" if shape.bold else "normal", va="baseline", zorder=number,
                      ha={"start": "left", "middle": "center", "end": "right"}[shape.anchor],
                      parse_math=False)  # fmt: skip
        elif isinstance(shape, Arrow):
            points, codes = [shape.points[0]], [Path.MOVETO]
            for piece in curve(shape.points):
                points += piece[1:]
                codes += [Path.LINETO if len(piece) == 2 else Path.CURVE4] * (len(piece) - 1)
            axes.add_patch(FancyArrowPatch(path=Path(points, codes), arrowstyle="-|>", color=LINE,
                                           mutation_scale=7, linewidth=1, zorder=number,
                                           shrinkA=0, shrinkB=0, capstyle="butt",
                                           joinstyle="miter"))  # fmt: skip
        else:
            corners = (
                f"round,pad=0,rounding_size={shape.radius}" if shape.radius else "square,pad=0"
            )
            axes.add_patch(FancyBboxPatch(
                (shape.x, shape.y), shape.width, shape.height, facecolor=shape.fill,
                edgecolor=shape.stroke or "none", linewidth=1, zorder=number, boxstyle=corners,
            ))  # fmt: skip
    return figure
