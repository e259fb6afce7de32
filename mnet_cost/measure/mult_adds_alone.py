"""Times by mult-adds alone: what a fit must be better than.

One rate for all networks, by which the median network is right. Not here: fits that know of more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnet_cost.measure.arrays import Array, Mask


def left_out_by_mult_adds(
    mult_adds: Array, seconds: Array, groups: Sequence[str], small: Mask
) -> Array:
    """Seconds of each row [rows] at the rate of the other networks; NaN where nothing tells.

    Rows of one of the `groups` are left out together. `small` are small graphs, whose rates are
    those of their kinds of layers: they tell the rate where no other network does.
    """
    named, predicted = np.array(groups), np.full(len(seconds), np.nan)
    multiply = mult_adds > 0
    for group in dict.fromkeys(groups):
        out = (named == group) & ~small
        others = multiply & (named != group)
        networks = others & ~small
        told_by = networks if networks.any() else others
        if out.any() and told_by.any():
            rate = np.median(seconds[told_by] / mult_adds[told_by])
            predicted[out & multiply] = rate * mult_adds[out & multiply]
    return predicted
