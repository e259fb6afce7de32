"""The terms of a fitted time: what a kernel can ask of a device that has a coefficient of its own.

A coefficient is relative: 1 is what a multiplication in a large 1x1 convolution takes, so one
number, the scale, tells a device from another, and deviations from the shared coefficients tell the
rest. Names of terms are keys of profiles. What a kernel's amounts are is known to the analysis
(`analysis/terms`).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Part = Literal["compute", "memory", "overhead"]


class Term(NamedTuple):
    """One amount of a kernel that has a cost coefficient."""

    name: str
    part: Part
    """What the time is shown as."""
    amount: str


TERMS = (
    Term("pointwise", "compute", "multiplications of 1x1 convolutions"),
    Term("winograd", "compute", "multiplications of 3x3 convolutions with Winograd tiles"),
    Term("winograd_tiles", "compute", "elements of such tiles, transformed forth and back"),
    Term("dense", "compute", "multiplications of other k x k convolutions, beside Winograd"),
    Term("windows", "compute", "multiplications of k x k convolutions as matrix products"),
    Term("stem", "compute", "multiplications of convolutions of at most 4 input channels"),
    Term("matmul", "compute", "multiplications of matrix products outside of convolutions"),
    Term("depthwise_3x3", "compute", "multiplications of depthwise convolutions up to 3x3"),
    Term("depthwise_5x5", "compute", "multiplications of larger depthwise convolutions"),
    Term("unpacked", "compute", "multiplications whose channels do not fill the packs"),
    Term("unpacked_depthwise", "compute", "the same in depthwise convolutions"),
    Term("depthwise_elements", "memory", "elements in and out of depthwise convolutions"),
    Term("pointwise_elements", "memory", "elements in and out of 1x1 convolutions and products"),
    Term("dense_elements", "memory", "elements in and out of other convolutions"),
    Term("weights", "memory", "weights of convolutions and of products with many rows"),
    Term("vector_weights", "memory", "weights of products with a single row: each is used once"),
    Term("pooling", "memory", "elements into pooling, and out of it times a side of the window"),
    Term("elementwise", "memory", "elements in and out of sums, products, clamps, norms"),
    Term("curve", "compute", "elements in and out of functions with an exponential or a root"),
    Term("move", "memory", "elements in and out of what only moves them, many at once"),
    Term("permute", "memory", "elements in and out of what only moves them, a few at once"),
    Term("lrn", "compute", "elements in and out of local response norms"),
    Term("resize", "compute", "elements that an interpolation makes"),
    Term("softmax", "compute", "operations of attention beside its products"),
    Term("unpacked_pooling", "compute", "elements of windows that are averaged outside of packs"),
    Term("far_weights", "memory", "weights that no cache holds until the next inference"),
    Term("far_elements", "memory", "elements in and out that no cache holds"),
    Term("kernel", "overhead", "kernel launches"),
    Term("move_kernels", "overhead", "kernels of what only moves elements"),
    Term("groups", "overhead", "groups of convolutions, where each is a convolution of its own"),
    Term("image", "memory", "elements of images normalized by stored numbers"),
    Term("inference", "overhead", "inferences"),
)
"""Amounts are in millions; what is overhead is counted."""

TERM_NAMES = tuple(term.name for term in TERMS)

PRODUCTS = frozenset(("pointwise", "winograd", "dense", "windows", "stem", "matmul", "unpacked"))
"""Terms whose products are summed over channels. Instructions for 8-bit dot products take four
times as many of these as others do, and gain nothing elsewhere (Arm, SDOT; Intel, VPDPBUSD)."""


def moved_together(deviation: float) -> tuple[float, ...]:
    """`deviation` for each term but `PRODUCTS`, which have 0, in the order of `TERMS`."""
    return tuple(0.0 if name in PRODUCTS else deviation for name in TERM_NAMES)


INFERENCE = TERM_NAMES.index("inference")
"""The term of an inference as a whole: no kernel has it."""
