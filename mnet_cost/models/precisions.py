"""Precisions that a spec states: of one layer, or of all layers and inputs that state none.

Not here: the precision of an analysis (`analysis/work.py`), which a spec that states one decides.
"""

from __future__ import annotations

from mnet_cost.errors import did_you_mean, one_of
from mnet_cost.models.problems import Problems, shown
from mnet_cost.tensors import DTYPES, DType
from mnet_cost.yamlfile import Node


def compile_precision(node: Node, problems: Problems) -> DType | None:
    """The precision that `node` names; None after a problem."""
    word = node.value
    if isinstance(word, str) and word in DTYPES:
        return DTYPES[word]
    hint = did_you_mean(word, DTYPES) if isinstance(word, str) else None
    problems.add(f"`precision` needs {one_of(tuple(DTYPES))}, not {shown(node)}", node, hint)
    return None
