"""At which settings the costs of a network are recorded, so that the page knows a whole range.

A recording holds wherever its guards come out the same. The settings are walked, the most likely
ones first, each at one precision. Where no recording holds, there is one more onto the same graph:
nodes are shared, so it adds what is new alone. Time and room are bounded; what is left out, the
page says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
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

SECONDS = 5.0
"""Of the processor: no recording is begun that would take longer, as long as the last one took."""

Setting = Mapping[str, Any]


class Structure(NamedTuple):
    """What was recorded at one setting."""

    setting: Setting
    """Values of all knobs, where it was recorded."""
    fixed: Setting
    """Those of knobs without a slider, for which it holds alone."""
    network: Network
    """Of recorded sizes."""
    common: Mapping[int, bool]
    """Conditions of the network, at any precision, by node."""
    rows: tuple[Row, ...] | None
    """Of a large network, what its outlines have in the place of layers."""
    guards: dict[str, Mapping[int, bool]]
    """By precision: conditions by node, and how they have to come out."""
    outlines: dict[str, Outline]
    """By precision."""

    @property
    def knobs(self) -> dict[str, Any]:
        """The values of the network's knobs where it was recorded; the rest of the setting is about
        devices."""
        return {
            name: value
            for name, value in self.setting.items()
            if name in self.network.knobs or "." in name
        }


class Made(NamedTuple):
    """One recording: a structure at a precision."""

    structure: Structure
    precision: str


class Recordings:
    """The structures of one network on one graph, and the settings at which they hold."""

    def __init__(
        self,
        spec: ModelSpec,
        controls: Sequence[Control],
        devices: Sequence[DeviceProfile],
        convention: str = "paper",
        lower_bound: bool = False,
    ) -> None:
        self.graph = Graph()
        self.made: list[Made] = []
        """In the order in which they were recorded."""
        self.sliders = [control for control in controls if isinstance(control, Slider)]
        self.inputs = [
            self.graph.index("input", (), slider.name, slider.is_whole) for slider in self.sliders
        ]
        self.missing = False
        """Whether there are settings that have no structure, since time or room was out."""
        self.is_late = False
        """Whether that was the time."""
        self._spec = spec
        self._devices = devices
        self._convention = convention
        self._lower_bound = lower_bound
        self._spent = self._last = 0.0
        """Seconds of the processor: of all recordings, and of the last one."""
        self._networks: dict[tuple[Any, ...], tuple[Structure, Recording, Setting] | None] = {}
        """By setting; None where the network breaks."""
        self._recordings: dict[tuple[Any, ...], Recording] = {}
        """By the values of the sliders."""

    @property
    def structures(self) -> list[Structure]:
        """Each once."""
        found = {id(made.structure): made.structure for made in self.made}
        return list(found.values())

    def walk(
        self, settings: Sequence[Setting], precision: str, has_room: Callable[[Made], bool]
    ) -> None:
        """Record at those of `settings` where no recording holds, as far as time allows, and as
        long as `has_room` of the last recording. The very first one is always made."""
        columns = self._columns(settings)
        waiting = set(range(len(settings)))
        for made in self.made:
            if made.precision == precision:
                waiting -= self._held(made, sorted(waiting), settings, columns)
        for number, setting in enumerate(settings):
            if number not in waiting:
                continue
            if self.missing or (self.made and self._spent + self._last > SECONDS):
                self.is_late = self.is_late or not self.missing
                self.missing = True
                return
            waiting.discard(number)  # what is recorded there holds there
            start = time.process_time()
            new = self.record(setting, precision)
            self._last = time.process_time() - start
            self._spent += self._last
            if new is not None:
                waiting -= self._held(new, sorted(waiting), settings, columns)
                if not has_room(new):
                    self.missing = True
                    return

    def leave_out(self, count: int) -> None:
        """Leave out the last `count` recordings."""
        del self.made[len(self.made) - count :]
        self.missing, self.is_late = True, False

    def holds(self, settings: Sequence[Setting], precision: str) -> list[bool]:
        """At which settings some recording holds."""
        columns = self._columns(settings)
        held: set[int] = set()
        for made in self.made:
            if made.precision == precision:
                held |= self._held(made, range(len(settings)), settings, columns)
        return [number in held for number in range(len(settings))]

    def _columns(self, settings: Sequence[Setting]) -> dict[int, Any]:
        """The values of the inputs at all settings, by node."""
        import numpy

        return {
            node: numpy.array([setting[slider.name] for setting in settings], dtype=float)
            for node, slider in zip(self.inputs, self.sliders, strict=True)
        }

    def _held(
        self,
        made: Made,
        among: Iterable[int],
        settings: Sequence[Setting],
        columns: Mapping[int, Any],
    ) -> set[int]:
        """Those of some settings at which a recording holds."""
        fixed = made.structure.fixed
        alike = [n for n in among if self._fixed(settings[n]) == fixed]
        if not alike:
            return set()
        inputs = {node: column[alike] for node, column in columns.items()}
        held = Replay(self.graph, made.structure.guards[made.precision]).hold(inputs)
        return {
            number for number, holds in zip(alike, _flags(held, len(alike)), strict=True) if holds
        }

    def record(self, setting: Setting, precision: str) -> Made | None:
        """Record at a setting; None where the network breaks. At the first one it raises why."""
        try:
            found = self._network(setting)
            if found is None:
                return None
            structure, recording, factors = found
            recording.guards = dict(structure.common)
            outline = outline_costs(
                structure.network,
                with_factors(self._devices, precision, factors),
                precision,
                self._convention,
                self._lower_bound,
            )
            if structure.rows is not None:
                outline = folded(outline, structure.rows)
        except MnetCostError:
            if not self.made:  # what is asked for is wrong
                raise
            return None
        structure.outlines[precision] = outline
        structure.guards[precision] = recording.guards
        made = Made(structure, precision)
        self.made.append(made)
        return made

    def _network(self, setting: Setting) -> tuple[Structure, Recording, Setting] | None:
        """The network at a setting, what it is recorded by, and the factors of devices."""
        key = tuple(setting.values())
        if key in self._networks:
            return self._networks[key]
        self._networks[key] = None
        # Of equal inputs all numbers are the same, so that most of them are there already.
        inputs = tuple([setting[slider.name] for slider in self.sliders])
        recording = self._recordings.setdefault(inputs, Recording(self.graph))
        recording.guards = {}
        knobs = dict(setting)
        factors = {}
        for slider in self.sliders:
            number = recording.input(slider.name, setting[slider.name], slider.is_whole)
            if slider.of == "device":
                factors[slider.name] = number
                del knobs[slider.name]
            else:
                knobs[slider.name] = number
        network = elaborate(self._spec, knobs)
        names = [step.name for step in network.steps]
        rows = rows_of(names, [variety_of(step) for step in network.steps])
        common = dict(recording.guards)
        structure = Structure(setting, self._fixed(setting), network, common, rows, {}, {})
        found = self._networks[key] = (structure, recording, factors)
        return found

    def _fixed(self, setting: Setting) -> dict[str, Any]:
        sliders = {slider.name for slider in self.sliders}
        return {name: value for name, value in setting.items() if name not in sliders}


def _flags(held: Any, count: int) -> list[bool]:
    """A list of flags, of an array or of one flag for all."""
    import numpy

    return [bool(flag) for flag in numpy.broadcast_to(held, (count,))]
