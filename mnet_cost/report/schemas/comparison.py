"""Schemas of comparisons and explanations."""

from __future__ import annotations

from typing import get_args

from mnet_cost.differences.compare import COMPARED
from mnet_cost.differences.diff import Status
from mnet_cost.differences.reasons import What
from mnet_cost.metrics import TOTALS
from mnet_cost.report.schemas.analysis import (
    AGREEMENT,
    BASIS,
    LIVE,
    analysis_keys,
    kernel_times,
)
from mnet_cost.report.schemas.parts import (
    ORIGIN,
    Json,
    flag,
    listed,
    maybe,
    metric_keys,
    number,
    record,
    text,
    whole,
)


def _analysis_part() -> Json:
    """Keys of one of several analyses in a document."""
    return {"name": text("as asked for"), "schema": text("of this part"), **analysis_keys()}


def compare_schema() -> Json:
    model = record(_analysis_part())
    ratio = {
        "name": text("name of the profile"),
        "latency_ratio": maybe(number("time over that of the first network")),
        "latency_ratio_low": maybe(number("low end of the range that holds 80 % of ratios")),
        "latency_ratio_high": maybe(number("its high end")),
        "tie": maybe(flag("whether it is not certain which is faster")),
        "same_kernels": flag("whether nothing that takes time differs"),
    }
    counts = {
        "model": text("as asked for"),
        "mult_adds": maybe(whole("of the part")),
        "params": maybe(whole("of the part")),
    }
    return record(
        {
            "baseline": text("the first network, which the ratios are to"),
            "models": listed(model, "the analysis of each network"),
            "ratios": listed(
                record(
                    {
                        "model": text("as asked for"),
                        **{
                            f"{total.key}_ratio": maybe(
                                number(f"{total.key} over that of the first")
                            )
                            for total in COMPARED
                        },
                        "devices": listed(record(ratio)),
                    }
                ),
                "figures of each network over those of the first",
            ),
            "ratio_breakdowns": listed(_breakdown(), "why ratios of times are not of mult-adds"),
            "differences": listed(
                record(
                    {
                        "by": text("what the part is", "layer", "block", "kind"),
                        "name": text("name of the part"),
                        "models": listed(record(counts), "networks that have it"),
                    }
                ),
                "parts that differ",
            ),
            "diff": maybe(_diff()),
        },
        "Networks side by side: `mnet-cost compare`.",
    )


def _diff() -> Json:
    times = listed(
        record(
            {
                "name": text("name of the profile"),
                "latency_ms": maybe(number("what is added to the time; null where one is unknown")),
            }
        )
    )
    changes = {
        total.file_key: maybe(
            {"description": f"what is added to: {total.meaning}", "type": "integer"}
        )
        for total in TOTALS
    }
    reason = {
        "what": text("what kind of reason", *get_args(What)),
        "text": text("in plain words"),
        "first": maybe(text("place in the first spec, as file:line")),
        "other": maybe(text("place in the other spec")),
    }
    cause = {
        "text": text("in plain words"),
        "reasons": listed(record(reason), "one, or several that act together"),
        "layers": listed(text("name of a layer"), "those that are changed, added or removed"),
        "follows": listed(text("name of a layer"), "those whose inputs have other types"),
        "changes": record(changes, "null where a total is not known"),
        "devices": times,
    }
    field = {
        "name": text("of the field"),
        "first": text("its value"),
        "other": text("its other value"),
    }
    layer = {
        "status": text("what became of it", *get_args(Status)),
        "kind": text("kind of layer"),
        "first": maybe(text("its name in the first network")),
        "other": maybe(text("its name in the other network")),
        "fields": listed(record(field), "fields that differ"),
        "causes": listed(text("reason, in plain words")),
        "mult_adds": {"description": "what it adds to the difference", "type": "integer"},
        "params": {"description": "what it adds to the difference", "type": "integer"},
    }
    return record(
        {
            "first": text("the first network, which changes start from"),
            "other": text("the other network"),
            "totals": record(changes, "the other's less the first's"),
            "devices": times,
            "causes": listed(record(cause), "they add up to `totals` and `devices`"),
            "layers": listed(record(layer), "all layers of both networks"),
        },
        "of two networks: what differs, and what each cause adds; null of networks that are not "
        "related, unless it is asked for",
    )


def _breakdown() -> Json:
    overheads = listed(
        record(
            {
                "kind": text("kind of layer"),
                "bound": text("what takes the time"),
                "share": number("of the network's time, from 0 to 1"),
            }
        )
    )
    return record(
        {
            "model": text("as asked for"),
            "device": text("name of the profile"),
            "basis": BASIS,
            "mult_adds_ratio": maybe(number("over that of the first network")),
            "coefficient_ratio": maybe(number("time of a mult-add over that in the first")),
            "time_ratio": maybe(number("time over that of the first")),
            "tie": maybe(flag("whether it is not certain which is faster")),
            "same_kernels": flag("whether nothing that takes time differs"),
            "first_mac_share": maybe(number("share of the first's time on mult-adds")),
            "other_mac_share": maybe(number("share of this network's time on mult-adds")),
            "first_overheads": overheads,
            "other_overheads": overheads,
        }
    )


def explain_schema() -> Json:
    formula = {
        "what": text("what is worked out"),
        "names": text("the formula"),
        "values": text("the formula with numbers"),
        "value": {"description": "the result"},
    }
    term = {
        "term": text("name of the term"),
        "amount": number("how much of it"),
        "coefficient": number("relative cost"),
        "speedup": number("what it is divided by"),
        "latency_ms": number("what it takes"),
    }
    layer = {
        "name": text("path of the layer"),
        "kind": text("kind of layer"),
        "spec": text("path of the spec"),
        "line": whole("line of the spec"),
        **ORIGIN,
        "text": text("the line"),
        "formulas": listed(record(formula)),
        "times": listed(
            record(
                {
                    "device": text("name of the profile"),
                    "basis": BASIS,
                    **kernel_times(),
                    "terms": listed(record(term)),
                }
            )
        ),
    }
    kind = {
        "layers": whole("how many"),
        **metric_keys(("mult_adds", "weights", "params")),
        "mult_adds_agreement": AGREEMENT,
    }
    kinds = record({"kind": text("kind of layer"), **kind}, optional=("mult_adds_agreement",))
    return record(
        {
            "model": text("name of the spec"),
            "batch": whole("examples per inference"),
            "precision": text("number format"),
            "layers": listed(record(layer, optional=tuple(ORIGIN)), "layers that were asked for"),
            "convention": text("which tool's counting it is"),
            "convention_agreement": AGREEMENT,
            "kinds": listed(kinds, "of the whole network"),
            "totals": record(kind, optional=("mult_adds_agreement",)),
            "peak_memory": LIVE,
        },
        "Every number taken apart: `mnet-cost explain`. Of a layer or block `layers`, of a whole "
        "network `kinds`.",
        ("batch", "precision", "layers", "convention", "convention_agreement", "kinds", "totals",
         "peak_memory"),
    )  # fmt: skip
