"""The modules of the program that a graph was exported from: which layers each of them called.

A stretch of layers that is a call of a module has the author's borders and a name. Not here: what
a class is called in a spec, which is `names.py`.
"""

from __future__ import annotations

from mnet_cost.importing.layer_graph import LayerGraph
from mnet_cost.models.types import Scope

_CONTAINERS = frozenset(("Sequential", "ModuleList", "ModuleDict", "Module"))


class Modules:
    """Calls of modules as stretches of layers."""

    def __init__(self, graph: LayerGraph) -> None:
        self._at: dict[tuple[int, int], list[Scope]] = {}
        self._around: list[tuple[tuple[int, int], ...]] = []
        stretches: list[tuple[int, int, Scope]] = []
        opened: list[tuple[Scope, int]] = []
        for number, layer in enumerate((*graph.layers, None)):
            scopes = () if layer is None else layer.origin.scopes
            common = 0
            while common < min(len(opened), len(scopes)) and opened[common][0] == scopes[common]:
                common += 1
            while len(opened) > common:
                scope, start = opened.pop()
                stretches.append((start, number, scope))
            opened += [(scope, number) for scope in scopes[common:]]
        for start, stop, scope in sorted(stretches, key=lambda part: (part[0], -part[1])):
            self._at.setdefault((start, stop), []).append(scope)
        around: list[list[tuple[int, int]]] = [[] for _ in graph.layers]
        for start, stop in self._at:
            for number in range(start, stop):
                around[number].append((start, stop))
        self._around = [tuple(spans) for spans in around]

    @property
    def are_known(self) -> bool:
        """Whether the program says of its layers which modules they are of."""
        return bool(self._at)

    def exact(self, start: int, stop: int) -> Scope | None:
        """The module whose call is exactly these layers: the outermost that is no container."""
        scopes = self._at.get((start, stop), [])
        return next((scope for scope in scopes if scope.class_name not in _CONTAINERS), None)

    def is_call(self, start: int, stop: int) -> bool:
        """Whether the layers are exactly the call of some module, a container or not."""
        return (start, stop) in self._at

    def nearest(self, start: int, stop: int) -> Scope | None:
        """The module that these layers are most of: all that is left out is a tenth or a layer."""
        best: tuple[int, Scope] | None = None
        for first, last in self._around[start]:
            overlap = min(last, stop) - max(first, start)
            other = (last - first) + (stop - start) - 2 * overlap
            if other <= max(1, (stop - start) // 10) and (best is None or other < best[0]):
                scope = self.exact(first, last)
                if scope is not None:
                    best = (other, scope)
        return None if best is None else best[1]

    def cuts(self, start: int, stop: int) -> bool:
        """Whether a module has some of these layers and some others, and they have others too."""
        return any(first < start and last < stop for first, last in self._around[start]) or any(
            first > start and last > stop for first, last in self._around[stop - 1]
        )
