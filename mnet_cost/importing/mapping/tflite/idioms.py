"""What converters write as several operators, as the one that it is.

- A dense layer on a tensor of more than two axes: RESHAPE to rows, FULLY_CONNECTED, RESHAPE back.
  The rows are the positions of the first tensor in their order, so the product can be taken where
  they are, as FULLY_CONNECTED with `keep_num_dims` does.
- Rows or columns of an image, each repeated: EXPAND_DIMS, TILE of the new axis, RESHAPE. That is
  the nearest neighbour in a larger image, called `REPEAT` here: TFLite has no such operator.
- Channels dealt out to groups: RESHAPE, TRANSPOSE of the last two axes, RESHAPE back:
  `CHANNEL_SHUFFLE`.
- A convolution with dilation, as old converters write it: SPACE_TO_BATCH_ND, the convolution,
  BATCH_TO_SPACE_ND.

The operator has the place of the last one. What a file does not state enough sizes of stays as it
is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from mnet_cost.importing.graph import Batch, Graph, Node, Shape

CHANNEL_SHUFFLE = "CHANNEL_SHUFFLE"
REPEAT = "REPEAT"


class _Chain(NamedTuple):
    """Three operators, each of which alone reads what the one before makes."""

    first: Node
    middle: Node
    last: Node
    before: Shape
    """Of what the first reads."""
    after: Shape
    """Of what the last makes."""


def without_idioms(graph: Graph) -> Graph:
    """The graph with one operator for each of those chains."""
    return _Idioms(graph).replaced()


class _Idioms:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._makers = {name: node for node in graph.nodes for name in node.outputs}
        self._reads = Counter(name for node in graph.nodes for name in node.inputs)
        self._reads.update(tensor.name for tensor in graph.outputs)
        self._shapes = {x.name: x.shape for x in (*graph.inputs, *graph.tensors.values())}

    def replaced(self) -> Graph:
        """The graph."""
        known: Mapping[tuple[str, ...], Callable[[_Chain], Node | None]] = {
            ("RESHAPE", "FULLY_CONNECTED", "RESHAPE"): self._dense,
            ("EXPAND_DIMS", "TILE", "RESHAPE"): self._repeated,
            ("RESHAPE", "TRANSPOSE", "RESHAPE"): self._shuffled,
            ("SPACE_TO_BATCH_ND", "CONV_2D", "BATCH_TO_SPACE_ND"): self._dilated,
            ("SPACE_TO_BATCH_ND", "DEPTHWISE_CONV_2D", "BATCH_TO_SPACE_ND"): self._dilated,
        }
        gone: set[str] = set()
        made: dict[str, Node] = {}
        for last in self._graph.nodes:
            chain = self._chain(last)
            if chain is None or chain.first.name in made or chain.first.name in gone:
                continue
            names = (chain.first.operator, chain.middle.operator, last.operator)
            node = known[names](chain) if names in known else None
            if node is not None:
                gone.update((chain.first.name, chain.middle.name))
                made[last.name] = node
        nodes = [made.get(node.name, node) for node in self._graph.nodes if node.name not in gone]
        return self._graph._replace(nodes=tuple(nodes))

    def _chain(self, last: Node) -> _Chain | None:
        middle = self._only_maker(last)
        first = self._only_maker(middle) if middle is not None else None
        if middle is None or first is None or not first.inputs or first.domain or last.domain:
            return None
        before, after = self._shapes.get(first.inputs[0]), self._shapes.get(last.outputs[0])
        if before is None or after is None:
            return None
        return _Chain(first, middle, last, before, after)

    def _only_maker(self, node: Node) -> Node | None:
        """What makes the first input of a node, if nothing else reads that."""
        if len(node.inputs) < 2 or len(node.outputs) != 1:
            return None
        maker = self._makers.get(node.inputs[0])
        return maker if self._reads[node.inputs[0]] == 1 else None

    def _known(self, name: str) -> tuple[int, ...]:
        stored = self._graph.stored.get(name)
        return (stored.values if stored is not None else None) or ()

    def _dense(self, chain: _Chain) -> Node | None:
        weight = self._graph.stored.get(chain.middle.inputs[1])
        before, after = chain.before, chain.after
        if weight is None or len(before) < 3 or not _equal(before[:-1], after[:-1]):
            return None
        if (after[-1], before[-1]) != weight.shape:
            return None
        return chain.middle._replace(
            inputs=(chain.first.inputs[0], *chain.middle.inputs[1:]),
            outputs=chain.last.outputs,
            attributes={**chain.middle.attributes, "keep_num_dims": True},
        )

    def _repeated(self, chain: _Chain) -> Node | None:
        before, after = chain.before, chain.after
        (axis,) = self._known(chain.first.inputs[1])[:1] or (0,)
        times = self._known(chain.middle.inputs[1])
        # The new axis is behind that of rows, or behind that of columns.
        if len(before) != 4 or len(after) != 4 or len(times) != 5 or axis not in (2, 3):
            return None
        if sum(n != 1 for n in times) != 1 or times[axis] < 2:
            return None
        place, wanted = axis - 1, list(before)
        size = wanted[place]
        wanted[place] = size * times[axis] if isinstance(size, int) else "open"
        # With as many elements, one size may be open.
        stated = [i for i, size in enumerate(after) if not isinstance(size, str)]
        if len(stated) < 3 or any(after[i] != wanted[i] for i in stated):
            return None
        return chain.last._replace(
            operator=REPEAT,
            inputs=chain.first.inputs[:1],
            attributes={"rows": times[2], "columns": times[3]},
        )

    def _shuffled(self, chain: _Chain) -> Node | None:
        before, after = chain.before, chain.after
        between = self._shapes.get(chain.middle.inputs[0]) or ()
        if len(before) != 4 or not _equal(before, after) or len(between) != 5:
            return None
        if not _equal(between[:3], before[:3]):
            return None
        groups = between[3]
        if self._known(chain.middle.inputs[1]) != (0, 1, 2, 4, 3) or not isinstance(groups, int):
            return None
        return chain.last._replace(
            operator=CHANNEL_SHUFFLE,
            inputs=chain.first.inputs[:1],
            attributes={"groups": groups},
        )

    def _dilated(self, chain: _Chain) -> Node | None:
        before, after, conv = chain.before, chain.after, chain.middle
        blocks = self._known(chain.first.inputs[1])
        weight = self._graph.stored.get(conv.inputs[1])
        if len(blocks) != 2 or blocks != self._known(chain.last.inputs[1]) or weight is None:
            return None
        plain = ("stride_h", "stride_w", "dilation_h_factor", "dilation_w_factor")
        if any(conv.attributes[name] != 1 for name in plain) or len(weight.shape) != 4:
            return None
        if len(before) != 4 or len(after) != 4 or before[0] != after[0]:
            return None
        spans = [(k - 1) * block for k, block in zip(weight.shape[1:3], blocks, strict=True)]
        sizes = [size for size in before[1:3] if isinstance(size, int)]
        if len(sizes) < 2:
            return None
        if _equal(after[1:3], sizes):
            padding = "SAME"
        elif _equal(after[1:3], [size - span for size, span in zip(sizes, spans, strict=True)]):
            padding = "VALID"
        else:
            return None
        dilation = {"dilation_h_factor": blocks[0], "dilation_w_factor": blocks[1]}
        return conv._replace(
            inputs=(chain.first.inputs[0], *conv.inputs[1:]),
            outputs=chain.last.outputs,
            attributes={**conv.attributes, **dilation, "padding": padding},
        )


def _equal(sizes: Sequence[int | Batch | str], others: Sequence[int | Batch | str]) -> bool:
    """Whether two shapes are equal, and no size of them is open."""
    return tuple(sizes) == tuple(others) and not any(isinstance(size, str) for size in sizes)
