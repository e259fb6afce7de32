"""Elements of an image between its own, at places that are an input.

Places are numbers from -1 to 1 across the image, calculated by the network (optical flow, spatial
transformers, deformable attention). Ignored here: the few operations for each place, which are the
same for all channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mnet_cost.layers.axes import fixed
from mnet_cost.layers.base import Effort, Layer, Reads, Work
from mnet_cost.layers.fields import Flag, Word, spec_field
from mnet_cost.layers.gradient import GradInput, MemoryFormat, Saved
from mnet_cost.tensors import Check, Layout, RuleViolation, TensorType, smallest

_TAPS = {"nearest": 1, "bilinear": 2, "bicubic": 4}
"""Elements around a place that are read, along each axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GridSample(Layer):
    """An image, or a volume, at places between its elements that are an input.

    Shapes      image [..., C, H, W], then places [..., P, Q, 2] -> [..., C, P, Q]; volume
                [..., C, D, H, W], then places [..., P, Q, R, 3] -> [..., C, P, Q, R]. A place is
                (x, y) or (x, y, z), the last axis of the image first
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  per output element, as in `resize`: nearest 0; bilinear 7, of a volume 15 (eight
                multiplications, seven additions); bicubic 31. Places and weights are the same for
                all channels and not counted
    Bytes       reads the places, and the image, but no more than the elements around each place (1,
                4 or 16; of a volume 8); writes the output
    Source      arXiv:1506.02025, section 3.3; PyTorch documentation of grid_sample
    """

    kind: ClassVar[str] = "grid_sample"
    arity: ClassVar[tuple[int, int | None]] = (2, 2)
    reads: ClassVar[Reads] = "spatial"
    effort: ClassVar[Effort] = "arithmetic"
    memory_format: ClassVar[MemoryFormat] = "contiguous"

    mode: str = spec_field(Word(tuple(_TAPS)), "how to interpolate", default="bilinear")
    outside: str = spec_field(
        Word(("zeros", "border", "reflection")),
        "what is beyond the edge: zeros, the edge, or the image mirrored",
        default="zeros",
    )
    align_corners: bool = spec_field(
        Flag(), "-1 and 1 are the middles of the outermost elements, not their edges", default=False
    )

    def laid_out_inputs(self, count: int) -> int:
        return 1

    def axes(self, places: TensorType) -> int:
        """How many axes of the image the places have: 2, or 3 of a volume."""
        axes = fixed(places.shape[-1])
        if axes not in (2, 3):
            raise RuleViolation(
                "needs an image, then places [rows, columns, 2], or a volume, then places "
                "[depth, rows, columns, 3]"
            )
        return axes

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        x, places = inputs
        axes = self.axes(places)
        known = {"image": 2, "volume": 3}.get(x.layout or "", axes)
        if len(x.shape) < 1 + axes or len(places.shape) != len(x.shape) or axes != known:
            raise RuleViolation(
                f"needs places [..., 2] of an image, or [..., 3] of a volume, with as many axes as "
                f"it: {x} and {places}"
            )
        if axes == 3 and self.mode == "bicubic":
            raise RuleViolation("cannot be `bicubic` in a volume")
        ahead = x.shape[: -1 - axes]
        for ours, theirs in zip(ahead, places.shape, strict=False):
            check(ours == theirs, "needs equal axes in front: {} and {}", ours, theirs)
        return TensorType((*x.shape[:-axes], *places.shape[-1 - axes : -1]))

    def layout(self, inputs: tuple[TensorType, ...]) -> Layout | None:
        return "volume" if self.axes(inputs[1]) == 3 else "image"

    def own_axes(self, x: TensorType) -> int:
        return 4 if x.layout == "volume" else 3

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        x, places = inputs
        taps = _TAPS[self.mode] ** self.axes(places)
        outputs = output.elements
        return Work(
            vector_ops=(2 * taps - 1 if taps > 1 else 0) * outputs,
            input_elements=smallest(x.elements, taps * outputs) + places.elements,
            output_elements=outputs,
        )

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        return Saved(inputs=(0, 1))
