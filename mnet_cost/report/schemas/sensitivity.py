"""JSON Schema of the document of `mnet-cost sensitivity`."""

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
from mnet_cost.report.sensitivity import DIFFERENCES


def sensitivity_schema() -> Json:
    totals, of_device = _differences(per_device=False), _differences(per_device=True)
    devices = listed(record({"name": text("name of the profile"), **of_device}))
    then = {"channels": whole("of the first layer then"), **totals}
    change = maybe(record(then | {"devices": devices}))
    width = maybe(record(then | of_device))
    layer = record(
        {
            "name": text("path of the layer"),
            "line": whole("of the spec that wrote it"),
            "channels": whole("channels or features that it makes"),
            "step": whole("how many more it makes where the group grows by its step"),
        }
    )
    on_device = record(
        {
            "name": text("name of the profile"),
            "tile": maybe(
                whole(
                    "channels that are computed or kept together; null where the model of the "
                    "time has no steps in channels"
                )
            ),
            "free_channels": maybe(whole("channels more that take no more time")),
            "time_share": maybe(number("share of the time that `lower` saves")),
            "mult_adds_share": maybe(number("share of the mult-adds that `lower` saves")),
            "gain": maybe(number("the one share over the other")),
            "lower": width | {"description": "at the next full tile below, or one step less"},
            "higher": width | {"description": "at the next full tile above, or one step more"},
        }
    )
    group = record(
        {
            "layer": text("the layer that names the group"),
            "channels": whole("that it makes"),
            "step": whole("the smallest change of it that fits all layers"),
            "is_output": flag("whether an output of the network changes with it"),
            "layers": listed(layer, "all that change together"),
            "following": listed(
                text("path of a layer"),
                "other layers that repeat one of their widths, as a reshape does, and follow",
            ),
            "fewer": change | {"description": "one step less"},
            "more": change | {"description": "one step more"},
            "devices": listed(on_device, "steps of the time"),
        }
    )
    return record(
        {
            "model": text("name of the spec"),
            "knobs": mapped(scalar("a value"), "values of all knobs"),
            "precision": text("number format"),
            "convention": text("how mult-adds are counted"),
            "lower_bound": flag("whether layers of unknown cost are left out of all differences"),
            "devices": listed(
                record(
                    {
                        "name": text("name of the profile"),
                        "worth_thinning": listed(
                            text("the layer that names a group"),
                            "groups that lose a larger share of the time than of the mult-adds at "
                            "`lower`, the largest gain first",
                        ),
                        "latency_ms": maybe(number("time of the network as it is")),
                    }
                )
            ),
            "groups": listed(group, "layers that change together, in the order of the network"),
            "unchangeable": listed(
                record(
                    {
                        "name": text("path of the layer"),
                        "channels": whole("that it makes"),
                        "reason": text("why its width cannot change"),
                    }
                )
            ),
        },
        "What a few channels less or more change: `mnet-cost sensitivity`.",
    )


def _differences(*, per_device: bool) -> dict[str, Json]:
    """Keys of metrics: the network after a change, less the network as it is."""
    return {
        metric.file_key: maybe(number(f"difference of: {metric.meaning}"))
        for metric in DIFFERENCES
        if metric.per_device == per_device
    }
