"""Functions of built modules that read and write at positions, and that go along an axis.

Written source has their text, as that of `modules.py`, so they need torch alone. Positions below 0
count from the end, and those beyond an axis go round it, so that whatever is calculated is one.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def gather_elements(x: Tensor, positions: Tensor, axis: int) -> Tensor:
    """Elements of x along an axis below 0: positions have as many axes as x."""
    return torch.gather(x, axis, positions.long() % x.shape[axis])


def scatter_elements(
    x: Tensor, positions: Tensor, updates: Tensor, axis: int, operation: str
) -> Tensor:
    """x with `updates` at positions along an axis below 0, all of which have as many axes."""
    return put_at(x, positions.long() % x.shape[axis], updates, axis, operation)


def put_at(x: Tensor, index: Tensor, updates: Tensor, axis: int, operation: str) -> Tensor:
    """As `scatter_elements`, for an index of torch."""
    if operation == "assign":
        return x.scatter(axis, index, updates)
    if operation == "add":
        return x.scatter_add(axis, index, updates)
    reduction = {"multiply": "prod", "maximum": "amax", "minimum": "amin"}[operation]
    return x.scatter_reduce(axis, index, updates, reduction)


def joined_axes(x: Tensor, first: int, count: int) -> Tensor:
    """x with `count` axes from `first` on as one; with a new one of size 1 where there is none."""
    return x.flatten(first, first + count - 1) if count else x.unsqueeze(first)


def slices_at(
    x: Tensor, positions: Tensor, at: tuple[int, int, int, int], sizes: tuple[int, ...]
) -> tuple[Tensor, Tensor]:
    """x as [S, A, n, R], and positions [S, P] among the n, as an index of [S, A, P, R].

    `at` is how many axes S (with N), A, P and R have. `sizes` are those of the axes that tuples in
    the last axis of the positions count along; there are none where positions are single numbers.
    """
    shared, ahead, placed, behind = at
    flat = joined_axes(x, 0, shared)
    flat = joined_axes(flat, 1, ahead)
    flat = joined_axes(flat, 2, max(len(sizes), 1))
    flat = joined_axes(flat, 3, behind)
    whole = positions.long()
    if sizes:
        parts = [whole[..., i] % size for i, size in enumerate(sizes)]
        whole = parts[0]
        for part, size in zip(parts[1:], sizes[1:], strict=True):
            whole = whole * size + part
    else:
        whole = whole % flat.shape[2]
    index = joined_axes(joined_axes(whole, 0, shared), 1, placed)[:, None, :, None]
    return flat, index.expand(-1, flat.shape[1], -1, flat.shape[3])


def gather_slices(
    x: Tensor,
    positions: Tensor,
    at: tuple[int, int, int, int],
    sizes: tuple[int, ...],
    shape: tuple[int, ...],
) -> Tensor:
    """Slices of x at positions, see `slices_at`, as [N, *shape]."""
    flat, index = slices_at(x, positions, at, sizes)
    return torch.gather(flat, 2, index).reshape(-1, *shape)


def scatter_slices(
    x: Tensor,
    positions: Tensor,
    updates: Tensor,
    at: tuple[int, int, int, int],
    sizes: tuple[int, ...],
    operation: str,
) -> Tensor:
    """x with slices at positions, see `slices_at`."""
    flat, index = slices_at(x, positions, at, sizes)
    made = put_at(flat, index, updates.reshape(index.shape), 2, operation)
    return made.reshape(x.shape)


def accumulate(x: Tensor, axis: int, operation: str, exclusive: bool, reverse: bool) -> Tensor:
    """Sums or products of all elements up to each one along an axis below 0."""
    if reverse:
        x = x.flip(axis)
    made = x.cumprod(axis) if operation == "product" else x.cumsum(axis)
    if exclusive:
        first = torch.full_like(made.narrow(axis, 0, 1), float(operation == "product"))
        made = torch.cat((first, made.narrow(axis, 0, made.shape[axis] - 1)), axis)
    return made.flip(axis) if reverse else made


def fold_windows(
    x: Tensor,
    size: tuple[int, int],
    kernel: tuple[int, int],
    dilation: tuple[int, int],
    pads: tuple[int, int, int, int],
    stride: tuple[int, int],
) -> Tensor:
    """Windows [N, C * h * w, L] added up to an image; `pads` is (left, right, top, bottom)."""
    left, right, top, bottom = pads
    whole = F.fold(x, (size[0] + top + bottom, size[1] + left + right), kernel, dilation, 0, stride)
    return whole[:, :, top : top + size[0], left : left + size[1]].contiguous()
