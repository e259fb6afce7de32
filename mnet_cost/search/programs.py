"""The rules of an analysis, recorded for one network as a program that many settings share.

A program is what `elaborate` and `network_costs` calculated on recorded knobs: an expression for
each metric, and guards that say for which values of the knobs the network has this structure. It
is also recorded where a network breaks: then its guards say which settings break in this way, and
why. Not here: evaluation (`separable.py`), and which settings are evaluated (`grids.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mnet_cost.analysis.costs import network_costs
from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import MnetCostError
from mnet_cost.metrics import Metric
from mnet_cost.models.types import ModelSpec
from mnet_cost.network import elaborate
from mnet_cost.recording import Graph, Recorded, Recording
from mnet_cost.search.blocks import COSTS, cost_columns, cost_values
from mnet_cost.search.steps import COLUMN, ROW, Steps, among, dependencies, steps_to
from mnet_cost.search.sums import needs_one_axis

_BANDS = ("latency_low", "latency_high")
_ENERGIES = ("energy", "energy_low", "energy_high")
"""Metrics that take a part of the rules of their own, which is recorded where one is asked for."""

Output = int | float | None
"""An int is a node of the graph, a float the same number for all settings, None is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of each setting of a network."""

    spec: ModelSpec
    fixed: Mapping[str, Any]
    """Knobs that are the same for all settings."""
    inputs: tuple[str, ...]
    """Knobs that differ, all of them numbers."""
    whole: frozenset[str]
    """Those of `inputs` that are whole numbers in all settings."""
    devices: tuple[DeviceProfile, ...] = ()
    precisions: tuple[str, ...] = ("fp32",)
    convention: str = "paper"
    metrics: tuple[Metric, ...] = COSTS
    lower_bound: bool = False
    """Whether sums are given although some layers have no cost rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What was recorded at one setting, and holds for all settings that pass the guards."""

    graph: Graph
    inputs: Mapping[str, int]
    """The node of each knob that differs."""
    guards: Mapping[int, bool]
    """Conditions by node, and how they have to come out."""
    outputs: Mapping[tuple[str, str], Output]
    """By precision and column: `("fp32", "latency_ms@pixel_1")`; empty where the network breaks."""
    values: Mapping[tuple[str, str], float | None]
    """The outputs at the recorded setting."""
    problem: str | None = None
    """Why the network breaks, on one line."""
    shape_nodes: int = 0
    """Nodes before this one are of elaboration: sizes and structure."""


def record(question: Question, setting: Mapping[str, Any]) -> Program:
    """The program of `question` at one `setting` of its inputs."""
    graph = Graph()
    recording = Recording(graph)
    knobs = {
        name: recording.input(
            name,
            int(setting[name]) if name in question.whole else float(setting[name]),
            name in question.whole,
        )
        for name in question.inputs
    }
    outputs: dict[tuple[str, str], Output] = {}
    values: dict[tuple[str, str], float | None] = {}
    columns = cost_columns(question.metrics, question.devices)
    asked = {metric.name for metric in question.metrics}
    problem, shape_nodes = None, 0
    try:
        network = elaborate(question.spec, {**question.fixed, **knobs})
        shape_nodes = len(graph.nodes)
        for precision in question.precisions:
            costs = network_costs(
                network, question.devices, precision, question.convention,
                bands=not asked.isdisjoint(_BANDS), energies=not asked.isdisjoint(_ENERGIES),
            )  # fmt: skip
            numbers = cost_values(question.metrics, costs, question.lower_bound)
            for column, value in zip(columns, numbers, strict=True):
                values[precision, column] = None if value is None else float(_plain(value))
                outputs[precision, column] = (
                    value.node if isinstance(value, Recorded) else values[precision, column]
                )
    except MnetCostError as error:
        problem = first_line(error)
        outputs.clear()
        shape_nodes = shape_nodes or len(graph.nodes)
    return Program(
        graph=graph,
        inputs={name: knob.node for name, knob in knobs.items()},
        guards=recording.guards,
        outputs=outputs,
        values=values,
        problem=problem,
        shape_nodes=shape_nodes,
    )


class CompiledProgram:
    """A program with the nodes that its guards and outputs need, for knobs on these axes."""

    def __init__(self, program: Program, rows: Sequence[str], columns: Sequence[str]) -> None:
        self.program = program
        graph, inputs = program.graph, program.inputs
        self.depends = dependencies(
            graph, [inputs[name] for name in rows], [inputs[name] for name in columns]
        )
        guards = list(program.guards)
        self.axis_guards = [g for g in guards if self.depends[g] != ROW | COLUMN]
        self.mixed_guards = [g for g in guards if self.depends[g] == ROW | COLUMN]
        self.for_axis_guards = steps_to(graph, self.axis_guards, self.depends)
        self.for_mixed_guards = steps_to(graph, self.mixed_guards, self.depends)
        outputs = [node for node in program.outputs.values() if isinstance(node, int)]
        for_all = steps_to(graph, outputs, self.depends)
        self._for_outputs: dict[frozenset[str] | None, Steps] = {None: for_all}
        self._may_be_mixed = any(
            self.depends[node] == ROW | COLUMN and needs_one_axis(graph, node)
            for node, _ in for_all
        )

    def steps_for(self, outputs: frozenset[str] | None) -> Steps:
        """What has to be calculated for the outputs of these names; None stands for all.

        They are steps of all outputs, so a number has the same bits whatever is asked for. Counts
        are among them, since one that is too large breaks its setting.
        """
        steps = self._for_outputs.get(outputs)
        if steps is None:
            # An operation that needs its knobs on one axis has to be met, or not, by all.
            names = None if self._may_be_mixed else outputs
            steps = self._for_outputs[None]
            if names is not None:
                whole = self.program.graph.whole
                steps = among(
                    steps,
                    [
                        node
                        for (_, name), node in self.program.outputs.items()
                        if isinstance(node, int) and (name in names or whole[node])
                    ],
                )
            self._for_outputs[outputs] = steps
        return steps


class ProgramLibrary:
    """The programs of a question that are tried for a setting, in their order; knobs are on two
    axes.

    Some more programs may be known, from settings elsewhere. One that holds for a setting is the
    one that would be recorded there, in less time.
    """

    def __init__(self, question: Question, programs: list[Program]) -> None:
        self.question = question
        self._programs = programs
        self._known = [*programs]
        """All that were recorded for any copy of this library."""
        self._compiled: dict[int, CompiledProgram] = {}
        """By the identity of the program, for the axes."""
        self._axes: tuple[Sequence[str], Sequence[str]] = ((), ())

    def use_axes(self, rows: Sequence[str], columns: Sequence[str]) -> None:
        """Say which knobs are on rows and which on columns, from now on."""
        self._axes = rows, columns
        self._compiled = {}

    def copy(self) -> ProgramLibrary:
        """The same programs; what is recorded from now on is not tried by the other library."""
        library = ProgramLibrary(self.question, [*self._programs])
        library._axes, library._compiled, library._known = self._axes, self._compiled, self._known
        return library

    def by_points(self) -> ProgramLibrary:
        """The same programs with all knobs on rows."""
        library = ProgramLibrary(self.question, self._programs)
        library._known = self._known
        library.use_axes(self.question.inputs, ())
        return library

    def compiled(self) -> list[CompiledProgram]:
        """The programs that are tried, in the order in which they came."""
        return [self._compile(program) for program in self._programs]

    def others(self) -> Iterator[CompiledProgram]:
        """Programs that were recorded elsewhere, and are not tried yet."""
        tried = {id(program) for program in self._programs}
        for program in self._known:
            if id(program) not in tried:
                yield self._compile(program)

    def add(self, compiled: CompiledProgram) -> None:
        """Try one of the `others` from now on."""
        self._programs.append(compiled.program)

    def record(self, setting: Mapping[str, float]) -> CompiledProgram:
        """The program at one more setting."""
        program = record(self.question, setting)
        self._programs.append(program)
        self._known.append(program)
        return self._compile(program)

    def _compile(self, program: Program) -> CompiledProgram:
        compiled = self._compiled.get(id(program))
        if compiled is None:
            compiled = self._compiled[id(program)] = CompiledProgram(program, *self._axes)
        return compiled


def first_line(error: MnetCostError) -> str:
    """The message of an error, without its place and its hint."""
    return error.problems[0].message if error.problems else str(error).splitlines()[0]


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Recorded) else value
