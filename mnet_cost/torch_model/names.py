"""Paths of layers as paths of modules.

They are the same, but for names that torch's modules have themselves (`code`, `train`, `type`) and
`self`: those get an underscore at the end. Different paths stay different.
"""

from __future__ import annotations

from functools import cache

from torch import fx

_TAKEN = frozenset(dir(fx.GraphModule)) | {"training", "graph", "self"}


@cache
def _attribute(name: str) -> str:
    return f"{name}_" if name.rstrip("_") in _TAKEN else name


def module_path(path: str) -> str:
    """The path of the module of the layer at `path`: `decoder.code` is `decoder.code_`."""
    return ".".join(map(_attribute, path.split(".")))
