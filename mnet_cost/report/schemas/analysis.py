"""The schema of an analysis, and of what other documents share with it.

Times are in milliseconds, energies in millijoules, sizes in bytes, and the unit is in the key. Null
is not known, or does not apply.
"""

from __future__ import annotations

from mnet_cost.metrics import TOTALS, find_metric
from mnet_cost.models.published import ACCURACIES, COUNTS
from mnet_cost.report.advice import SAVED
from mnet_cost.report.metric_columns import ENERGIES, TIMES
from mnet_cost.report.schemas.parts import (
    ORIGIN,
    Json,
    flag,
    listed,
    mapped,
    maybe,
    metric_keys,
    number,
    record,
    scalar,
    text,
    whole,
)

BASIS = maybe(
    text("what a time rests on; null where there is no time", "calibrated", "fitted", "datasheet",
         "bound")
)  # fmt: skip
AGREEMENT = text("whether the mult-adds are those of the convention's tool")
SHAPES = mapped(listed(whole("size of an axis")), "shape of each tensor for one example, by name")
KNOBS = mapped(
    {
        "anyOf": [
            scalar("value of the knob"),
            listed(whole("pixels"), "height and width, where one knob has both: 480x640"),
        ]
    },
    "knobs by name, the batch apart",
)


def analysis_schema() -> Json:
    keys = analysis_keys() | {"advice": _advice()}
    return record(keys, "What a network costs: `mnet-cost analyze`.", ("advice",))


def batches_schema() -> Json:
    throughput = record(
        {
            "device": text("name of the device"),
            "basis": BASIS,
            "latency_ms": maybe(number("time of the whole batch")),
            "image_ms": maybe(number("that time over the batch")),
            "images_per_s": maybe(number("the batch over that time")),
        }
    )
    analysis = {
        "name": text("what the network was asked for as"),
        "schema": text("name and version of the document of an analysis"),
        **analysis_keys(),
        "throughput": listed(throughput, "times per image on each device"),
    }
    optional = ("training", "sparsity", "what_if")
    return record(
        {"analyses": listed(record(analysis, optional=optional), "one for each network and batch")},
        "Several batch sizes: `--batch 1,8,32` of `analyze` and `compare`.",
    )


def analysis_keys() -> Json:
    """Keys of the document of an analysis, its `schema` apart."""
    return {
        "model": model_of_analysis(),
        "convention": text("which tool's counting of mult-adds it is"),
        "convention_items": listed(
            record({"what": text("what is counted besides"), "mult_adds": number("how many")}),
            "differences of the convention's total from the paper's",
        ),
        "convention_agreement": AGREEMENT,
        "convention_reservations": listed(
            record(
                {
                    "kind": text("kind of layer"),
                    "agreement": text("depends, or not covered"),
                    "why": text("why the tool may count otherwise"),
                    "layers": listed(text("name of a layer")),
                    "mult_adds": number("what the total would change by"),
                }
            ),
            "layers whose count is not that of the tool for certain",
        ),
        "totals": _totals(),
        "published": listed(published(), "figures that sources print for this setting"),
        "layers": listed(_layer(), "layers in the order in which they run"),
        "memory": _memory(),
        "devices": listed(record(device_keys()), "times, energy and memory on each device"),
        "training": maybe(_training_step()),
        "sparsity": maybe(_sparsity()),
        "what_if": maybe(listed(_what_if(), "other numbers of devices, beside the real ones")),
    }


def model_of_analysis() -> Json:
    return record(
        {
            "name": text("name of the spec"),
            "source": maybe(text("where the network is published")),
            "spec": text("path of the spec"),
            "variant": maybe(text("variant of the spec")),
            "knobs": KNOBS,
            "stated": listed(text("a knob that was set, the others were at their defaults")),
            "batch": whole("examples per inference"),
            "precision": text("number format of weights and activations"),
            "input_shapes": SHAPES,
        },
        "which network, and at what setting",
    )


def _totals() -> Json:
    return record(
        {
            **metric_keys([total.name for total in TOTALS]),
            "lower_bound": flag("whether totals are lower bounds, since a layer has no cost rule"),
            "coverage": number("share of the layers whose cost is known, from 0 to 1"),
            "unmodelled": listed(text("name of a layer"), "layers without a cost rule"),
            "stated": listed(text("name of a layer"), "layers whose cost the spec states"),
        },
        "sums over all layers; null where a layer has no cost rule",
    )


