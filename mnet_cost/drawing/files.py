"""A drawing as a file, of the kind that its ending says."""

from __future__ import annotations

import os
from pathlib import Path

from mnet_cost.analysis import Analysis
from mnet_cost.drawing.diagram import Grain, diagram_of
from mnet_cost.drawing.folding import folded
from mnet_cost.drawing.shapes import Picture, picture_of
from mnet_cost.drawing.svg import to_svg
from mnet_cost.errors import OutputError, Problem, one_of
from mnet_cost.paths import whole_file

ENDINGS = (".svg", ".png", ".dot", ".gv", ".graphml")


def check_ending(path: str | os.PathLike[str]) -> str:
    """The ending of a file that can be drawn; `OutputError` for one of something else."""
    name = os.fspath(path)
    ending = Path(name).suffix.lower()
    if ending not in ENDINGS or name.endswith(("/", os.sep)):
        hint = ".svg and .png are figures, .dot and .gv are for Graphviz, .graphml for viewers"
        message = f"{name or '-o'}: the ending says what to draw: {one_of(ENDINGS)}"
        raise OutputError(Problem(message, hint=hint))
    return ending


def picture_of_analysis(
    analysis: Analysis, by: Grain = "block", block: str | None = None
) -> Picture:
    """The figure of a network, or of one of its blocks."""
    return picture_of(folded(diagram_of(analysis, by, block)))


def svg_of(analysis: Analysis, by: Grain = "block", block: str | None = None) -> str:
    """The figure of a network, or of one of its blocks, as the text of an SVG file."""
    return to_svg(picture_of_analysis(analysis, by, block))


def write_drawing(
    path: str | os.PathLike[str],
    analysis: Analysis,
    by: Grain = "block",
    block: str | None = None,
) -> None:
    """Draw a network, or one of its blocks, into a file, whole or not at all.

    Raises `ModelReferenceError` for a block that is not there, `OutputError` for an ending of
    something else and where the file cannot be written, `MissingPackageError` for PNG without
    matplotlib, `UsageError` for a figure too large for PNG.
    """
    ending = check_ending(path)
    diagram = diagram_of(analysis, by, block)
    if ending == ".png":
        from mnet_cost.drawing.png import figure_of

        figure = figure_of(picture_of(folded(diagram)))
        with whole_file(path) as draft:
            figure.savefig(draft, format="png")
        return
    if ending == ".svg":
        text = to_svg(picture_of(folded(diagram)))
    else:
        from mnet_cost.drawing.graph_files import to_dot, to_graphml

        text = to_graphml(diagram) if ending == ".graphml" else to_dot(diagram)
    with whole_file(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")
