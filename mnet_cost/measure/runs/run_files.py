"""Runs as records: what a network took under a runtime, kept in a file, so that it can be looked at
again where there is neither the runtime nor the machine.

A record holds times and names, no weights and no outputs. Read back, its layers have to be those of
the network, and nothing in it is run. Not here: how times are taken (`rounds.py`), and what is made
of them (`validate.py`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from mnet_cost.analysis.work import add_up, count_work, settle_precision
from mnet_cost.devices.runtimes import NAME
from mnet_cost.errors import MeasurementError, Problem, UsageError, did_you_mean
from mnet_cost.escaping import json_text
from mnet_cost.files import open_file
from mnet_cost.measure.measurements import from_here, name_length
from mnet_cost.measure.runtimes.base import RuntimeKernel, RuntimeProfile
from mnet_cost.models.library import STDIN, is_path, is_revision, load_model
from mnet_cost.models.types import BATCH
from mnet_cost.network import Network, elaborate
from mnet_cost.paths import naming
from mnet_cost.report.analysis_file import Reader, other_schema, read_json
from mnet_cost.report.schema_ids import schema_id

if TYPE_CHECKING:
    from mnet_cost.measure.runs.environment import Environment
    from mnet_cost.measure.runs.rounds import Session, Timed

DOCUMENT = "runs"
_HINT = (
    "`mnet-cost validate MODEL --runtime NAME --record FILE` writes one; outputs of other tools "
    "are known by their content"
)
_BEGINNING = 200
"""Bytes in which a record says what it is."""
_MOST_S = 1e5
"""A day and more: a longer time has mistaken its unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One network under one runtime: times of whole inferences, and of its kernels."""

    reference: str
    """What names the network, its batch apart."""
    runtime: str
    version: str
    """Of the runtime; empty where it is not known."""
    precision: str
    """In which it computes, as the runtime says."""
    threads: int
    batch: int
    device: str = "cpu"
    """What it ran on: `cpu`, `cuda`; empty where it is not known."""
    median_s: float
    """Of all runs without a profiler."""
    fastest_s: float
    low_s: float | None = None
    """10th percentile of the runs."""
    high_s: float | None = None
    """90th percentile."""
    noise: float | None = None
    """The noise floor of the session: by how much of itself a round differs from the others, in
    the median. None where there was no more than one round."""
    rounds: int = 1
    runs: int = 1
    """Inferences, of all rounds."""
    peak_memory_bytes: int | None = None
    energy_j: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    profile: RuntimeProfile | None = None
    """None where the runtime does not time its kernels."""
    layers_of_node: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Layers by the nodes that kernels name."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Of the network: `layers`, `mult_adds`, `params`."""
    warnings: tuple[str, ...] = ()
    """What is to be said of the session: a noisy machine, foreign load."""
    file: str = ""
    """That it was read from, in whose folder the path of its model begins; empty for none."""


class RunNetwork(NamedTuple):
    """A network with the layers of the nodes that a run names, for `join`."""

    network: Network
    nodes: Mapping[str, tuple[str, ...]]

    def layers_of_node(self) -> Mapping[str, tuple[str, ...]]:
        """Names of layers by the names of nodes."""
        return self.nodes


def run_of(
    timed: Timed,
    session: Session,
    network: Network,
    *,
    device: str = "cpu",
    profile: RuntimeProfile | None = None,
    layers_of_node: Mapping[str, tuple[str, ...]] | None = None,
) -> Run:
    """What was measured of one network of a session, with the nodes that its kernels name."""
    named = {node for kernel in profile.kernels for node in kernel.nodes} if profile else set()
    nodes = layers_of_node or {}
    return Run(
        reference=timed.reference,
        runtime=timed.runtime,
        version=timed.version,
        precision=timed.precision,
        threads=timed.threads,
        batch=timed.batch,
        device=device,
        median_s=timed.median_s,
        # The median is without the drift of the machine, the fastest run as it was measured.
        fastest_s=min(timed.fastest_s, timed.median_s),
        low_s=timed.low_s,
        high_s=timed.high_s,
        noise=session.noise,
        rounds=len(timed.rounds_s),
        runs=timed.runs,
        peak_memory_bytes=timed.peak_memory_bytes,
        energy_j=timed.energy_j,
        environment=environment_texts(session.environment),
        profile=profile,
        layers_of_node={node: nodes[node] for node in sorted(named) if node in nodes},
        counts=counts_of(network),
        warnings=tuple(session.warnings),
    )


def counts_of(network: Network) -> dict[str, int]:
    """Numbers by which a network is told from another one."""
    totals = add_up(count_work(network, settle_precision(network.spec, None)))
    return {
        "layers": len(network.steps),
        "mult_adds": int(totals.mult_adds),
        "params": int(totals.params),
    }


