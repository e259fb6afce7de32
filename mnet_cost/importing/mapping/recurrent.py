"""The final states of recurrent layers, of any dialect."""

from __future__ import annotations

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.movement import concat, slice_of
from mnet_cost.importing.mapping.values import Value


def last_states(b: Builder, states: Value, *, is_reverse: bool = False) -> Value:
    """Of states [N, T, directions, H] those of the last steps [N, directions, H]: backward, which
    the second direction is, the last step is the first position."""
    directions = states.shape[2]
    parts = []
    for direction in range(directions if isinstance(directions, int) else 1):
        one = slice_of(b, states, 2, direction, direction + 1)
        backward = is_reverse or direction == 1
        parts.append(slice_of(b, one, 1, 0, 1) if backward else slice_of(b, one, 1, -1, None))
    last = parts[0] if len(parts) == 1 else concat(b, parts, 2)
    return b.reshaped(last, (states.shape[0], directions, states.shape[3]))