def published() -> Json:
    """A row of published figures."""
    figures = {
        **{name: number(find_metric(name).meaning) for name in ACCURACIES},
        **{name: number(f"{title}, as printed") for name, title in COUNTS.items()},
    }
    return record(
        {
            "source": text("who prints it, and where"),
            "dataset": maybe(text("what the accuracy is measured on")),
            "note": maybe(text("what else is to be said")),
            "figures": record(figures, "the figures by name", tuple(figures)),
        }
    )


def _layer() -> Json:
    counts = {
        "mult_adds": "of the whole batch",
        "vector_ops": "of the whole batch",
        "params": "trained numbers",
        "weights": "of them kernels",
        "buffers": "stored numbers that are not trained",
        "weight_bytes": "bytes of what is stored",
        "input_bytes": "bytes that it reads",
        "output_bytes": "bytes that it writes",
        "traffic_bytes": "all bytes that it reads and writes, weights among them",
    }
    return record(
        {
            "name": text("path of the layer"),
            "kind": text("kind of layer"),
            "block": maybe(text("path of the block that it stands in")),
            "line": whole("line of the spec"),
            "spec": text("path of the spec that the line is of, where another one extends it"),
            **ORIGIN,
            "fields": mapped({"description": "as a spec has it"}, "values of all fields by name"),
            "inputs": listed(text("name of a tensor")),
            "input_types": listed(
                record(
                    {
                        "shape": listed(whole("size of an axis"), "of one example"),
                        "dtype": maybe(text("null where the precision decides it")),
                    }
                ),
                "of each of `inputs`",
            ),
            "output_shape": listed(whole("size of an axis"), "of one example"),
            "output_dtype": maybe(text("null where the precision decides it")),
            **{key: maybe(whole(meaning)) for key, meaning in counts.items()},
            "shares_weights_with": maybe(text("layer whose weights it uses once more")),
        },
        optional=("spec", *ORIGIN),
    )


LIVE = listed(
    record({"name": text("name of a tensor"), "bytes": whole("bytes that it takes")}),
    "tensors that are alive together",
)


def _memory() -> Json:
    return record(
        {
            "peak_bytes": whole("most bytes of activations that are alive together"),
            "peak_at": text("layer at which that is"),
            "live_at_peak": LIVE,
            "schedule": listed(text("name of a layer"), "the order in which layers run"),
            "schedule_kind": text("whose order it is", "spec", "best"),
            "schedule_is_optimal": maybe(flag("whether it is proven that no order needs less")),
            "spec_order_peak_bytes": whole("peak in the order of the spec"),
        },
        "memory of activations",
    )


def device_keys() -> Json:
    """Keys of a network's estimate on a device."""
    return {
        "name": text("name of the profile"),
        "basis": BASIS,
        "runtime": text("program that runs the network"),
        "runtime_version": maybe(text("version or date of it that was measured")),
        "asked_version": maybe(text("another version that was asked for")),
        "threads": whole("processor threads"),
        **metric_keys(TIMES),
        "shares": maybe(
            record(
                {
                    "compute": number("of operations"),
                    "memory": number("of bytes that are moved"),
                    "overhead": number("of kernel launches"),
                    "inference": number("of each inference"),
                },
                "shares of the time, from 0 to 1",
            )
        ),
        "outside": listed(text("in what"), "in what the network is beyond what the fit has seen"),
        "untimed": listed(text("name of a kernel"), "kernels of unknown time"),
        **metric_keys(ENERGIES),
        "energy_basis": maybe(text("the weakest basis of what went in")),
        "energy_method": maybe(
            text("how it is worked out; energies of different methods cannot be compared",
                 "power x time", "power x lower bound", "mult-adds and bytes")
        ),
        "energy_how": maybe(text("the method, and what is missing or assumed")),
        "memory_fits": maybe(flag("whether all fits; null where a size is not known")),
        "capacity_checks": listed(_capacity_check(), "what has to fit into which memory"),
        "notes": listed(text("a sentence"), "what else is to be said"),
        "placement": maybe(placement()),
        "kernels": listed(
            record(
                {
                    "name": text("layer that the kernel is anchored in"),
                    "layers": listed(text("name of a layer"), "layers that it computes"),
                    **kernel_times(),
                    "intensity": maybe(number("mult-adds per byte")),
                }
            ),
            "kernels that the runtime launches, in order",
        ),
    }  # fmt: skip


