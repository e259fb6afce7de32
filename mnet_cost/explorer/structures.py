"""At which settings the costs of a network are recorded, so that the page knows a whole range.

A recording holds wherever its guards come out the same. The ranges of the controls are walked, and
where no recording holds, there is one more onto the same graph: nodes are shared, so it adds what
is new alone. Time, recordings and nodes are bounded; what is left out, the page says.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import MnetCostError
from mnet_cost.explorer.device_knobs import with_factors
from mnet_cost.explorer.folding import Row, folded, rows_of
from mnet_cost.explorer.knobs import Control, Slider
from mnet_cost.explorer.program import Replay
from mnet_cost.explorer.recorded import Outline, outline_costs
from mnet_cost.explorer.varieties import variety_of
from mnet_cost.models.types import ModelSpec
from mnet_cost.network import Network, elaborate
from mnet_cost.recording import Graph, Recording

_SECONDS = 2.0
"""After so much time no recording is begun."""
_MOST_BYTES = 165_000
"""No recording is begun that would make the packed data larger, about."""
_NODE_BYTES = 0.65
_ROW_BYTES = 3
"""What a node, and a layer on a device at a precision, take when they are packed; measured."""


class Structure(NamedTuple):
    """What was recorded at one setting."""

    setting: Mapping[str, Any]
    """Values of all knobs, where it was recorded."""
    fixed: Mapping[str, Any]
    """Those of knobs without a slider, for which it holds alone."""
    network: Network
    """Of recorded sizes."""
    guards: Mapping[str, Mapping[int, bool]]
    """By precision: conditions by node, and how they have to come out."""
    outlines: Mapping[str, Outline]
    """By precision."""
    rows: tuple[Row, ...] | None = None
    """Of a large network, what its outlines have in the place of layers."""

    @property
    def knobs(self) -> dict[str, Any]:
        """The values of the network's knobs where it was recorded; the rest of the setting is about
        devices."""
        return {
            name: value
            for name, value in self.setting.items()
            if name in self.network.knobs or "." in name
        }


class Recordings:
    """The structures of one network on one graph, and the settings at which they hold."""

    def __init__(
        self,
        spec: ModelSpec,
        controls: Sequence[Control],
        devices: Sequence[DeviceProfile],
        precisions: Sequence[str],
        convention: str = "paper",
        lower_bound: bool = False,
    ) -> None:
        self.graph = Graph()
        self.structures: list[Structure] = []
        self.sliders = [control for control in controls if isinstance(control, Slider)]
        self.inputs = self._make_inputs()
        self.broken: list[Mapping[str, Any]] = []
        """Settings at which the network breaks."""
        self.missing: list[Mapping[str, Any]] = []
        """Settings that were looked at and have no structure, since time or room was out."""
        self._spec = spec
        self._controls = controls
        self._devices = devices
        self.precisions = tuple(precisions)
        """Those that there is room for, the default first."""
        self._convention = convention
        self._lower_bound = lower_bound

    def walk(self, settings: Sequence[Mapping[str, Any]]) -> None:
        """Record at the first of `settings`, and at others where no recording holds, as far as time
        and room allow."""
        start = time.process_time()
        columns = self._columns(settings)
        waiting = list(range(len(settings)))
        while waiting and not (self.structures and self._is_full(start)):
            setting = settings[waiting[0]]
            structure = self.record(setting)
            if len(self.structures) == 1 and self.bytes() > _MOST_BYTES and self.precisions[1:]:
                self._restart(self.precisions[:1])
                continue
            if structure is None:
                del waiting[0]
                continue
            held = self._held(structure, waiting, settings, columns)
            held.add(waiting[0])  # what was recorded there holds there
            waiting = [number for number in waiting if number not in held]
        self.missing = [settings[number] for number in waiting]

    def keep(self, count: int) -> None:
        """Leave out all but the first `count` structures."""
        self.missing = [*[each.setting for each in self.structures[count:]], *self.missing]
        del self.structures[count:]

    def bytes(self) -> float:
        """About how many bytes all that is recorded takes, packed."""
        rows = sum([len(each.rows or each.network.steps) for each in self.structures])
        each = (1 + len(self._devices)) * len(self.precisions)
        return _NODE_BYTES * len(self.graph.nodes) + _ROW_BYTES * rows * each

    def _is_full(self, start: float) -> bool:
        """Whether time, or room for one more recording like the last one, is out."""
        if time.process_time() - start > _SECONDS:
            return True
        return self.bytes() * (1 + 1 / len(self.structures)) > _MOST_BYTES

    def _restart(self, precisions: Sequence[str]) -> None:
        """Begin anew, with fewer precisions."""
        self.precisions = tuple(precisions)
        self.graph, self.structures = Graph(), []
        self.inputs = self._make_inputs()

    def _make_inputs(self) -> list[int]:
        return [
            self.graph.index("input", (), slider.name, slider.is_whole) for slider in self.sliders
        ]

    def _columns(self, settings: Sequence[Mapping[str, Any]]) -> dict[int, Any]:
        """The values of the inputs at all settings, by node."""
        import numpy

        return {
            node: numpy.array([setting[slider.name] for setting in settings], dtype=float)
            for node, slider in zip(self.inputs, self.sliders, strict=True)
        }

    def _held(
        self,
        structure: Structure,
        waiting: Sequence[int],
        settings: Sequence[Mapping[str, Any]],
        columns: Mapping[int, Any],
    ) -> set[int]:
        """Those of the settings that wait at which `structure` holds."""
        alike = [n for n in waiting if self._fixed(settings[n]) == structure.fixed]
        inputs = {node: column[alike] for node, column in columns.items()}
        held: Any = True
        for guards in structure.guards.values():
            held = held & Replay(self.graph, guards).hold(inputs)
        return {
            number for number, holds in zip(alike, _flags(held, len(alike)), strict=True) if holds
        }

    def record(self, setting: Mapping[str, Any]) -> Structure | None:
        """Record at a setting; None where the network breaks. At the first one it raises why."""
        recording = Recording(self.graph)
        knobs = dict(setting)
        factors = {}
        for slider in self.sliders:
            number = recording.input(slider.name, setting[slider.name], slider.is_whole)
            if slider.of == "device":
                factors[slider.name] = number
                del knobs[slider.name]
            else:
                knobs[slider.name] = number
        outlines, guards = {}, {}
        try:
            network = elaborate(self._spec, knobs)
            common = dict(recording.guards)
            rows = rows_of(
                [step.name for step in network.steps], [variety_of(step) for step in network.steps]
            )
            for precision in self.precisions:
                recording.guards = dict(common)
                devices = with_factors(self._devices, precision, factors)
                outline = outline_costs(
                    network, devices, precision, self._convention, self._lower_bound
                )
                outlines[precision] = outline if rows is None else folded(outline, rows)
                guards[precision] = recording.guards
        except MnetCostError:
            if not self.structures:  # what is asked for is wrong
                raise
            self.broken.append(setting)
            return None
        structure = Structure(setting, self._fixed(setting), network, guards, outlines, rows)
        self.structures.append(structure)
        return structure

    def _fixed(self, setting: Mapping[str, Any]) -> dict[str, Any]:
        sliders = {slider.name for slider in self.sliders}
        return {name: value for name, value in setting.items() if name not in sliders}


def _flags(held: Any, count: int) -> list[bool]:
    """A list of flags, of an array or of one flag for all."""
    import numpy

    return [bool(flag) for flag in numpy.broadcast_to(held, (count,))]
