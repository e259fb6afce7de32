"""What detectors do with boxes: decode them, drop overlapping ones, cut out their features.

None of it is a matrix product, so all of it is vector operations. How many boxes are left, where
they lie and how large they are depends on the image: the number is a field, the rest is bounded
from above where it matters. Ignored here: sorting by score, clipping to the image, and finding
the level of a pyramid for each box.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

from mnet_cost.layers.base import Effort, Layer, Makes, Reads, Work, both
from mnet_cost.layers.fields import Pair, Whole, spec_field
from mnet_cost.layers.gradient import GradInput, Saved
from mnet_cost.tensors import Check, RuleViolation, Size, TensorType, largest, product, smallest

_BOX = 4
_PER_DECODED_BOX = 14
_PER_AREA = 3
_PER_PAIR = 13


def _check_boxes(check: Check, boxes: TensorType, message: str) -> None:
    if len(boxes.shape) != 2:
        raise RuleViolation(message)
    check(boxes.shape[-1] == _BOX, message)


class BoxDecode(Layer):
    """Boxes from what a head predicts about anchors: corners of a shifted and scaled anchor.

    Shapes      [..., 4], unchanged: 4 offsets of an anchor -> 4 coordinates of a box
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  14 per box: center a + s * x (2 multiplications, 2 additions), size s * exp(x)
                (2 exponentials, 2 multiplications), corners center -+ size / 2
                (2 multiplications, 4 additions)
    Bytes       reads and writes each element; anchors are constants and not counted
    Source      arXiv:1506.01497, equation 2
    """

    __slots__ = ()

    kind: ClassVar[str] = "box_decode"
    makes: ClassVar[Makes] = "sequence"
    effort: ClassVar[Effort] = "curve"

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        check(x.shape[-1] == _BOX, "needs offsets [..., 4]")
        return TensorType(x.shape)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        elements = output.elements
        return Work(
            vector_ops=_PER_DECODED_BOX * product(output.shape[:-1]),
            input_elements=elements,
            output_elements=elements,
        )

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        return Saved(inputs=(0,), elements=output.elements // 2)  # the exponentials


@dataclass(frozen=True, slots=True, kw_only=True)
class NonMaxSuppression(Layer):
    """The best boxes, without those that overlap a better one of the same class.

    Shapes      boxes [N, 4] and scores [N] or [N, K] for K classes -> [regions, 4]: the best of
                all classes, in which a box may stand once per class
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  3 * N for the areas, and 13 * regions * N: every box that is kept against all N
                of its class, as the greedy algorithm does that stops when it has enough. A pair
                takes 4 comparisons, 2 subtractions, 2 comparisons with 0 and a multiplication
                for the intersection, 2 operations for the union, a division and a comparison
                with the threshold. Sorting is not counted
    Bytes       reads boxes and scores, writes the boxes that are kept
    Limits      at most one box a score is kept, and always `regions`: where fewer are left, the
                others are boxes that were dropped. A built module looks at the best 4 * regions
                scores alone, in one step with the threshold 0.5, in which a box that is dropped
                still drops others
    Source      arXiv:1311.2524, section 2.2; torchvision documentation of nms
    """

    kind: ClassVar[str] = "non_max_suppression"
    makes: ClassVar[Makes] = "sequence"
    arity: ClassVar[tuple[int, int | None]] = (2, 2)
    differentiable: ClassVar[bool] = False  # proposals are constants: arXiv:1506.01497, section 3.2
    built_otherwise: ClassVar[bool] = True

    regions: Size = spec_field(Whole(), "boxes that are kept, in all classes")

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        boxes, scores = inputs
        _check_boxes(check, boxes, "needs boxes [number, 4], then scores")
        if len(scores.shape) > 2:
            raise RuleViolation("needs scores [number] or [number, classes]")
        number, scored = boxes.shape[0], scores.shape[0]
        check(number == scored, "needs a score for each box, not {} for {}", scored, number)
        check(
            self.regions <= scores.elements,
            "cannot keep {} of {} boxes",
            self.regions,
            scores.elements,
        )
        return TensorType((self.regions, boxes.shape[1]))

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        boxes, scores = inputs
        number = boxes.shape[0]
        return Work(
            vector_ops=_PER_AREA * number + _PER_PAIR * self.regions * number,
            input_elements=boxes.elements + scores.elements,
            output_elements=output.elements,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionPool(Layer):
    """What layers share that cut the features of boxes out of maps: the shape rule."""

    reads: ClassVar[Reads] = "image"
    makes: ClassVar[Makes] = "image"
    arity: ClassVar[tuple[int, int | None]] = (2, None)

    size: Any = spec_field(Pair(), "height and width of the output, in bins")

    def laid_out_inputs(self, count: int) -> int:
        return count - 1  # boxes are no image

    def infer(self, check: Check, *inputs: TensorType) -> TensorType:
        *maps, boxes = inputs
        order = "needs maps [channels, height, width], then boxes [number, 4]"
        _check_boxes(check, boxes, order)
        if any(len(x.shape) != 3 for x in maps):
            raise RuleViolation(order)
        channels = maps[0].shape[0]
        for x in maps[1:]:
            check(x.shape[0] == channels, "needs maps of equally many channels")
        return TensorType((boxes.shape[0], channels, *both(self.size)))

    def is_permuted(self, inputs: tuple[GradInput, ...]) -> bool:
        return True  # made channel by channel, for all boxes

    def _saved_samples(self, inputs: tuple[GradInput, ...], samples: int) -> Saved:
        """Saves the maps, and for each map the places of the points and its boxes' numbers."""
        *maps, boxes = inputs
        regions, (rows, columns) = boxes.type.shape[0], both(self.size)
        placed = regions * (2 * rows * columns * samples * samples + 1)
        return Saved(inputs=tuple(range(len(maps))), elements=len(maps) * placed)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoiAlign(RegionPool):
    """Means of bins of each box, from points between the elements of a map.

    Shapes      maps [C, H, W], one or the levels of a pyramid, then boxes [R, 4]
                -> [R, C, P, Q], the wanted size; each box is cut out of one map
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  8 * samples^2 per output element: 7 to interpolate a point as in `resize`, one
                for the mean; where points lie is the same for all channels and not counted
    Bytes       reads the boxes and the maps, each element once, but of maps no more than the 4
                elements around each point; writes R * C * P * Q
    Source      arXiv:1703.06870, section 3; torchvision documentation of roi_align
    """

    kind: ClassVar[str] = "roi_align"
    effort: ClassVar[Effort] = "pooling"

    samples: Size = spec_field(Whole(), "points in each direction of a bin", default=2)

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        *maps, boxes = inputs
        outputs = output.elements
        points = self.samples * self.samples * outputs
        stored = sum(x.elements for x in maps)
        return Work(
            vector_ops=8 * points,
            input_elements=smallest(stored, 4 * points) + boxes.elements,
            output_elements=outputs,
        )

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        return self._saved_samples(inputs, self.samples)


