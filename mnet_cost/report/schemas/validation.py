"""JSON Schemas of the documents of `mnet-cost validate`: its report, and the runs it records."""

from __future__ import annotations

from typing import get_args

from mnet_cost.measure.runs.gap import PARTS
from mnet_cost.measure.runs.joining import Reason
from mnet_cost.report.schemas.analysis import BASIS
from mnet_cost.report.schemas.parts import (
    ORIGIN,
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

_LAYERS = listed(text("path of a layer"), "of the network, in its order")
_RUN = {
    "runtime": text("what ran it"),
    "runtime_version": maybe(text("of the runtime")),
    "device": maybe(text("what it ran on: cpu, cuda")),
    "precision": text("in which it computed"),
    "threads": whole("of the processor"),
    "batch": whole("examples per inference"),
    "rounds": whole("rounds that were measured"),
    "runs": whole("inferences of all rounds"),
    "median_ms": number("of all runs"),
    "fastest_ms": number("of all runs"),
    "low_ms": maybe(number("10th percentile")),
    "high_ms": maybe(number("90th percentile")),
    "noise": maybe(number("noise floor: by how much of itself a round differs from the others")),
    "peak_memory_bytes": maybe(whole("by which the process grew")),
    "energy_mj": maybe(number("of an inference, measured")),
    "environment": mapped(text("as it was found"), "the machine and the runtime"),
}


def validation_schema() -> Json:
    """Estimates beside runs."""
    share = "share of the networks with an estimate, from 0 to 1"
    return record(
        {
            "summary": record(
                {
                    "networks": whole("networks with an estimate"),
                    "median": maybe(number("median of the sizes of errors; 0.1 is 10 %")),
                    "mean": maybe(number("their mean")),
                    "within_10": maybe(number(f"{share}, whose error is at most 10 %")),
                    "inside": maybe(number(f"{share}, whose band holds the measured time")),
                    "noise": maybe(number("median of the noise floors")),
                },
                "errors of all networks",
            ),
            "networks": listed(_network(), "in the order in which they were asked for"),
        },
        "Estimated times beside measured ones: `mnet-cost validate`.",
    )


def _network() -> Json:
    kind = {
        "kind": text("kind of layer, or what is no kernel of a layer"),
        "mult_adds": maybe(whole("of the batch")),
        "params": maybe(whole("its params")),
        "measured_ms": maybe(number("time of its kernels")),
        "estimate_ms": maybe(number("estimated time of its kernels")),
    }
    return record(
        {
            "model": text("reference of the network"),
            "spec": text("path of the spec"),
            "variant": maybe(text("variant of the spec")),
            "knobs": mapped(scalar("a value"), "values of all knobs, the batch apart"),
            "run": record(_RUN, "how it ran, and how long it took"),
            "device": maybe(text("name of the profile")),
            "estimate": maybe(
                record(
                    {
                        "precision": text("that it is of"),
                        "basis": BASIS,
                        "latency_ms": maybe(number("estimated time")),
                        "latency_low_ms": maybe(number("low end of its band")),
                        "latency_high_ms": maybe(number("high end of its band")),
                        "bound_ms": maybe(number("lower bound on the peaks of the profile")),
                        "outside": listed(text("how it is beyond the measurements of the fit")),
                        "weight_bytes": whole("of all weights"),
                        "peak_activation_bytes": whole("of activations at their peak"),
                        "energy_mj": maybe(number("estimated")),
                    }
                )
            ),
            "ratio": maybe(number("estimated over measured time")),
            "inside": maybe(flag("whether the band holds the measured time")),
            "within_noise": maybe(flag("whether the error is no larger than the noise floor")),
            "differences": listed(text("how the profile differs from what was measured")),
            "gap": record(
                {f"{part}_ms": maybe(number(meaning)) for part, meaning in PARTS.items()},
                "the measured time in parts that add up to it; null where nothing is known",
            ),
            "kinds": listed(record(kind), "shares of each kind of layers"),
            "kernels": maybe(_kernels()),
        }
    )


def _kernels() -> Json:
    measured = {
        "name": text("as the runtime calls it"),
        "operator": text("its kind, in the words of the runtime"),
        "measured_ms": number("without the time of the profiler"),
        "layers": _LAYERS,
    }
    group = {
        "name": text("its layer with most mult-adds"),
        "kind": text("what has its mult-adds"),
        "spec": text("path of the file in which that layer is written"),
        "line": whole("of that file"),
        **ORIGIN,
        "layers": _LAYERS,
        "mult_adds": whole("of the batch"),
        "params": whole("of its layers"),
        "measured_ms": number("sum of its measured kernels"),
        "estimate_ms": maybe(number("sum of its estimated kernels")),
        "bound_ms": maybe(number("the least time, as far as it is known")),
        "measured": listed(record(measured), "kernels of the runtime"),
        "estimated": listed(text("name of a kernel of the estimate")),
    }
    copies = "copies into other layouts, with the layers whose tensor it is"
    return record(
        {
            "joined_share": maybe(number("of the time of kernels, from 0 to 1: of known layers")),
            "scale": number("what times in the profile were multiplied by"),
            "groups": listed(
                record(group, optional=tuple(ORIGIN)),
                "kernels, joined by the layers that they have in common, worst estimated first",
            ),
            "layout": listed(record(measured), copies),
            "other": listed(record(measured), "kernels of no known layer"),
            "between_ms": number("the rest of the measured time"),
            "without_kernel": listed(
                record(
                    {
                        "layer": text("path of a layer"),
                        "reason": text("why it has no kernel of its own", *get_args(Reason)),
                        "host": maybe(text("layer whose kernel does its work")),
                    }
                )
            ),
            "unmeasured": listed(
                record(
                    {
                        "name": text("kernel of the estimate without a measured one"),
                        "estimate_ms": maybe(number("its estimated time")),
                    }
                )
            ),
        },
        "kernels as the runtime timed them; their times, layout, other and between add up",
    )


def runs_schema() -> Json:
    """Runs that were recorded, to be looked at again."""
    kernel = {
        "name": text("as the runtime calls it"),
        "operator": text("its kind, in the words of the runtime"),
        "latency_ms": number("of an inference, with the time of the profiler"),
        "nodes": listed(text("name of a node"), "whose work it does"),
        "layout": flag("whether it only copies a tensor into another layout"),
    }
    profile = {
        "runs": whole("profiled inferences"),
        "overhead_ms": number("what profiling adds to each kernel"),
        "inference_ms": maybe(number("of a whole profiled inference")),
        "kernels": listed(record(kernel), "in the order in which they run"),
    }
    run = {
        "model": text("reference of the network; a path begins in the folder of this file"),
        **_RUN,
        "runtime_version": text("of the runtime; empty where it is not known"),
        "counts": record(
            {
                "layers": whole("layers of the network"),
                "mult_adds": whole("its mult-adds"),
                "params": whole("its params"),
            },
            "by which the network is known again",
        ),
        "warnings": listed(text("what is to be said of the session")),
        "layers_of_node": mapped(_LAYERS, "layers by the nodes that kernels name"),
        "profile": maybe(record(profile, "what its kernels took")),
    }
    return record(
        {"runs": listed(record(run))},
        "Runs that were recorded: `mnet-cost validate --record`.",
    )