def network_of(run: Run, like: Network | None = None) -> Network:
    """The network of a run, at its batch: what its reference names, or `like` instead.

    Raises `MeasurementError` where it is another network than the one that was measured.
    """
    if like is None:
        model = load_model(_reference_here(run))
        network = elaborate(model.spec, {**model.knobs, BATCH: run.batch})
    else:
        network = elaborate(like.spec, {**like.knobs, BATCH: run.batch})
    counts = counts_of(network)
    for what, count in run.counts.items():
        if counts.get(what, count) != count:
            words = what.replace("mult_adds", "mult-adds")
            raise MeasurementError(
                Problem(
                    f"`{run.reference}` is not the network that was measured: it has "
                    f"{counts[what]:,} {words}, and that one had {count:,}",
                    hint="measure it again, or name the spec as it was: git:REV:PATH",
                )
            )
    names = {step.name for step in network.steps}
    for layers in run.layers_of_node.values():
        for layer in layers:
            if layer not in names:
                message = f"`{run.reference}` has no layer `{layer}`, which was measured"
                hint = did_you_mean(layer, names) or "measure it again"
                raise MeasurementError(Problem(message, hint=hint))
    return network


def _reference_here(run: Run) -> str:
    """What names the network of a run, seen from the working directory."""
    if not run.file:
        return run.reference
    if run.reference == STDIN:
        message = f"{run.file}: the network was read from stdin when it was measured"
        raise UsageError(Problem(message, hint="name its spec: MODEL"))
    return from_here(run.reference, run.file)


def runs_text(runs: Sequence[Run], path: str) -> str:
    """The document of some runs, to be written to `path`, in whose folder paths begin."""
    folder = os.path.dirname(path) or os.curdir
    return json_text(
        {
            "schema": schema_id(DOCUMENT),
            "runs": [_run_document(run, folder) for run in runs],
            "notes": [],
        }
    )


def is_record(path: str) -> bool:
    """Whether a file is of ours, by how it begins, or a JSON that no tool's reader is for."""
    from mnet_cost.measure.tools.reading import read_tool_runs

    with naming(path, "cannot be read", UsageError), open_file(path) as file:
        start = file.read(_BEGINNING)
    if b'"mnet-cost/' in start:
        return True
    try:
        return read_tool_runs(path) is None
    except MeasurementError:
        return False  # of a tool, which says what is wrong with it


def read_runs(path: str) -> tuple[Run, ...]:
    """The runs that a file holds; `UsageError` where it holds anything else."""
    document = read_json(path, _HINT)
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != schema_id(DOCUMENT):
        wanted = schema_id(DOCUMENT)
        raise UsageError(Problem(f"{path}: {other_schema(schema)}, not `{wanted}`", hint=_HINT))
    reader = Reader(path)
    runs = tuple([_run(reader, run, path) for run in reader.mappings(document, "runs")])
    if not runs:
        raise UsageError(Problem(f"{path}: has no runs", hint=_HINT))
    return runs


def _run_document(run: Run, folder: str) -> dict[str, Any]:
    return {
        "model": _reference_from(run.reference, folder),
        "runtime": run.runtime,
        "runtime_version": run.version,
        "precision": run.precision,
        "threads": run.threads,
        "batch": run.batch,
        "device": run.device,
        "counts": dict(run.counts),
        "median_ms": run.median_s * 1e3,
        "fastest_ms": run.fastest_s * 1e3,
        "low_ms": None if run.low_s is None else run.low_s * 1e3,
        "high_ms": None if run.high_s is None else run.high_s * 1e3,
        "noise": run.noise,
        "rounds": run.rounds,
        "runs": run.runs,
        "peak_memory_bytes": run.peak_memory_bytes,
        "energy_mj": None if run.energy_j is None else run.energy_j * 1e3,
        "environment": dict(run.environment),
        "warnings": list(run.warnings),
        "layers_of_node": {node: list(layers) for node, layers in run.layers_of_node.items()},
        "profile": None if run.profile is None else _profile_document(run.profile),
    }


def _profile_document(profile: RuntimeProfile) -> dict[str, Any]:
    whole_s = profile.inference_s
    return {
        "runs": profile.runs,
        "overhead_ms": profile.overhead_s * 1e3,
        "inference_ms": None if whole_s is None else whole_s * 1e3,
        "kernels": [
            {
                "name": kernel.name,
                "operator": kernel.operator,
                "latency_ms": kernel.seconds * 1e3,
                "nodes": list(kernel.nodes),
                "layout": kernel.is_layout,
            }
            for kernel in profile.kernels
        ],
    }


