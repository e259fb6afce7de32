"""What other tools printed about a run elsewhere, as a run that an estimate can stand beside.

A tool says what the file was called on its device, not which network it is: the user says that.
Times of operators have names of nodes or tensors of that file, so they lead to the layers of a
model that was imported from it. Not here: how each tool's output is read (`measure/tools`).
"""

from __future__ import annotations

from math import fsum
from pathlib import PurePath

from mnet_cost.errors import MeasurementError, Problem
from mnet_cost.measure.runs.run_files import Run, counts_of
from mnet_cost.measure.tools.base import Times, ToolRun
from mnet_cost.network import Network


def run_of_tool(told: ToolRun, reference: str, network: Network) -> Run:
    """The run that a tool's output is of, which is one of `network`.

    Raises `MeasurementError` for the output of another batch, and for one without any time.
    """
    if told.batch is not None and told.batch != network.batch:
        message = f"it ran a batch of {told.batch}, and `{reference}` has one of {network.batch}"
        hint = f"name it with that batch: `--batch {told.batch}`"
        raise MeasurementError(Problem(message, told.span, hint))
    times, notes = told.times, [*told.notes]
    if times is None:
        if told.profile is None:
            message = f"{told.tool} says no time of an inference"
            raise MeasurementError(Problem(message, told.span))
        times = Times(stated_s=fsum(kernel.seconds for kernel in told.profile.kernels))
        notes.append(f"{told.tool} says times of operators alone: the run is taken as their sum")
    elif times.statistic != "median":
        notes.append(f"{told.tool} says no median: the run is the time `{times.statistic}`")
    if told.network and PurePath(told.network).stem not in reference:
        notes.append(f"{told.tool} calls the network `{told.network}`: it is taken as {reference}")
    for what, value in (("precision", told.precision), ("number of threads", told.threads)):
        if not value:
            taken = "fp32" if what == "precision" else "1"
            notes.append(f"{told.tool} does not say the {what}: it is taken as {taken}")
    return Run(
        reference=reference,
        runtime=told.runtime,
        version=told.runtime_version,
        precision=told.precision or "fp32",
        threads=told.threads or 1,
        batch=network.batch,
        device="",
        median_s=times.value_s,
        fastest_s=min(times.fastest_s or times.value_s, times.value_s),
        runs=times.runs or 1,
        environment={"tool": told.tool, "file": told.network} if told.network else {},
        profile=told.profile,
        layers_of_node=_layers_of_names(network),
        counts=counts_of(network),
        warnings=tuple(notes),
    )


def _layers_of_names(network: Network) -> dict[str, tuple[str, ...]]:
    """Layers by the names of nodes and tensors of the file that the network was imported from."""
    layers: dict[str, tuple[str, ...]] = {}
    for layer, origin in network.spec.origins.items():
        for name in (*origin.nodes, *origin.tensors):
            layers[name] = (*layers.get(name, ()), layer)
    return layers
