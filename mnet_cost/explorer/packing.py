"""Data and programs as they stand in a page: gzip, base64."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any


def text_of(data: Any) -> str:
    """JSON without spaces."""
    return json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def packed(text: str) -> str:
    """gzip, base64; the same for the same text."""
    return base64.b64encode(
        gzip.compress(text.encode("utf-8", "backslashreplace"), 9, mtime=0)
    ).decode("ascii")


def packed_bytes(data: Any) -> int:
    """How many bytes data takes in a page."""
    return len(packed(text_of(data)))
