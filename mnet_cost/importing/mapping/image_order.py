"""The order of axes in dialects that have channels last: which tensors are images.

Kinds of layers want channels first. A tensor is an image if an operator that slides windows reads
or makes it, or one that keeps the order of axes ties it to such a tensor; other tensors stay as
they are. What is an image has its channels in front while nodes are mapped, and each node knows
which of its tensors are images. Not here: which operators those are, which each dialect says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from mnet_cost.errors import ModelFileError, Problem
from mnet_cost.importing.graph import Graph, Node, Tensor

IMAGES = "images"
"""The attribute of a node with the names of those of its tensors that are images."""

_Part = TypeVar("_Part")


def channels_first(parts: Sequence[_Part]) -> tuple[_Part, ...]:
    """What is listed by the axes of a file, by those of an image: [N, H, W, C] as [N, C, H, W]."""
    return (*parts[:1], *parts[-1:], *parts[1:-1])


def channels_last(parts: Sequence[_Part]) -> tuple[_Part, ...]:
    """What is listed by the axes of an image, by those of the file."""
    return (*parts[:1], *parts[2:], *parts[1:2])


def image_axis(axis: int, rank: int) -> int:
    """The axis of an image that is `axis` of the file, from 0, of `rank`."""
    return channels_last(range(rank))[axis]


def marked(node: Node, images: Iterable[str]) -> Node:
    """A node that knows which of its tensors are images."""
    own = frozenset(name for name in (*node.inputs, *node.outputs) if name in images)
    return node._replace(attributes={**node.attributes, IMAGES: own})


def images_among(
    ranks: Mapping[str, int], anchors: Iterable[str], ties: Iterable[Iterable[str]]
) -> frozenset[str]:
    """Names of the tensors that are images.

    `ranks` has the numbers of axes of tensors that can be, `anchors` are images for certain, and
    tensors of one of `ties` are alike where they have equally many axes.
    """
    groups = _Groups()
    for names in ties:
        first: dict[int, str] = {}
        for name in names:
            if name in ranks:
                groups.join([first.setdefault(ranks[name], name), name])
    roots = {groups.root(name) for name in anchors if name in ranks}
    return frozenset(name for name in ranks if groups.root(name) in roots)


def check_open_sizes(graph: Graph, tensor: Tensor, sizes: Mapping[str, int]) -> None:
    """Sizes that nobody gave are asked for in the order of the file."""
    shape = tensor.shape or ()
    open_size = next((x for x in shape if isinstance(x, str) and x not in sizes), None)
    if open_size is not None:
        plain = ",".join(str(x) if isinstance(x, int) else "224" for x in shape[1:])
        raise ModelFileError(
            Problem(
                f"{graph.source}: input `{tensor.name}` is [{', '.join(map(str, shape))}], and the "
                f"size `{open_size}` is not known",
                hint=f"give it: `FILE@{open_size}=224`, or for `import` "
                f"--shape {tensor.name}=1,{plain}",
            )
        )


class _Groups:
    """Names that belong together."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def root(self, name: str) -> str:
        """The name that stands for all of its group."""
        parents = self._parents
        while (parent := parents.get(name, name)) != name:
            parents[name] = name = parents.get(parent, parent)
        return name

    def join(self, names: Sequence[str]) -> None:
        """Make one group of the groups of `names`."""
        for name in names[1:]:
            self._parents[self.root(name)] = self.root(names[0])
