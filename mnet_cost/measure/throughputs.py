"""Throughput that is given as latency: what a row or a file says of images a second.

Where inferences overlap, each takes longer than the time between two, so neither follows from the
other. Not here: latencies that are no latencies for other reasons.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_COLUMN = re.compile(r"(^|[\s_-])(fps|ips|qps|throughput)($|[\s_-])|(images|inferences)_per_s")
_WORDS = re.compile(
    r"\bthroughput\b|\bpipelin|in flight|concurren|in parallel"
    r"|\bparallel (request|inference|stream)",
    re.IGNORECASE,
)
"""What is said of inferences that overlap. A name such as `throughput_fps` is one of a column."""
_DENIED = re.compile(
    r"\b(no|not|none|nothing|never|without)\s+(throughput|pipelin\w*|concurren\w*|in flight)"
    r"|\b(1|one) (request|inference)s? in flight",
    re.IGNORECASE,
)
_ONE_BY_ONE = re.compile(r"\bone at a time\b|\bone (\w+ )?after (an|the )other\b", re.IGNORECASE)
_EQUAL = 2e-3
"""Relative difference of a latency and 1000 / images a second that rounding makes."""

NO_LATENCY = "where inferences overlap, each takes longer than the time between two of them"


def throughput_column(header: Sequence[str]) -> str | None:
    """The first column whose name says images, inferences or queries a second."""
    return next((name for name in header if _COLUMN.search(name.casefold())), None)


def says_throughput(measured_as: str) -> bool:
    """Whether words on how a time was measured say that it is none of a single inference."""
    if _ONE_BY_ONE.search(measured_as):
        return False
    return bool(_WORDS.search(_DENIED.sub("", measured_as)))


def is_inverse(row: Mapping[str, str], column: str) -> bool | None:
    """Whether a row's latency is that of its images, or inferences, a second; None where it has
    not both as numbers, or where it says how it was measured."""
    if row.get("measured_as", "").strip():
        return None
    try:
        milliseconds, rate = float(row.get("latency_ms", "")), float(row.get(column, ""))
        batch = float(row.get("batch", "").strip() or 1)
    except ValueError:
        return None
    product = milliseconds * rate / 1e3  # inferences in flight, or images
    return any(abs(product - expected) <= _EQUAL * expected for expected in (1.0, batch))
