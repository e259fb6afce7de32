"""Figures that other tools printed, and what a convention has to make of the same network.

`peers.csv` is written by `benchmarks/peers`, which runs the tools: totals in mult-adds, for small
networks of every kind of layer and for networks of the library.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from mnet_cost.analysis import Analysis, analyze
from mnet_cost.models.library import load_model
from mnet_cost.models.load import parse_spec
from mnet_cost.models.types import ModelSpec


class Figure(NamedTuple):
    """What a tool printed for one network."""

    network: str
    """A name of the library, or the `layers` of a spec."""
    inputs: str
    """The `input` of that spec."""
    batch: int
    written: str
    """How the module that was counted is written, or where it is from."""
    form: str
    """Of small networks: whether it is the `first` form, which conventions take for granted, or an
    `other`. Of whole networks: the kinds that are written otherwise."""
    tool: str
    version: str
    mult_adds: int


FIELDS = Figure._fields


def read_figures() -> list[Figure]:
    with (Path(__file__).parent / "peers.csv").open(newline="", encoding="utf-8") as file:
        _, *rows = csv.reader(file)
    return [
        Figure(network, inputs, int(batch), written, form, tool, version, int(mult_adds))
        for network, inputs, batch, written, form, tool, version, mult_adds in rows
    ]


def spec_of(figure: Figure) -> ModelSpec:
    if not figure.inputs:
        return load_model(figure.network).spec
    return parse_spec(f"format: 1\nname: hand\ninput: {figure.inputs}\nlayers: {figure.network}\n")


def analyzed(figure: Figure) -> Analysis:
    return analyze(spec_of(figure), {"batch": figure.batch}, convention=figure.tool)


def problem(figure: Figure) -> str:
    """What is wrong with our total beside the tool's; nothing if all is as it is said to be."""
    analysis = analyzed(figure)
    agreement, ours = analysis.convention_agreement, analysis.totals.mult_adds
    where = f"{figure.network} {figure.inputs} x{figure.batch}, {figure.written}, {figure.version}"
    wanted = {ours}
    if agreement == "not covered":
        return ""
    if figure.inputs and figure.form == "other" and agreement == "depends":
        wanted = {ours, ours + sum(reservation.mult_adds for reservation in analysis.reservations)}
    elif not figure.inputs:
        wanted = {ours + sum(_change(analysis, otherwise) for otherwise in figure.form.split())}
    if figure.mult_adds in wanted:
        return ""
    said = " or ".join(f"{total:,}" for total in sorted(wanted))
    return f"{where}: {figure.mult_adds:,}, ours {said} ({agreement})"


def _change(tool_analysis: Analysis, otherwise: str) -> int:
    """What the total changes by if layers of a kind are written otherwise, or all but the last."""
    kind, *but_last = otherwise.split("-")
    (reservation,) = [
        reservation for reservation in tool_analysis.reservations if reservation.kind == kind
    ]
    if not but_last:
        return reservation.mult_adds
    paper = analyze(tool_analysis.network.spec, dict(tool_analysis.network.knobs))
    last = reservation.layers[-1]
    before, after = (
        next(cost.mult_adds for cost in analysis.layers if cost.step.name == last)
        for analysis in (paper, tool_analysis)
    )
    return reservation.mult_adds + (after - before)
