"""Layers that deal the elements of an image out anew: between channels and positions, into windows.

All of them copy, and the type of the elements stays; `fold` also adds up. `roll` and windows are
those of shifted-window attention, the others those of upsampling and of convolutions written as
products. Ignored here:
runtimes that read the elements where they are, with strides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from mnet_cost.layers.axes import named_axis
from mnet_cost.layers.base import (
    Effort,
    Layer,
    Makes,
    Reads,
    Work,
    both,
    image_sizes,
    sequence_sizes,
)
from mnet_cost.layers.conv import TorchWindow, torch_window, window_positions
from mnet_cost.layers.fields import ANY_WHOLE, AXIS, Pair, Sides, Whole, spec_field
from mnet_cost.layers.gradient import GradInput, MemoryFormat
from mnet_cost.layers.layout import Copy
from mnet_cost.tensors import (
    Check,
    RuleViolation,
    Size,
    TensorType,
    largest,
    product,
    require,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelShuffle(Copy):
    """Channels laid out as more rows and columns: an image `factor` times as high and as wide.

    Shapes      [..., C, H, W] -> [..., C / factor^2, H * factor, W * factor]
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       reads and writes each element: a copy
    Source      arXiv:1609.05158, equation 4; PyTorch documentation of PixelShuffle
    """

    kind: ClassVar[str] = "pixel_shuffle"
    reads: ClassVar[Reads] = "image"
    makes: ClassVar[Makes] = "image"
    memory_format: ClassVar[MemoryFormat] = "batched"

    factor: Size = spec_field(Whole(), "output height / input height, and so for the width")

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        channels, height, width = image_sizes(x, self.kind)
        factor = self.factor
        group = factor * factor
        check(
            channels % group == 0,
            "factor {} needs channels that {} divides, not {}",
            factor,
            group,
            channels,
        )
        sizes = (channels // group, height * factor, width * factor)
        return TensorType((*x.shape[:-3], *sizes), x.dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelUnshuffle(Copy):
    """Blocks of `factor` rows and columns laid out as channels: what `pixel_shuffle` does, undone.

    Shapes      [..., C, H, W] -> [..., C * factor^2, H / factor, W / factor]
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       reads and writes each element: a copy
    Source      PyTorch documentation of PixelUnshuffle
    """

    kind: ClassVar[str] = "pixel_unshuffle"
    reads: ClassVar[Reads] = "image"
    makes: ClassVar[Makes] = "image"
    memory_format: ClassVar[MemoryFormat] = "batched"

    factor: Size = spec_field(Whole(), "input height / output height, and so for the width")

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        channels, height, width = image_sizes(x, self.kind)
        factor = self.factor
        check(height % factor == 0, "factor {} does not divide height {}", factor, height)
        check(width % factor == 0, "factor {} does not divide width {}", factor, width)
        sizes = (channels * factor * factor, height // factor, width // factor)
        return TensorType((*x.shape[:-3], *sizes), x.dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll(Copy):
    """Elements moved along axes; those moved past the end come in again at the start.

    Shapes      any, unchanged; without `axis` an image [..., C, H, W]
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       reads and writes each element: a copy
    Source      arXiv:2103.14030, figure 4; PyTorch documentation of roll
    """

    kind: ClassVar[str] = "roll"
    effort: ClassVar[Effort] = "move"
    reads: ClassVar[Reads] = "axis"
    makes: ClassVar[Makes] = "same"
    memory_format: ClassVar[MemoryFormat] = "batched"

    shift: Any = spec_field(
        Pair(ANY_WHOLE), "positions to move by; below 0 towards the start of the axis"
    )
    axis: str | int | None = spec_field(
        AXIS, "the axis; by default height and width of an image", default=None
    )

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        self.shifts(x)
        return x

    def moves_around(self, inputs: tuple[TensorType, ...]) -> int:
        # Along each axis it is cut in two, and put together again: one of these is its own kernel.
        return 2 * len(self.shifts(inputs[0])) - 1

    def shifts(self, x: TensorType) -> tuple[tuple[int, Size], ...]:
        """(axis from the end, positions to move by) for each axis along which elements move."""
        if self.axis is None:
            image_sizes(x, self.kind)
            if x.layout == "sequence":
                raise RuleViolation("needs an `axis`: a stack of sequences is no image")
            down, right = both(self.shift)
            return ((-2, down), (-1, right))
        if isinstance(self.shift, tuple):
            raise RuleViolation("needs one `shift` along one `axis`, not [height, width]")
        return ((named_axis(x, self.axis, self.kind), self.shift),)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpandBatch(Copy):
    """A stored tensor, for each example: what is made of it is made for each example, too.

    Learned queries are one tensor for all examples. A program that expands them over the batch
    first calculates with them example by example, which no runtime can do beforehand.

    Shapes      any, unchanged
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       reads and writes each element: a copy
    Source      PyTorch documentation of Tensor.expand; ONNX documentation of Expand
    """

    kind: ClassVar[str] = "expand_batch"
    effort: ClassVar[Effort] = "move"
    makes: ClassVar[Makes] = "same"
    is_known: ClassVar[bool] = False

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        return inputs[0]

    def is_view_in_training(self, inputs: tuple[GradInput, ...]) -> bool:
        return True  # torch repeats it by a stride of 0


class Windows(Copy):
    """What partition and merge share: whether torch has to copy."""

    __slots__ = ()

    def window_grid(
        self, inputs: tuple[TensorType, ...]
    ) -> tuple[tuple[Size, Size], tuple[Size, Size]]:
        """((rows, columns) of windows, (height, width) of each)."""
        raise NotImplementedError

    def is_view_in_training(self, inputs: tuple[GradInput, ...]) -> bool:
        """Whether torch's reshape needs no copy, as of full rows of an image."""
        (rows, columns), (height, width) = self.window_grid((inputs[0].type,))
        joins_windows = rows == 1 or columns == 1 or height == 1
        joins_positions = height == 1 or width == 1 or columns == 1
        return joins_windows and joins_positions and not inputs[0].strided

    def is_permuted(self, inputs: tuple[GradInput, ...]) -> bool:
        return self.is_view_in_training(inputs) and not inputs[0].permuted


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowPartition(Windows):
    """An image cut into windows, row by row, and each window as a sequence of its positions.

    Shapes      [..., C, H, W] -> [..., windows, h * w, C]: (H / h) * (W / w) windows of [h, w]
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       reads and writes each element: a transposed copy
    Source      arXiv:2103.14030, section 3.2
    """

    kind: ClassVar[str] = "window_partition"
    reads: ClassVar[Reads] = "image"
    makes: ClassVar[Makes] = "sequence"

    window: Any = spec_field(Pair(), "size of a window")

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        channels, height, width = image_sizes(x, self.kind)
        (rows, columns), (high, wide) = self.window_grid(inputs)
        check(rows * high == height, "windows {} high do not divide height {}", high, height)
        check(columns * wide == width, "windows {} wide do not divide width {}", wide, width)
        return TensorType((*x.shape[:-3], rows * columns, high * wide, channels), x.dtype)

    def window_grid(
        self, inputs: tuple[TensorType, ...]
    ) -> tuple[tuple[Size, Size], tuple[Size, Size]]:
        _, height, width = image_sizes(inputs[0], self.kind)
        high, wide = both(self.window)
        return (height // high, width // wide), (high, wide)

    def shape_hint(self, inputs: tuple[TensorType, ...]) -> str | None:
        if len(inputs[0].shape) < 3:
            return None
        return "`pad` before it, or choose a window or a resolution that divides"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowMerge(Windows):
    """Windows, each a sequence of its positions, as one image: `window_partition`, undone.

    Shapes      [..., windows, h * w, C] -> [..., C, height, width]
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       reads and writes each element: a transposed copy
    Source      arXiv:2103.14030, section 3.2
    """

    kind: ClassVar[str] = "window_merge"
    reads: ClassVar[Reads] = "sequence"
    makes: ClassVar[Makes] = "image"

    window: Any = spec_field(Pair(), "size of a window")
    height: Size = spec_field(Whole(), "rows of the image")
    width: Size | None = spec_field(
        Whole(), "columns of the image; by default positions of all windows / height", default=None
    )

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if len(x.shape) < 3:
            raise RuleViolation("needs a stack of windows [windows, positions, features]")
        windows, positions, features = x.shape[-3:]
        (rows, columns), (high, wide) = self.window_grid(inputs)
        check(
            high * wide == positions,
            "a window of {} x {} has {} positions, not {}",
            high,
            wide,
            high * wide,
            positions,
        )
        check(
            rows * high == self.height, "windows {} high do not divide height {}", high, self.height
        )
        if self.width is None:
            check(
                rows * columns == windows,
                "cannot arrange {} windows in {} rows of windows",
                windows,
                rows,
            )
        else:
            check(
                columns * wide == self.width,
                "windows {} wide do not divide width {}",
                wide,
                self.width,
            )
            check(
                rows * columns == windows,
                "cannot arrange {} windows in {} rows of {} windows",
                windows,
                rows,
                columns,
            )
        return TensorType((*x.shape[:-3], features, self.height, columns * wide), x.dtype)

    def window_grid(
        self, inputs: tuple[TensorType, ...]
    ) -> tuple[tuple[Size, Size], tuple[Size, Size]]:
        high, wide = both(self.window)
        rows = self.height // high
        if self.width is not None:
            return (rows, self.width // wide), (high, wide)
        return (rows, inputs[0].shape[-3] * high // self.height), (high, wide)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfold(Copy):
    """Windows that slide over an image, each as a column of all its elements.

    Shapes      [..., C, H, W] -> [..., C * kernel_h * kernel_w, P * Q]: a convolution's positions
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  0
    Bytes       reads C * H * W, writes the output: a copy, windows overlap
    Source      PyTorch documentation of Unfold
    """

    kind: ClassVar[str] = "unfold"
    reads: ClassVar[Reads] = "image"
    memory_format: ClassVar[MemoryFormat] = "contiguous"

    kernel: Any = spec_field(Pair(), "size of a window")
    stride: Any = spec_field(Pair(), "step between windows", default=1)
    padding: Any = spec_field(
        Sides(), "zeros around the image; `same` gives ceil(size / stride) windows", default="same"
    )
    dilation: Any = spec_field(Pair(), "distance between elements of a window", default=1)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        rows, columns = self.positions(check, x)
        high, wide = both(self.kernel)
        return TensorType((*x.shape[:-3], x.shape[-3] * high * wide, rows * columns), x.dtype)

    def torch_window(self, x: TensorType) -> TorchWindow:
        """The window as torch slides it, for plain numbers."""
        return torch_window(self, x, TensorType(self.positions(require, x)))

    def memory_in_training(self, inputs: tuple[TensorType, ...], output: TensorType) -> int:
        # torch makes the output in memory of the size of what the windows slide over, and enlarges
        # that where it has to.
        (x,) = inputs
        window, slid_over = self.torch_window(x), x.elements
        if window.rounding is None:
            left, right, top, bottom = window.padding
            image = (x.shape[-2] + top + bottom) * (x.shape[-1] + left + right)
            slid_over = product(x.shape[:-2]) * image
        return int(largest(slid_over, output.elements))

    def positions(self, check: Check, x: TensorType) -> tuple[Size, ...]:
        """(rows, columns) of windows."""
        _, height, width = image_sizes(x, self.kind)
        return window_positions(
            check, (height, width), self.kernel, self.stride, self.padding, self.dilation
        )

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        return Work(input_elements=inputs[0].elements, output_elements=output.elements)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold(Layer):
    """Windows as one image, elements that lie on each other added up: what `unfold` does, undone.

    Shapes      [..., C * kernel_h * kernel_w, P * Q] -> [..., C, H, W], the size; P * Q are the
                positions of a window that slides over it
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  1 per input element: it is added to one of the image
    Bytes       reads each element, writes the image
    Source      PyTorch documentation of Fold; ONNX: Col2Im
    """

    kind: ClassVar[str] = "fold"
    reads: ClassVar[Reads] = "sequence"
    makes: ClassVar[Makes] = "image"
    effort: ClassVar[Effort] = "arithmetic"
    memory_format: ClassVar[MemoryFormat] = "contiguous"

    size: Any = spec_field(Pair(), "height and width of the image")
    kernel: Any = spec_field(Pair(), "size of a window")
    stride: Any = spec_field(Pair(), "step between windows", default=1)
    padding: Any = spec_field(
        Sides(), "what of the windows is beyond the image; `same` as of `unfold`", default="same"
    )
    dilation: Any = spec_field(Pair(), "distance between elements of a window", default=1)

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        columns, windows = sequence_sizes(x, self.kind)
        size, (high, wide) = both(self.size), both(self.kernel)
        check(
            columns % (high * wide) == 0,
            "needs columns of a multiple of {} elements, not {}",
            high * wide,
            columns,
        )
        rows, across = window_positions(
            check, size, self.kernel, self.stride, self.padding, self.dilation
        )
        check(
            rows * across == windows,
            "needs {} windows, {} by {}, not {}",
            rows * across,
            rows,
            across,
            windows,
        )
        return TensorType((*x.shape[:-2], columns // (high * wide), *size), x.dtype)

    def torch_window(self, output: TensorType) -> TorchWindow:
        """The window as torch slides it, for plain numbers."""
        positions = window_positions(
            require, output.shape[-2:], self.kernel, self.stride, self.padding, self.dilation
        )
        return torch_window(self, output, TensorType(positions))

    def own_axes(self, x: TensorType) -> int:
        return 3

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        elements = inputs[0].elements
        return Work(vector_ops=elements, input_elements=elements, output_elements=output.elements)
