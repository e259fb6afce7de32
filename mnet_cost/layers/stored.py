"""Stored tensors that are more than a shape: constants, tables of relative positions, masks.

Like `parameter` they are no activations: they are in memory once, with the weights, whatever the
batch, and what is made of stored tensors alone is stored, too. `CONSTANTS` has the tables that a
word stands for. Ignored here: the values themselves, which `torch_model` has, and integer tables by
which torch looks relative positions up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from mnet_cost.layers.base import Effect, Layer, Work, both
from mnet_cost.layers.fields import Numbers, Pair, Real, Sizes, Whole, Word, spec_field
from mnet_cost.layers.gradient import INDEX_BYTES, GradInput, Saved
from mnet_cost.tensors import Check, RuleViolation, Size, TensorType, product

CONSTANTS = ("zeros", "ones", "sine", "rotary_cos", "rotary_sin", "causal_mask")
"""Tables that the field `values` has a word for."""
ANGLES = ("sine", "rotary_cos", "rotary_sin")
"""Those that are made of angles, which have a base."""


class Stored(Layer):
    """What stored tensors share: no inputs, and no work."""

    __slots__ = ()

    arity: ClassVar[tuple[int, int | None]] = (0, 0)
    effect: ClassVar[Effect] = "view"
    is_stored: ClassVar[bool] = True
    buffers_are_weights: ClassVar[bool] = True

    @property
    def no_matrix(self) -> str:
        return "it is not trained"

    def needs(self, inputs: tuple[TensorType, ...]) -> tuple[object, ...]:
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant(Stored):
    """A stored tensor that is not trained: a table, a mask, or the stated numbers.

    `zeros`; `ones`; `sine`: the table of positions [..., L, F], sines at even and cosines at odd
    features; `rotary_cos`, `rotary_sin`: cosines and sines of rotary embeddings [..., L, F], where
    F is half of the features of a head, the angle of position m and feature i is
    m * base^(-i / F); `causal_mask`: [..., L, S], 0 for what position i of L may see, the first
    S - L + i + 1 of S, and minus infinity elsewhere. A list has the numbers row by row.

    Shapes      nothing -> the stated shape
    Mult-adds   0
    Weights     0
    Params      0; buffers: the product of the shape
    Vector ops  0
    Bytes       reads the buffers; writes nothing: layers that read the tensor read it in place
    Source      arXiv:1706.03762, section 3.5 (sine); arXiv:2104.09864, equation 34 (rotary)
    """

    kind: ClassVar[str] = "constant"
    sizes_field: ClassVar[str | None] = "shape"

    shape: tuple[Size, ...] = spec_field(Sizes(), "shape of the tensor, without the batch")
    values: Any = spec_field(
        Numbers(CONSTANTS), "a word for a table, or the numbers, row by row", default="zeros"
    )
    base: float = spec_field(Real(1.0), "of the angles of `sine` and rotary tables", default=1e4)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        if isinstance(self.values, tuple):
            elements, given = product(self.shape), len(self.values)
            check(
                elements == given,
                f"`{self.kind}` has {given} values, and its shape has {{}} elements",
                elements,
            )
        elif self.values not in ("zeros", "ones"):
            if len(self.shape) < 2:
                raise RuleViolation(f"`{self.kind}` with `{self.values}` needs two axes or more")
            if self.values == "causal_mask":
                length, seen = self.shape[-2:]
                check(
                    length <= seen,
                    f"`{self.kind}` with `{self.values}` has {{}} positions, of which the first "
                    "would see none of {}",
                    length,
                    seen,
                )
        return TensorType(self.shape)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        return Work(buffers=output.elements)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativePositionBias(Stored):
    """A trained number for each head and each distance of two positions in a window.

    `signed`: a distance is how far down and right one is of the other, as in Swin; `absolute`: how
    far away in each direction, as in LeViT and EfficientFormer.

    Shapes      nothing -> [heads, h * w, h * w] for windows of h x w
    Mult-adds   0
    Weights     0
    Params      heads * (2 h - 1) * (2 w - 1), or heads * h * w with `absolute`
    Vector ops  0
    Bytes       reads the params; writes nothing: layers that read the tensor read it in place
    Source      arXiv:2103.14030, section 3.2; arXiv:2104.01136, section 4.2 (absolute)
    """

    kind: ClassVar[str] = "relative_position_bias"

    window: Any = spec_field(Pair(), "height and width of a window")
    heads: Size = spec_field(Whole(), "heads of the attention, each with a table of its own")
    distances: str = spec_field(
        Word(("signed", "absolute")), "which distances have a number", default="signed"
    )

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        height, width = both(self.window)
        return TensorType((self.heads, height * width, height * width))

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        height, width = both(self.window)
        if self.distances == "signed":
            return Work(params=self.heads * (2 * height - 1) * (2 * width - 1))
        return Work(params=self.heads * height * width)

    @property
    def no_matrix(self) -> str:
        return ""

    def is_view_in_training(self, inputs: tuple[GradInput, ...]) -> bool:
        return False  # torch looks each number up

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        return Saved(bytes=INDEX_BYTES * (output.elements // output.shape[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowMask(Stored):
    """Mask for shifted windows: -100 between positions that must not see each other, else 0.

    It is for an image [..., H, W] that was rolled by minus the shift and cut into windows of h x w.
    A window at the edge holds parts from opposite sides of the image; positions of different parts
    do not see each other.

    Shapes      nothing -> [H / h * W / w, 1, h * w, h * w]
    Mult-adds   0
    Weights     0
    Params      0; buffers: the product of the shape
    Vector ops  0
    Bytes       reads the buffers; writes nothing: layers that read the tensor read it in place
    Source      arXiv:2103.14030, section 3.2 (batch computation for shifted configuration)
    """

    kind: ClassVar[str] = "window_mask"

    size: Any = spec_field(Pair(), "height and width of the image")
    window: Any = spec_field(
        Pair(), "height and width of a window, which divide those of the image"
    )
    shift: Any = spec_field(Pair(0), "rows and columns by which windows are shifted")

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        windows: Size = 1
        sides = zip(("height", "width"), both(self.size), both(self.window), both(self.shift),
                    strict=True)  # fmt: skip
        for axis, size, window, shift in sides:
            check(
                size % window == 0,
                f"`{self.kind}` has windows of {axis} {{}}, which do not divide {{}}",
                window,
                size,
            )
            check(
                shift < window,
                f"`{self.kind}` has a shift of {{}}, and windows of {axis} {{}}: a shift is less",
                shift,
                window,
            )
            windows = windows * (size // window)
        height, width = both(self.window)
        return TensorType((windows, 1, height * width, height * width))

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        return Work(buffers=output.elements)
