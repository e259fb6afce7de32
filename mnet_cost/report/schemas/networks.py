"""Schemas of lists of networks, and of one network."""

from __future__ import annotations

from mnet_cost.models.published import ACCURACIES, COUNTS
from mnet_cost.report.schemas.analysis import (
    BASIS,
    KNOBS,
    SHAPES,
    published,
)
from mnet_cost.report.schemas.parts import (
    Json,
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


def models_schema() -> Json:
    device = {
        "name": text("name of the profile"),
        "runtime": text("program that runs the network"),
        "threads": whole("processor threads"),
        "basis": BASIS,
        **metric_keys(["latency"]),
    }
    model = {
        "name": text("shortest name that speaks for itself"),
        "names": listed(text("a name"), "all names of it"),
        "spec": text("path of the spec"),
        "variant": maybe(text("variant of the spec")),
        "source": maybe(text("where the network is published")),
        "knobs": KNOBS,
        "input_shapes": SHAPES,
        **metric_keys(("mult_adds", "params", *ACCURACIES)),
        "dataset": maybe(text("what the first of these accuracies is measured on")),
        "published_in": maybe(text("who prints it")),
        "published": listed(published(), "all that is published for the defaults"),
        "precision": text("number format, with --cost"),
        **metric_keys(("weight_bytes", "peak_memory"), ", with --cost"),
        "devices": listed(record(device), "times, with --cost"),
    }
    with_cost = ("precision", "weight_bytes", "peak_memory_bytes", "devices")
    return record(
        {
            "models": listed(record(model, optional=with_cost)),
            "left_out": listed(text("an error"), "files that could not be read"),
        },
        "The networks that are shipped: `mnet-cost models`.",
    )


def model_schema() -> Json:
    knob = {
        "name": text("name of the knob"),
        "default": scalar("its default"),
        "choices": listed(scalar("a value"), "values that it can have; empty for any"),
        "multiple_of": whole("what its values are multiples of; 1 for any"),
        "published": listed(scalar("a value"), "values that a publication has"),
        "help": text("what it is"),
    }
    ours = record(
        {
            "value": maybe(number("our count")),
            "way": text("how ours became what is printed, or by how much it differs"),
            "printed": text("as printed"),
        }
    )
    row = published()["properties"]
    published_row = {
        "source": row["source"],
        "variant": maybe(text("variant that it is about")),
        "at": mapped(scalar("value of the knob"), "values of knobs"),
        "dataset": row["dataset"],
        "note": row["note"],
        "figures": row["figures"],
        "ours": record(dict.fromkeys(COUNTS, ours), "our counts beside these", tuple(COUNTS)),
    }
    return record(
        {
            "name": text("name of the spec"),
            "variant": maybe(text("variant of the spec")),
            "spec": text("path of the spec"),
            "source": maybe(text("where the network is published")),
            "knobs": listed(record(knob)),
            "choices": mapped(listed(scalar("an option")), "choices by their paths"),
            "variants": mapped(text("what it changes"), "variants by name"),
            "inputs": SHAPES,
            "outputs": SHAPES,
            "layers": whole("how many"),
            "kinds": mapped(whole("how many"), "layers of each kind"),
            **metric_keys(("mult_adds", "params")),
            "published": listed(record(published_row)),
        },
        "One network: `mnet-cost models show`.",
    )
