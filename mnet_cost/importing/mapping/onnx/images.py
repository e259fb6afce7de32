"""Operators of ONNX that cut features out of images, or say where to."""

from __future__ import annotations

from collections.abc import Mapping

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.convolutions import plain_sizes
from mnet_cost.importing.mapping.images import fold, grid_sample
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.movement import slice_of
from mnet_cost.importing.mapping.onnx.convolutions import per_axis
from mnet_cost.importing.mapping.onnx.reading import sizes_of, whole
from mnet_cost.importing.mapping.products import matmul
from mnet_cost.importing.mapping.regions import region_pool
from mnet_cost.importing.mapping.stored import constant
from mnet_cost.importing.mapping.values import Unmapped, Value
from mnet_cost.tensors import product


def roi_align(b: Builder, call: Call) -> Value:
    """RoiAlign: means of points in each bin of a box."""
    if call.get("mode", "avg") != "avg":
        raise Unmapped("takes the largest of the points in a bin")
    samples = call.get("sampling_ratio", 0)
    if samples < 1:
        raise Unmapped("has as many points in a bin as a box is large, which depends on values")
    size = (call.get("output_height", 1), call.get("output_width", 1))
    return region_pool(
        b,
        "roi_align",
        call.input(0),
        call.input(1),
        size,
        {"samples": None if samples == 2 else samples},
    )


def roi_pool(b: Builder, call: Call) -> Value:
    """MaxRoiPool: of boxes [R, 5], which have the number of their map in front."""
    boxes, size = call.input(1), call.get("pooled_shape", ())
    if boxes.rank != 2 or len(size) != 2:
        raise Unmapped("is of boxes [R, 5], and of two sizes")
    corners = slice_of(b, boxes, 1, 1, None)
    return region_pool(b, "roi_pool", call.input(0), corners, (size[0], size[1]), {})


def affine_grid(b: Builder, call: Call) -> Value:
    """AffineGrid: positions [N, H, W, 2] of an image that is turned by matrices [N, 2, 3]; those
    of a volume have one axis and one number more."""
    theta, sizes = call.input(0), sizes_of(call.input(1))
    axes = len(sizes) - 2
    if axes not in (2, 3) or theta.rank != 3 or theta.shape[1:] != (axes, axes + 1):
        raise Unmapped("is of matrices that do not fit its sizes")
    positions = plain_sizes(sizes[2:])
    places = constant(b, (product(tuple(positions)), axes + 1), theta.dtype, None)
    made = matmul(b, places, theta, transpose_second=True)
    return b.reshaped(made, (theta.shape[0], *positions, axes))


def sampled(b: Builder, call: Call) -> Value:
    """GridSample."""
    return grid_sample(
        b,
        call.input(0),
        call.input(1),
        call.get("mode", "linear"),
        call.get("padding_mode", "zeros"),
        bool(call.get("align_corners", 0)),
    )


def columns_to_image(b: Builder, call: Call) -> Value:
    """Col2Im of images."""
    size, kernel = (whole(sizes_of(call.input(i))) for i in (1, 2))
    axes = len(size)
    pads = list(call.get("pads", [0] * 2 * axes))
    stride, dilation = per_axis(call, "strides", axes), per_axis(call, "dilations", axes)
    if len(kernel) != axes or len(pads) != 2 * axes:
        raise Unmapped(f"has a window that does not fit {axes} axes")
    ends = list(zip(pads[:axes], pads[axes:], strict=True))
    return fold(b, call.input(0), size, kernel, stride, ends, dilation)


RULES: Mapping[str, Rule] = {
    "RoiAlign": roi_align,
    "MaxRoiPool": roi_pool,
    "AffineGrid": affine_grid,
    "GridSample": sampled,
    "Col2Im": columns_to_image,
}
