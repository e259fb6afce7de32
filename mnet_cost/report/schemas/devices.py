"""Schemas of device profiles, of fits, and of one network on many devices."""

from __future__ import annotations

from mnet_cost.report.schemas.analysis import (
    device_keys,
    model_of_analysis,
)
from mnet_cost.report.schemas.parts import (
    Json,
    listed,
    mapped,
    maybe,
    number,
    record,
    text,
    whole,
)

_NUMBER = record(
    {
        "device": text("name of the profile"),
        "what": text("what the number is"),
        "value": number("in its unit, without prefix"),
        "low": maybe(number("low end of its range")),
        "high": maybe(number("its high end")),
        "unit": text("unit of the three"),
        "basis": text("what it rests on"),
        "source": text("where it comes from"),
    }
)


def devices_schema() -> Json:
    device = {
        "name": text("name of the profile"),
        "basis": maybe(text("what its times rest on, best first")),
        "held_out_median": maybe(number("median error on held out times, as a share")),
        "runtime": text("program that runs networks"),
        "threads": whole("processor threads"),
        **{
            f"{precision}_macs_per_s": maybe(number(f"peak in {precision}, mult-adds per second"))
            for precision in ("fp32", "fp16", "bf16", "int8")
        },
        "bandwidth_bytes_per_s": maybe(number("of main memory")),
        "memory_bytes": maybe(number("size of main memory")),
        "power_w": maybe(number("power while it computes")),
        "title": text("what it is"),
        "class": maybe(text("kind of machine")),
        "measured_as": listed(text("name of a profile"), "profiles of it with measured times"),
    }
    return record(
        {"devices": listed(record(device))}, "The profiles that are shipped: `mnet-cost devices`."
    )


def device_schema() -> Json:
    return record(_profile_keys(), "One profile: `mnet-cost devices NAME`.")


def _profile_keys() -> dict[str, Json]:
    sourced = record(
        {
            "value": number("in its unit"),
            "unit": text("the unit"),
            "low": maybe(number("low end of its range")),
            "high": maybe(number("its high end")),
            "basis": text("what it rests on"),
            "source": text("where it comes from"),
        },
        optional=("low", "high", "basis", "source"),
    )
    fit = {
        "form": text("which form the fit has", "coefficients", "roofline"),
        "scale": maybe(sourced),
        "tile": whole("channels that the runtime computes together"),
        "deviations": mapped(number("logarithm"), "of coefficients from the shared ones, by term"),
        **{key: maybe(sourced) for key in ("macs", "bytes", "inference", "kernel")},
        "band": _SPREAD,
        "fitted_on": maybe(_FITTED_ON),
        "held_out": maybe(_HELD_OUT),
    }
    optional = ("scale", "tile", "deviations", "macs", "bytes", "inference", "kernel")
    return {
        "numbers": listed(_NUMBER, "all numbers of the profile"),
        "name": text("name of the profile"),
        "title": text("what it is"),
        "class": maybe(text("kind of machine")),
        "basis": text("what the profile rests on"),
        "runtime": text("program that runs networks"),
        "runtime_version": maybe(text("version or date of it that its times are of")),
        "threads": whole("processor threads"),
        "pipeline": maybe(text("how its cores issue instructions")),
        "core": maybe(text("which core of a microcontroller it is")),
        "extends": maybe(text("profile that the rest is taken from")),
        "kernels": listed(text("a rule"), "what the runtime fuses, folds and copies"),
        "latency": mapped(record(fit, optional=optional), "fits to times, by precision"),
        "operators": maybe(_OPERATORS),
        "fallback": maybe(text("profile of the processor that runs what the accelerator does not")),
        "crossing": maybe(text("memory by way of which tensors go between the two")),
    }


def devices_beside_schema() -> Json:
    return record(
        {"devices": listed(record(_profile_keys()))},
        "Several profiles: `mnet-cost devices NAME NAME`.",
    )


def device_choice_schema() -> Json:
    device = {"class": maybe(text("kind of machine")), **device_keys()}
    return record(
        {"model": model_of_analysis(), "devices": listed(record(device))},
        "One network on many devices: `mnet-cost devices --for MODEL`.",
    )


_OPERATORS = record(
    {
        "name": text("name of the list"),
        "title": text("what it is of"),
        "version": text("release of the compiler or runtime"),
        "source": text("the document"),
        "unlisted": text("where kinds that it does not name run", "processor", "unknown"),
        "partition": text("how the network is cut", "prefix", "islands"),
        "precisions": listed(text("a precision"), "in which layers run on the accelerator"),
        "every_layer": listed(text("a condition"), "what holds for all of them"),
        "kinds": mapped(
            record(
                {
                    "needs": listed(text("a condition"), "all hold for layers that run"),
                    "precisions": listed(text("a precision"), "where they are not those above"),
                    "made_of": listed(text("a kind"), "what a converter makes of it"),
                    "unsure": maybe(text("why it is not known whether layers run")),
                    "refused": maybe(text("source of that it does not run")),
                }
            ),
            "what the list says, by kind",
        ),
    },
    "what the accelerator runs",
)
_SPREAD = record(
    {
        "width": number("half width of the 80 % range, in standard deviations"),
        "noise": number("standard deviation of the logarithm of a time"),
    },
    "how wide the range around an estimate is",
)
_FITTED_ON = record(
    {
        "networks": whole("how many"),
        "small_graphs": whole("graphs of one kind of layer that were measured besides"),
        "families": listed(text("name of a family")),
        "mult_adds": listed(number("mult-adds"), "least and most"),
        "latency_ms": listed(number("milliseconds"), "least and most"),
        "terms": listed(text("name of a term"), "terms that took time"),
    },
    "what the fit has seen",
)
_HELD_OUT = record(
    {
        "protocol": text("what was left out at a time"),
        "measurements": whole("how many"),
        "median": number("median error, as a share of the measured time"),
        "mean": number("mean error"),
        "worst": maybe(text("network that was furthest off")),
        "worst_error": maybe(number("its error")),
        "by_mult_adds": maybe(number("mean error by mult-adds alone")),
        "noise_floor": maybe(number("how far measuring once more was off")),
    },
    "errors on times that were left out",
)


def calibration_schema() -> Json:
    measurement = {
        "model": text("network"),
        "family": text("its family"),
        "latency_ms": number("measured"),
        "fitted_ms": number("of the fit"),
        "fitted_error": number("of the fit over the measured time, less 1"),
        "held_out_ms": maybe(number("predicted by the other measurements")),
        "held_out_error": maybe(number("of that over the measured time, less 1")),
    }
    fit = {
        "precision": text("number format"),
        "form": text("which form the fit has", "coefficients", "roofline"),
        "held_out": maybe(_HELD_OUT),
        "fitted_on": maybe(_FITTED_ON),
        "band": _SPREAD,
        "measurements": listed(record(measurement)),
        "notes": listed(text("a sentence")),
    }
    return record(
        {
            "name": text("name of the profile"),
            "runtime_version": maybe(text("version or date of the runtime that was measured")),
            "unread_columns": listed(text("name of a column"), "columns that were not read"),
            "fits": listed(record(fit)),
        },
        "A profile from measured times: `mnet-cost calibrate`.",
    )