def placement() -> Json:
    """Where layers run, by the list of an accelerator's operators."""
    change = {
        "change": text("what changes, in words"),
        "returned": whole("layers that it brings back"),
        "lines": listed(
            record(
                {
                    "line": whole("number of the line"),
                    "before": text("as it is"),
                    "after": text("as it would be"),
                }
            ),
            "of the spec",
        ),
        "accelerated_mult_adds": maybe(whole("on the accelerator after it")),
        "mult_adds": maybe(whole("of the network after it")),
        "params": maybe(whole("of the network after it")),
        "latency_ms": maybe(number("as if all layers ran on the accelerator")),
    }
    layer = {
        "name": text("path of the layer"),
        "place": text("where it runs", "processor", "unknown"),
        "reason": maybe(text("why")),
        "found": maybe(text("what it has instead of what it needs")),
        "after": maybe(text("layer that it reads from, whose place decides")),
    }
    return record(
        {
            "operators": text("name of the list"),
            "version": text("release of the compiler or runtime that the list is of"),
            "precision": text("that of the layers"),
            "is_whole": flag("whether all layers run on the accelerator"),
            "accelerated_mult_adds": whole("known to be done on the accelerator"),
            "processor_mult_adds": whole("known to be done on the processor"),
            "crossings": maybe(whole("tensors that go from one to the other")),
            "crossing_bytes": maybe(whole("bytes of these")),
            "layers": listed(record(layer), "those that are not known to run on the accelerator"),
            "accelerated_ms": maybe(number("of the layers on the accelerator")),
            "processor_ms": maybe(number("of the layers on the processor")),
            "crossing_ms": maybe(number("of the crossings")),
            "lower_bound": flag("whether one of the first two is no more than a lower bound"),
            "fallback": maybe(text("profile of the processor")),
            "changes": listed(record(change), "lines of the spec that bring layers back"),
        },
        "null without a list of what the accelerator runs",
    )


def kernel_times() -> Json:
    """The time of a kernel, and its parts."""
    return {
        "latency_ms": maybe(number("compute + memory + overhead")),
        "compute_ms": maybe(number("of operations")),
        "memory_ms": maybe(number("of moving bytes")),
        "overhead_ms": maybe(number("of the launch")),
        "bound_ms": maybe(number("least time on the device's peaks")),
        "bound": text("what limits it: compute, overhead, memory or memory:LEVEL"),
    }


def _capacity_check() -> Json:
    return record(
        {
            "what": text("weights, activations, or both"),
            "where": text("name of the memory"),
            "needed_bytes": whole("what it takes"),
            "available_bytes": maybe(number("size of the memory")),
            "fits": maybe(flag("null where the size is not known")),
            "over_bytes": maybe(whole("what is missing; 0 where it fits")),
            "gap_bytes": whole("of what is needed, gaps between buffers"),
            "spec_order_bytes": maybe(whole("what the order of the spec needs")),
            "is_least": maybe(flag("whether it is proven that no order needs less")),
            "because": LIVE,
            "at": maybe(text("layer at which these are alive")),
        }
    )


def _training_step() -> Json:
    counts = {
        "mult_adds": "of a step",
        "forward_mult_adds": "of the forward pass",
        "input_gradient_mult_adds": "of gradients of activations",
        "weight_gradient_mult_adds": "of gradients of weights",
        "memory_bytes": "sum of the parts",
        "weight_bytes": "weights in fp32",
        "cast_weight_bytes": "a copy of the weights in the precision",
        "gradient_bytes": "gradients of weights",
        "optimizer_bytes": "what the optimizer holds",
        "average_bytes": "running average of the weights",
        "statistic_bytes": "buffers: running statistics of norms, constant kernels",
        "activation_bytes": "tensors that are saved for the backward pass",
    }
    saved = {
        "name": text("tensor or layer"),
        "bytes": whole("bytes that it takes"),
        "inside": flag("whether a layer saves something that is no tensor of the network"),
    }
    return record(
        {
            "batch": whole("examples in a step"),
            "precision": text("number format of activations"),
            "optimizer": text("name of the optimizer"),
            **{key: maybe(whole(meaning)) for key, meaning in counts.items()},
            "saved_tensors": listed(record(saved), "what is saved for the backward pass"),
            "lower_bound": flag("whether it is a lower bound, since a layer has no cost rule"),
        },
        "what a training step costs",
    )


