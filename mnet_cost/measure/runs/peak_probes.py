"""The fastest that one CPU multiplies and reads, by loops of NumPy and torch, in its own process.

Whoever starts it tells on its standard input when to begin, so that several on as many CPUs run at
the same time. Not here: how many there are, and what their rates say of the machine (`peaks.py`).

    python -m mnet_cost.measure.runs.peak_probes REQUEST
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any

READY = "ready"
SIDES = (256, 512, 1024)
"""Of the square matrices that are multiplied."""
_PRODUCT_S = 0.2
_READ_S = 0.06
_LEAST_BYTES = 1 << 24
"""That one call reads, so that calling takes none of the time."""


def _fastest(call: Callable[[], object], seconds: float) -> float:
    """Seconds of the fastest of the calls that fit into so many; of two at least."""
    call()
    end = time.perf_counter() + seconds
    fastest = float("inf")
    while True:
        start = time.perf_counter()
        call()
        now = time.perf_counter()
        fastest = min(fastest, now - start)
        if now >= end:
            return fastest


def products(with_torch: bool) -> Mapping[str, float]:
    """Mult-adds per second of products of float32 matrices, by the package and the side."""
    import numpy as np

    rates = {}
    for side in SIDES:
        a, b = (np.full((side, side), 0.5, np.float32) for _ in range(2))
        out = np.empty_like(a)
        seconds = _fastest(partial(np.matmul, a, b, out=out), _PRODUCT_S)
        rates[f"NumPy, {side} a side"] = side**3 / seconds
    if with_torch:
        import torch

        torch.set_num_threads(1)
        for side in SIDES:
            c, d = (torch.full((side, side), 0.5) for _ in range(2))
            made = torch.empty_like(c)
            seconds = _fastest(partial(torch.mm, c, d, out=made), _PRODUCT_S)
            rates[f"torch, {side} a side"] = side**3 / seconds
    return rates


def reads(sizes: list[int]) -> list[float]:
    """Bytes per second that are read of working sets of so many bytes, by the fastest loop."""
    return [max(size * loops / seconds for loops, seconds in _loops(size)) for size in sizes]


def _loops(size: int) -> Iterator[tuple[int, float]]:
    """How often each loop goes over the working set, and the seconds it takes."""
    import numpy as np
    from numpy.lib.stride_tricks import as_strided

    words = np.ones(size // 8, np.uint64)
    again = max(1, _LEAST_BYTES // size)
    for view, reduce in (
        (words.view(np.uint8), np.maximum.reduce),
        (words, np.bitwise_or.reduce),
        (words.view(np.float32), np.maximum.reduce),
    ):
        # Rows that all are the same memory: the loop over them is in C.
        rows = as_strided(view, (again, len(view)), (0, view.itemsize))
        out = np.empty(again, view.dtype)
        yield again, _fastest(partial(reduce, rows, axis=1, out=out), _READ_S)


def _child(request: Mapping[str, Any]) -> Mapping[str, Any]:
    if request["cpu"] is not None and hasattr(os, "sched_setaffinity"):
        with suppress(OSError):
            os.sched_setaffinity(0, {request["cpu"]})
    # Imported before all begin.
    import_module("numpy")
    with_torch = request["torch"]
    if with_torch:
        try:
            import_module("torch")
        except Exception:  # one that is broken
            with_torch = False
    print(READY, flush=True)
    sys.stdin.readline()
    return {"products": products(with_torch), "reads": reads(request["reads"])}


if __name__ == "__main__":
    print(json.dumps(_child(json.loads(sys.argv[1]))), flush=True)
