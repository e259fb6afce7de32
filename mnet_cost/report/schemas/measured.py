"""Schema of measured networks."""

from __future__ import annotations

from mnet_cost.report.schemas.parts import (
    Json,
    flag,
    listed,
    mapped,
    maybe,
    number,
    record,
    text,
    whole,
)


def environment_record() -> Json:
    """Where something was measured."""
    return record(
        {
            "processor": maybe(text("as it calls itself")),
            "architecture": text("x86_64, aarch64"),
            "system": text("operating system and its version"),
            "cpus": maybe(whole("that the process may use")),
            "machine_cpus": maybe(whole("of the machine")),
            "cpu_quota": maybe(number("CPUs that a container may keep busy")),
            "memory_bytes": maybe(whole("of the machine, or the limit of a container")),
            "governor": maybe(text("who sets the clock")),
            "clock_hz": maybe(number("when it began")),
            "most_clock_hz": maybe(number("at most")),
            "pinned": maybe(listed(whole("a CPU"), "CPUs that networks ran on")),
            "runtime": text("name of the runtime"),
            "runtime_version": text("its version"),
            "details": mapped(
                text("as the runtime says"), "what else of the runtime decides times"
            ),
            "python": text("version of Python"),
            "mnet_cost": text("version of mnet_cost"),
            "date": text("day when it began"),
            "others_before": maybe(number("CPUs that other programs kept busy before")),
            "others_during": maybe(number("CPUs that other programs kept busy meanwhile")),
            "stolen": maybe(number("share of the time that the host took")),
            "switches_per_s": maybe(number("involuntary switches of threads a second")),
        },
        "The machine and the software that times depend on.",
    )


def measurement_schema() -> Json:
    estimate = {
        "device": text("name of the profile"),
        "precision": text("number format of the estimate"),
        "basis": maybe(text("what it rests on")),
        "latency_ms": maybe(number("estimated")),
        "latency_low_ms": maybe(number("low end of the 80 % range")),
        "latency_high_ms": maybe(number("high end of the 80 % range")),
        "bound_ms": maybe(number("lower bound")),
        "ratio": maybe(number("estimated over measured time")),
        "inside": maybe(flag("whether the measured time is in the range")),
    }
    network = {
        "model": text("network, with its knobs"),
        "batch": whole("examples of one inference"),
        "precision": text("in which it was computed"),
        "threads": whole("of the runtime"),
        "latency_ms": number("of one inference: median of its rounds, drift taken out"),
        "fastest_ms": number("the fastest run, as measured"),
        "low_ms": number("10th percentile of the runs of a round, as measured"),
        "high_ms": number("90th percentile of the runs of a round, as measured"),
        "spread": maybe(number("largest less smallest round, over the time")),
        "rounds_ms": listed(number("of one round, drift taken out")),
        "runs": whole("in all rounds"),
        "peak_memory_bytes": maybe(whole("growth of a process of its own, at most")),
        "estimated_memory_bytes": maybe(whole("weights, and activations at their peak")),
        "energy_mj": maybe(number("of one inference")),
        "estimates": listed(record(estimate), "by device"),
    }
    failure = {"model": text("network"), "error": text("why it could not be measured")}
    return record(
        {
            "environment": environment_record(),
            "noise": maybe(number("one round of a network off the median of its others, as a "
                                  "share; median over all")),
            "drift": maybe(number("slowest over fastest round of the reference network, less 1")),
            "interrupted": flag("whether somebody stopped it"),
            "warnings": listed(text("a sentence"), "what makes times less sure"),
            "failures": listed(record(failure)),
            "networks": listed(record(network)),
        },
        "Networks that were measured: `mnet-cost measure`.",
    )  # fmt: skip
