"""A figure of a very long network: its middle as one box with the sums, since nobody reads more.

Not here: graph files, which have all boxes.
"""

from __future__ import annotations

from collections.abc import Sequence

from mnet_cost.drawing.diagram import Box, Diagram, Part

MOST_BOXES = 1000


def folded(diagram: Diagram) -> Diagram:
    """The diagram with at most `MOST_BOXES`: of more, those in the middle are one.

    Boxes stand in the order in which they run, so the arrows make no circle.
    """
    boxes = diagram.boxes
    left_out = len(boxes) - MOST_BOXES + 1
    if left_out < 2:
        return diagram
    start = MOST_BOXES // 2
    end = start + left_out
    number_of = [
        number if number < start else max(start, number - left_out + 1)
        for number in range(len(boxes))
    ]
    arrows = {(number_of[a], number_of[b]) for a, b in diagram.arrows}
    return diagram._replace(
        boxes=(*boxes[:start], _joined(boxes[start:end]), *boxes[end:]),
        arrows=tuple(sorted((a, b) for a, b in arrows if a != b)),
    )


def _joined(boxes: Sequence[Box]) -> Box:
    """Boxes as one; what is unknown of one of them is unknown."""
    counted = [box for box in boxes if box.layers]
    is_known = all(box.mult_adds is not None for box in counted)
    times = [box.time_s for box in counted if box.time_s is not None]
    shares = [box.share for box in counted if box.share is not None]
    amounts: dict[str, float] = {}
    for part in (part for box in counted for part in box.parts):
        amounts[part.variety] = amounts.get(part.variety, 0.0) + part.amount
    return Box(
        f"{boxes[0].name} ... {boxes[-1].name}",
        f"{len(boxes):,} boxes, not drawn",
        boxes[-1].shape,
        layers=sum([box.layers for box in counted]),
        mult_adds=sum([box.mult_adds or 0 for box in counted]) if is_known else None,
        params=sum([box.params or 0 for box in counted]) if is_known else None,
        time_s=sum(times) if is_known and times else None,
        share=sum(shares) if is_known and shares else None,
        variety=max(amounts, key=amounts.__getitem__, default="other"),
        parts=tuple([Part(variety, amount) for variety, amount in amounts.items()]),
    )
