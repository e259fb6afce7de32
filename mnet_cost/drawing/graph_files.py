"""A diagram as a graph for other programs: Graphviz (DOT) and GraphML.

Nodes are numbered; `path` is that in the spec. Costs are attributes, integers and seconds; an
attribute that is missing is not known. Names are quoted, so whatever stands in them is text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mnet_cost.drawing.diagram import Box, Diagram
from mnet_cost.drawing.shapes import COLOURS, says_its_kind, totals_of
from mnet_cost.escaping import printable
from mnet_cost.units import format_count, format_seconds

if TYPE_CHECKING:
    import networkx as nx


def graph_of(diagram: Diagram) -> nx.DiGraph[str]:
    """The diagram as a graph of networkx: boxes with their costs, arrows without."""
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph(name=printable(diagram.title))
    if diagram.device:
        graph.graph["device"] = printable(diagram.device)
    for number, box in enumerate(diagram.boxes):
        graph.add_node(f"n{number}", **_costs(box))
    graph.add_edges_from((f"n{start}", f"n{end}") for start, end in diagram.arrows)
    return graph


def to_graphml(diagram: Diagram) -> str:
    """The text of a GraphML file, in ASCII."""
    import networkx as nx

    text = '<?xml version="1.0" encoding="ascii"?>\n' + "\n".join(
        nx.generate_graphml(graph_of(diagram))
    )
    return (text + "\n").encode("ascii", "xmlcharrefreplace").decode("ascii")


def to_dot(diagram: Diagram) -> str:
    """The text of a Graphviz file, in UTF-8, which `dot` lays out."""
    heading = _shown("\n".join([printable(diagram.title), *totals_of(diagram)]))
    lines = [
        f"digraph {_quoted(printable(diagram.title))} {{",
        f'  graph [label={_quoted(heading)}, labelloc="t", fontname="Helvetica", fontsize=13];',
        '  node [shape=box, style="filled", fillcolor="white", fontname="Helvetica", fontsize=11];',
        '  edge [color="#8b939c", arrowsize=0.7];',
    ]
    for number, box in enumerate(diagram.boxes):
        given: dict[str, Any] = {"label": _label(box), **_costs(box)}
        if box.layers:
            given["color"] = COLOURS[box.variety]
        else:
            given["style"] = "rounded"
        listed = ", ".join(f"{key}={_value(value)}" for key, value in given.items())
        lines.append(f"  n{number} [{listed}];")
    lines += [f"  n{start} -> n{end};" for start, end in diagram.arrows]
    return "\n".join([*lines, "}"]) + "\n"


def _costs(box: Box) -> dict[str, str | int | float]:
    """What is known of a box."""
    found: dict[str, str | int | float | None] = {
        "path": printable(box.name),
        "kind": printable(box.kind),
        "output_shape": box.shape,
        "copies": box.copies,
        "layers": box.layers,
        "mult_adds": box.mult_adds if box.layers else None,
        "params": box.params,
        "time_s": box.time_s,
        "share": box.share,
    }
    return {key: value for key, value in found.items() if value is not None}


def _label(box: Box) -> str:
    """What Graphviz writes into a box: lines, between which it reads `\\n`."""
    name = f"{box.name} x{box.copies}" if box.copies > 1 else box.name
    costs = [format_count(box.mult_adds)] if box.mult_adds else []
    if box.time_s is not None:
        costs.append(format_seconds(box.time_s))
    kind = "" if says_its_kind(box) or not box.layers else box.kind
    lines = [name, "  ".join(filter(None, [kind, box.shape])), "  ".join(costs)]
    return _shown("\n".join(printable(line) for line in lines if line))


def _shown(text: str) -> str:
    """A text as Graphviz draws it: in what it draws, it reads entities of HTML."""
    return text.replace("&", "&amp;")


def _value(value: str | int | float) -> str:
    """A value; numbers with an exponent are no names in DOT, so all but integers are quoted."""
    return str(value) if isinstance(value, int) else _quoted(str(value))


def _quoted(text: str) -> str:
    """A text in quotes. Graphviz takes `\\N` and others in a label for what they stand for, so a
    backslash is doubled; a line break becomes `\\n`."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
