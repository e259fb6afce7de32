"""Lists that stand in data more than once, kept once.

A network's structures have most columns in common. What compresses a page does not look back far
enough to see that.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

_SHORT = 8
"""Shorter lists are not worth a reference."""


def shared_lists(data: Any) -> tuple[Any, list[Any]]:
    """`data` with `{"shared": i}` for each list that is there twice or more, and these lists."""
    counts: Counter[str] = Counter()
    _count(data, counts)
    shared: dict[str, int] = {}
    lists: list[Any] = []

    def replaced(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: replaced(item) for key, item in value.items()}
        if not isinstance(value, list):
            return value
        if _is_long(value):
            key = json.dumps(value)
            if counts[key] > 1:
                if key not in shared:
                    shared[key] = len(lists)
                    lists.append(value)
                return {"shared": shared[key]}
        return [replaced(item) for item in value]

    return replaced(data), lists


def _is_long(value: list[Any]) -> bool:
    return len(value) > _SHORT


def _count(value: Any, counts: Counter[str]) -> None:
    """Count the long lists in a value; what is in a list that is there already is not looked at."""
    if isinstance(value, dict):
        for item in value.values():
            _count(item, counts)
    elif isinstance(value, list):
        if _is_long(value):
            key = json.dumps(value)
            counts[key] += 1
            if counts[key] > 1:
                return
        for item in value:
            _count(item, counts)