class RoiPool(RegionPool):
    """Largest elements of bins of each box.

    Shapes      maps [C, H, W], one or the levels of a pyramid, then boxes [R, 4]
                -> [R, C, P, Q], the wanted size; each box is cut out of one map
    Mult-adds   0
    Weights     0
    Params      0
    Vector ops  R * C * (H + P - 1) * (W + Q - 1) comparisons: an upper bound, with every box as
                large as the map (the largest of several) and bins that overlap by one row and
                one column, which is what rounding outwards makes of them
    Bytes       reads the boxes and the maps, each element once, but no more than are compared;
                writes R * C * P * Q
    Source      arXiv:1504.08083, section 2.1; torchvision documentation of roi_pool
    """

    __slots__ = ()

    kind: ClassVar[str] = "roi_pool"
    effort: ClassVar[Effort] = "pooling"

    def work(self, inputs: tuple[TensorType, ...], output: TensorType) -> Work:
        *maps, boxes = inputs
        rows, columns = both(self.size)
        visited = [
            (height + (rows - 1)) * (width + (columns - 1))
            for _, height, width in (x.shape for x in maps)
        ]
        compared = boxes.shape[0] * maps[0].shape[0] * reduce(largest, visited)
        stored = sum(x.elements for x in maps)
        return Work(
            vector_ops=compared,
            input_elements=smallest(stored, compared) + boxes.elements,
            output_elements=output.elements,
        )

    def saved_tensors(self, inputs: tuple[GradInput, ...], output: TensorType) -> Saved:
        # Of two by two points in each bin: torch alone has no layer that looks at every element.
        saved = self._saved_samples(inputs, 2)
        return saved._replace(output=True, elements=saved.elements + 4 * output.elements)
