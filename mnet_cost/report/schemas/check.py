"""JSON Schema of the document of `mnet-cost check`."""

from __future__ import annotations

from mnet_cost.budgets.network_ranges import MAX_STORED
from mnet_cost.budgets.verdicts import VERDICTS
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.schemas.analysis import KNOBS, analysis_schema
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


def check_schema() -> Json:
    """A verdict for each limit, and the analyses that they rest on."""
    analysis = analysis_schema()
    head = {
        "schema": {"description": "Name and version of this part.", "const": schema_id("analysis")}
    }
    notes = {"notes": listed(text("a sentence"), "empty: those of the check are its own")}
    analysis["properties"] = head | analysis["properties"] | notes
    analysis["required"] = ["schema", *analysis["required"], "notes"]
    return record(
        {
            "verdict": text("the worst of all checks", *VERDICTS),
            "fail_on": listed(text("a verdict that fails", *VERDICTS)),
            "failing": whole("checks that fail"),
            "counts": record({verdict: whole("checks with this verdict") for verdict in VERDICTS}),
            "without_budget": listed(text("a model for which there is no budget")),
            "skipped": listed(text("a file that is neither a model nor budgets")),
            "checks": listed(_check(), "one for each limit, network, setting and device"),
            "analyses": listed(analysis, "of each setting; of a range, of its worst settings"),
            "ranges": listed(_range(), "numbers of all settings, for --baseline"),
        },
        "Verdicts on the budgets of some networks: `mnet-cost check`.",
    )


def _check() -> Json:
    value = scalar("a value of a knob")
    return record(
        {
            "network": text("name of the model, with its variant"),
            "spec": text("path of the spec"),
            "variant": maybe(text("of the model")),
            "at": mapped(text("values, as they were written"), "the knobs that the budget sets"),
            "setting": KNOBS | {"description": "all knobs; of a range those of the worst setting"},
            "batch": whole("examples per inference"),
            "precision": text("of the analysis"),
            "device": maybe(text("name of the profile, of a metric of a device")),
            "part": maybe(text("path of the layer, block or entry, where it is of one")),
            "metric": text("what is limited, with its unit"),
            "verdict": text("on this limit", *VERDICTS),
            "fails": flag("whether it fails the check"),
            "value": maybe(number("in the unit of the metric; of a range the worst")),
            "low": maybe(number("low end of its band; the value itself where it is exact")),
            "high": maybe(number("high end of its band; null for a lower bound")),
            "limit": maybe(number("the most that it may be, in the unit of the metric")),
            "warn": maybe(number("over this there is a warning")),
            "why": maybe(text("why it is undecided, where that is not its band")),
            "reason": maybe(text("why there is this limit, as the budget says")),
            "file": maybe(text("where the limit is written")),
            "line": maybe(whole("where in the file")),
            "settings": maybe(_settings(value)),
            "baseline": maybe(
                record(
                    {
                        "name": text("the file or revision that it is compared with"),
                        "is_new": flag("whether the baseline has no such network at all"),
                        "value": maybe(number("what it was, in the unit of the metric")),
                        "precision": text("that of the number in the baseline"),
                        "tolerance": number("the share by which it may grow"),
                        "causes": listed(
                            record(
                                {
                                    "text": text("what changed"),
                                    "change": number("what that adds, in the unit of the metric"),
                                    "places": listed(_place(), "where it stands"),
                                    "past_places": listed(
                                        _place(), "where it stood, of what is not there any more"
                                    ),
                                }
                            ),
                            "what made it grow, the largest first",
                        ),
                    },
                    "where it is compared with what it was before",
                )
            ),
            "entries": listed(
                record(
                    {
                        "name": text("an entry of the spec"),
                        "path": text("the file in which it stands"),
                        "line": whole("where in the file"),
                        "share": number("of the number, from 0 to 1"),
                    }
                ),
                "what costs most, where the limit is not kept",
            ),
            "changes": maybe(
                listed(
                    record(
                        {
                            "knob": text("a knob"),
                            "value": scalar("with which no limit of the budget would fail"),
                            "present": scalar("its value now"),
                        }
                    ),
                    "for each knob alone the smallest change that would pass; null where it was "
                    "not looked for",
                )
            ),
        }
    )


def _place() -> Json:
    return record({"path": text("a file"), "line": whole("where in the file")})


def _range() -> Json:
    value = KNOBS["additionalProperties"]
    return record(
        {
            "name": text("name of the spec"),
            "spec": text("path of the spec"),
            "variant": maybe(text("variant of the spec")),
            "knobs": KNOBS | {"description": "those of one value, the batch apart"},
            "stated": listed(text("a knob of these that was set")),
            "batch": maybe(whole("examples per inference; null where it is one of the axes")),
            "precision": text("number format of weights and activations"),
            "axes": mapped(listed(value), "the values of each other knob"),
            "points": whole("all combinations of these, the last knob varying first"),
            "numbers": maybe(
                mapped(
                    listed(maybe(number("at a setting; null where it is not known"))),
                    "of each metric with its unit, with @DEVICE where it is of one; null where "
                    f"there are more than {MAX_STORED:,} settings",
                )
            ),
        }
    )


def _settings(value: Json) -> Json:
    return record(
        {
            "points": whole("settings of the range"),
            **{verdict: whole("settings with this verdict") for verdict in VERDICTS},
            "broken": listed(
                record({"points": whole("how many"), "cause": text("why they are no network")})
            ),
            "worst": maybe(mapped(value, "the setting whose number is largest")),
            "kept": mapped(
                listed(value),
                "of each knob the values with which no setting fails, whatever the others are",
            ),
        },
        "where the limit is for all values of a range",
    )