def _reference_from(reference: str, folder: str) -> str:
    """A reference whose path begins in `folder`, where that can be said."""
    name = reference[: name_length(reference)]
    if not is_path(name) or is_revision(name):
        return reference
    slash = max(reference.rfind("/"), reference.rfind("\\"))
    try:
        inside = os.path.relpath(reference[: slash + 1] or os.curdir, folder)
    except ValueError:  # on another drive
        return reference
    return os.path.join(inside, reference[slash + 1 :])


def _run(reader: Reader, run: Mapping[str, Any], path: str) -> Run:
    profile = run.get("profile")
    median_s, fastest_s = _time(reader, run, "median_s"), _time(reader, run, "fastest_s")
    if not 0 < fastest_s <= median_s:
        raise reader.refuse("fastest_ms", "a time above 0 and at most the median")
    return Run(
        reference=reader.text(run, "model"),
        file=path,
        runtime=_name(reader, run, "runtime"),
        version=reader.text(run, "runtime_version"),
        precision=_name(reader, run, "precision"),
        threads=_count(reader, run, "threads"),
        batch=_count(reader, run, "batch"),
        device=_name(reader, run, "device"),
        median_s=median_s,
        fastest_s=fastest_s,
        low_s=reader.seconds(run, "low_s"),
        high_s=reader.seconds(run, "high_s"),
        noise=_noise(reader, run),
        rounds=_count(reader, run, "rounds"),
        runs=_count(reader, run, "runs"),
        peak_memory_bytes=reader.maybe_whole(run, "peak_memory_bytes"),
        energy_j=reader.seconds(run, "energy_j"),
        environment={
            str(key): str(value) for key, value in reader.mapping(run, "environment").items()
        },
        profile=None if profile is None else _profile(reader, reader.mapping(run, "profile")),
        layers_of_node={
            node: _texts(reader, reader.mapping(run, "layers_of_node"), node)
            for node in reader.mapping(run, "layers_of_node")
        },
        counts={key: _count(reader, run["counts"], key) for key in reader.mapping(run, "counts")},
        warnings=_texts(reader, run, "warnings"),
    )


def _profile(reader: Reader, profile: Mapping[str, Any]) -> RuntimeProfile:
    return RuntimeProfile(
        kernels=tuple(
            [
                RuntimeKernel(
                    name=reader.text(kernel, "name"),
                    operator=reader.text(kernel, "operator"),
                    seconds=_time(reader, kernel, "latency_s"),
                    nodes=_texts(reader, kernel, "nodes"),
                    is_layout=kernel.get("layout") is True,
                )
                for kernel in reader.mappings(profile, "kernels")
            ]
        ),
        runs=_count(reader, profile, "runs"),
        overhead_s=_time(reader, profile, "overhead_s"),
        inference_s=reader.seconds(profile, "inference_s"),
    )


def _time(reader: Reader, within: Mapping[str, Any], key: str) -> float:
    seconds = reader.seconds(within, key)
    if seconds is None or not 0 <= seconds < _MOST_S:
        raise reader.refuse(f"{key.removesuffix('_s')}_ms", "a time in milliseconds")
    return seconds


def _count(reader: Reader, within: Mapping[str, Any], key: str) -> int:
    count = reader.whole(within, key)
    if count < 0 or (count == 0 and key in ("threads", "batch", "rounds", "runs")):
        raise reader.refuse(key, "a whole number from 1 on")
    return count


def _noise(reader: Reader, run: Mapping[str, Any]) -> float | None:
    noise = run.get("noise")
    if noise is None:
        return None
    if isinstance(noise, bool) or not isinstance(noise, (int, float)) or not 0 <= noise < 100:
        raise reader.refuse("noise", "a share from 0 on")
    return float(noise)


def _name(reader: Reader, within: Mapping[str, Any], key: str) -> str:
    name = reader.text(within, key)
    if not NAME.fullmatch(name):
        raise reader.refuse(key, "a name")
    return name


def _texts(reader: Reader, within: Mapping[str, Any], key: str) -> tuple[str, ...]:
    texts = reader.items(within, key)
    if not all(isinstance(text, str) for text in texts):
        raise reader.refuse(key, "a list of texts")
    return tuple(texts)


def environment_texts(environment: Environment) -> dict[str, str]:
    """What is known of the machine and the runtime, by name."""
    texts = {}
    for each in fields(environment):
        value = getattr(environment, each.name)
        if isinstance(value, Mapping):
            texts.update({str(key): str(text) for key, text in value.items()})
        elif value is not None:
            texts[each.name] = _text(value)
    return texts


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
