"""What a runtime says against a network, as an error that shows the layer and what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mnet_cost.measure.runs.artifacts import Runnable
from mnet_cost.measure.runtimes.base import RunError, refused
from mnet_cost.measure.runtimes.onnx_kernels import read_file

_MISSING = re.compile(
    r"not[ _]implemented|could not find an implementation|no op registered|not a registered|"
    r"no conversion rule|(not|un)[ -]?supported",
    re.IGNORECASE,
)
_ELSE = "another runtime may have it: `--runtime torch`"


def refused_file(runnable: Runnable, runtime: str, error: BaseException) -> RunError:
    """`error` of a runtime against the ONNX file of `runnable` as a `RunError`.

    The node that the error speaks of, by its name or by its operator, leads to a layer. What is a
    `RunError` already has its own words.
    """
    if isinstance(error, RunError):
        return error
    nodes = [(one.name, one.operator) for one in read_file(runnable.onnx())[1]]
    text = str(error)
    line = _told(text) or type(error).__name__
    found = _found(text, nodes)
    if found is None:
        return refused(runnable, f"{runtime} cannot run it: {line}", hint=_ELSE)
    node, operator = found
    names = runnable.layers_of_node().get(node, ())
    layer = names[0] if names else None
    whose = f"the node `{node}`" if layer is None else f"the layer `{layer}`"
    if _MISSING.search(text):
        message = f"{runtime} has no operator `{operator}` as {whose} needs it: {line}"
    else:
        message = f"{runtime} cannot run {whose} (operator `{operator}`): {line}"
    return refused(runnable, message, layer=layer, hint=_ELSE)


def _found(text: str, nodes: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
    """The node that a text names, or else the first with an operator that it names."""
    words = set(re.findall(r"\w+", text))
    operators = [(name, operator) for name, operator in nodes if operator in words]
    quoted = set(re.findall(r"""'([^']*)'|"([^"]*)"|\(([^()]*)\)""", text))
    names = {name for groups in quoted for name in groups if name}
    return next((node for node in nodes if node[0] in names), None) or next(iter(operators), None)


def _told(text: str) -> str:
    """The line of an error that says most: where a trace of source files goes before it, the last
    that is no heading."""
    lines = [line.strip(" -") for line in text.splitlines()]
    told = [
        line
        for line in lines
        if line and not line.endswith(":") and not re.match(r"Exception from |Check '", line)
    ]
    return told[-1] if told else ""
