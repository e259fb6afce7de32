"""JSON Schema of the document of `mnet-cost fit`."""

from __future__ import annotations

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


def fit_schema() -> Json:
    size = record(
        {
            "reference": text("what `analyze` and `compare` take"),
            "precision": text("of the analysis"),
            "knobs": mapped(scalar("a value"), "values of the knobs that were tried"),
            "aim": maybe(number("what the best has most or least of")),
            "fits": flag("whether it is within all limits"),
            "uses": listed(
                record(
                    {
                        "column": text("what is limited"),
                        "value": maybe(
                            number("what it has; with a confidence, the end of the band")
                        ),
                        "share": maybe(number("of what is allowed")),
                        "over": maybe(number("by how much it is over; at most 0 within")),
                    }
                ),
                "in the order of `limits`",
            ),
            "columns": mapped(maybe(scalar("a value")), "its costs, by columns of a sweep"),
        }
    )
    return record(
        {
            "aim": record(
                {
                    "name": text("a metric, or a knob"),
                    "better": text("what of it is better", "less", "more"),
                }
            ),
            "confidence": maybe(number("of being within limits on times and energies")),
            "precisions": listed(text("of the analysis")),
            "devices": listed(text("name of a profile")),
            "models": listed(
                record(
                    {
                        "name": text("a network, as it was asked for"),
                        "axes": mapped(listed(scalar("a value")), "values of each knob"),
                    }
                )
            ),
            "left_out": listed(
                record({"name": text("a network"), "why": text("why it cannot be compared")})
            ),
            "limits": listed(
                record(
                    {
                        "column": text("what is limited"),
                        "is": text("which end", "most", "least"),
                        "value": number("in the unit of the column"),
                        "binds": flag("whether the next better size is over it"),
                    }
                )
            ),
            "points": whole("all settings of all networks"),
            "valid": whole("those that are a network"),
            "within": whole("those within all limits, before the gaps of arenas"),
            "too_large_arenas": whole("of these, those that have no room with the gaps"),
            "undecided": listed(
                record(
                    {
                        "column": text("what is limited and not known"),
                        "precision": text("at which precision"),
                        "points": whole("how many are within all limits that are known"),
                    }
                ),
                "points that may fit",
            ),
            "best": maybe(size),
            "sizes": listed(size, "the best within the limits, best first"),
            "beyond": listed(size, "better sizes over a limit, the closest to the limits first"),
            "steps": listed(
                record(
                    {
                        "knob": text("which knob"),
                        "value": scalar("its next value"),
                        "size": maybe(size),
                    }
                ),
                "one step of one knob away from the best",
            ),
            "line": maybe(
                record(
                    {
                        "across": text("a knob"),
                        "along": text("another knob"),
                        "rows": listed(
                            record({"value": scalar("of the first"), "size": maybe(size)})
                        ),
                    },
                    "the best size for each value of a knob",
                )
            ),
            "networks": listed(
                record({"name": text("a network"), "best": maybe(size)}),
                "the best size of each network",
            ),
            "closest": maybe(size),
        },
        "The best size within limits: `mnet-cost fit`.",
    )
