"""JSON Schema of the document of `mnet-cost sweep`."""

from __future__ import annotations

from mnet_cost.report.schemas.parts import (
    Json,
    listed,
    mapped,
    maybe,
    number,
    record,
    scalar,
    text,
    whole,
)


def sweep_schema() -> Json:
    point = mapped(maybe(scalar("a value")), "a point: each column of the sweep, by its name")
    return record(
        {
            "models": listed(text("a network, as it was asked for")),
            "precisions": listed(text("of the analysis")),
            "devices": listed(text("name of a profile")),
            "convention": text("how mult-adds are counted"),
            "axes": mapped(listed(scalar("a value")), "values of each swept knob"),
            "points": whole("all combinations, at all precisions"),
            "valid": whole("those that are a network"),
            "broken": listed(
                record({"points": whole("how many"), "cause": text("why they are no network")})
            ),
            "objectives": listed(
                record(
                    {
                        "column": text("what the front is over"),
                        "better": text("what of it is better", "less", "more"),
                    }
                ),
                "the first is the one that `top` is by",
            ),
            "accuracies": listed(
                record(
                    {
                        "model": text("whose accuracies they are"),
                        "column": text("which column has them"),
                        "dataset": maybe(text("what they were measured on")),
                        "sources": listed(
                            text("who prints them"),
                            "where several print one for a point, the first counts; between "
                            "points, that of the first alone is interpolated",
                        ),
                    }
                ),
                "where accuracies are from",
            ),
            "selection": maybe(
                record(
                    {
                        "method": text("how", "sample", "evolution", "optuna", "exact"),
                        "count": maybe(whole("samples or evaluations of each network")),
                        "seed": maybe(whole("of what was drawn")),
                        "spaces": listed(
                            record(
                                {
                                    "model": text("the network, as it was asked for"),
                                    "combinations": text("of all options, a whole number"),
                                    "one_by_one": whole("networks that were analyzed whole"),
                                    "why_one_by_one": maybe(
                                        text("where tables of blocks are not exact")
                                    ),
                                }
                            )
                        ),
                    },
                    "how networks of design spaces were chosen",
                )
            ),
            "limits": listed(
                record(
                    {
                        "column": text("what is limited"),
                        "is": text("which end", "most", "least"),
                        "value": number("in the unit of the column"),
                    }
                ),
                "points over them are on no front",
            ),
            "within_limits": whole("points that are within all limits"),
            "near_ties": maybe(
                whole("points that are off the front by less than the error of a ratio of times")
            ),
            "metrics": mapped(
                record(
                    {
                        "least": number("over all points"),
                        "most": number("over all points"),
                        "known": whole("points of which it is known"),
                    }
                ),
                "by column; its name has the unit and the device",
            ),
            "front": listed(point, "points that no other is better than"),
            "top": listed(point, "the best by the first objective, where --top asks for them"),
        },
        "Combinations of knob values of some networks: `mnet-cost sweep`.",
    )
