"""JSON Schema of the document of `mnet-cost reconcile`."""

from __future__ import annotations

from typing import get_args

from mnet_cost.reconciliation.types import Verdict
from mnet_cost.report.schemas.parts import (
    Json,
    flag,
    listed,
    mapped,
    maybe,
    number,
    record,
    scalar,
    text,
    whole,
)


def reconcile_schema() -> Json:
    change = {"description": "what it adds; negative where it takes away", "type": "integer"}
    what = text("the cause, in words")
    about = {
        "layers": listed(text("path of a layer"), "those it is about, if not all of a kind"),
        "known": maybe(text("tools that are known to count so, where it is a defect")),
    }
    cause = record({"what": what, "mult_adds": change, **about})
    explanation = record(
        {
            "verdict": text("how it meets the number", *get_args(Verdict)),
            "conventions": listed(
                text("name"), "conventions that count so; none where it is a sum of elements"
            ),
            "knobs": mapped(
                scalar("a value"),
                "knobs with another value than was asked for; `input` "
                "is the size of an image that no knob sets",
            ),
            "factor": whole("2 where the number is of FLOPs, else 1"),
            "total": whole("what is counted so, without rounding"),
            "causes": listed(cause, "they add up to the number less our mult-adds"),
            "uncounted": listed(
                record({"what": what, **about}), "how layers are taken that add nothing to ours"
            ),
        }
    )
    figure = record(
        {
            "number": text("as given"),
            "tool": maybe(text("who printed it, where that is said")),
            "printed": whole("the number"),
            "step": number("the value of a 1 in its last digit"),
            "explained": flag("whether a reading gives it"),
            "explanations": listed(explanation, "the best first; the closest if none gives it"),
            "suspects": listed(
                record({"what": text("layers"), "mult_adds": whole("their count")}),
                "layers whose count is close to a gap that nothing explains",
            ),
            "uncovered": listed(
                text("path of a layer"), "layers of which it is not known what the tool counts"
            ),
        }
    )
    return record(
        {
            "model": text("name of the spec"),
            "knobs": mapped(scalar("a value"), "values of all knobs"),
            "mult_adds": whole("ours, of the whole batch"),
            "lower_bound": flag("whether layers of unknown work are left out of ours"),
            "unmodelled": listed(text("path of a layer"), "layers of unknown work"),
            "numbers": listed(figure, "in the order in which they were given"),
        },
        "Why others print another number of mult-adds: `mnet-cost reconcile`.",
    )