def _sparsity() -> Json:
    counts = {
        "weights": "weights of the layers with zeros",
        "zeros": "of them zero",
        "effective_mult_adds": "mult-adds with weights that are not zero",
        "stored_weight_bytes": "bytes of what has to be stored",
    }
    layer = {
        "name": text("name of a layer"),
        "share": number("share of zeros, from 0 to 1"),
        "pattern": maybe(text("2:4 where zeros are in fours")),
        "weights": whole("its weights"),
        "zeros": whole("of them zero"),
        "effective_mult_adds": whole("mult-adds with weights that are not zero"),
        "saved_bytes": whole("bytes that need not be stored"),
    }
    return record(
        {
            "rules": listed(text("as given on the command line")),
            **{key: maybe(whole(meaning)) for key, meaning in counts.items()},
            "dense": listed(text("name of a layer"), "layers without zeros"),
            "layers": listed(record(layer)),
        },
        "zeros among weights",
    )


def _advice() -> Json:
    numbers = record(metric_keys([metric.name for metric in SAVED]))
    change = {
        "kind": text(
            "what is changed",
            "knob",
            "variant",
            "precision",
            "order",
            "activation",
            "kernel",
            "channels",
        ),
        "change": text("the change in words"),
        "setting": maybe(text("the option that makes the change; null for one of the spec")),
        "spec": text("path of the spec"),
        "lines": listed(
            record({"line": whole("number"), "before": text("as it is"), "after": text("new")}),
            "lines of the spec to write",
        ),
        "before": numbers | {"description": "the network as it is"},
        "after": numbers | {"description": "the network with the change"},
        "missing_bytes": whole("that the memories of the device have too few, after the change"),
        "latency_ratio": maybe(number("time after over time before")),
        "latency_ratio_low": maybe(number("low end of the range that holds 80 % of ratios")),
        "latency_ratio_high": maybe(number("its high end")),
        "tie": maybe(flag("whether it is not certain that the change saves time")),
        "accuracy": maybe(
            record(
                {
                    "name": text("which accuracy"),
                    "dataset": maybe(text("what it was measured on")),
                    "before": number("in percent"),
                    "after": number("in percent"),
                    "source": text("who prints both"),
                }
            )
        ),
    }
    return record(
        {
            "device": text("name of the profile that the advice is for"),
            "missing_bytes": whole("that its memories have too few"),
            "looked_at": whole("changes that were analyzed"),
            "left_out": whole("changes that were not, since the network is large"),
            "changes": listed(record(change), "the most to gain first"),
        },
        "changes with the most to gain: `--advise`",
    )


def _what_if() -> Json:
    times = record(metric_keys(TIMES))
    change = {
        "key": text("what is changed, as given"),
        "value": text("to what, as given"),
        "number": text("which number of the profile"),
        "level": maybe(text("of which memory")),
        "unit": text("unit of before and after"),
        "before": maybe(number("number of the profile")),
        "after": number("number instead"),
    }
    kernel = {
        "kernel": text("name of a kernel"),
        "bound_before": text("what limits it"),
        "bound_after": text("what limits it then"),
        **{
            f"{key}_{when}_ms": maybe(number(f"{key} {when} the changes"))
            for key in ("bound", "latency")
            for when in ("before", "after")
        },
    }
    return record(
        {
            "device": text("name of the profile"),
            "basis": BASIS,
            "changes": listed(record(change)),
            "before": times,
            "after": times,
            "latency_ratio": maybe(number("time after over time before")),
            "changed_bounds": listed(record(kernel), "kernels that something else limits then"),
            "notes": listed(text("a sentence")),
        }
    )
