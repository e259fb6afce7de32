"""Arrays of numbers, as the fits and what calls them write them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

Mask = NDArray[np.bool_]
"""Which rows are meant."""
