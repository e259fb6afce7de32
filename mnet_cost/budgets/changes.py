"""What would pass: for each knob the nearest usual value with which the limits of a budget hold.

Usual values are those that `fit` tries. The nearest value of each knob comes first, then the next
of each, so that a search which ends for its work has seen what is most likely. Not here: what
holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from mnet_cost.analysis import Analysis, analyze_network
from mnet_cost.budgets.judgements import Changes, KnobChange
from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import MnetCostError
from mnet_cost.models.types import Model, ModelSpec
from mnet_cost.network import elaborate

MAX_LAYERS = 2000
"""Most layers of all networks that a run tries: some 0.1 s, so that hooks answer at once."""


class ChangeSearch:
    """Searches of one run, which share the work that it may do."""

    def __init__(self) -> None:
        self._layers_left = MAX_LAYERS

    def search(
        self, spec: ModelSpec, knobs: Mapping[str, Any], devices: Sequence[DeviceProfile],
        precision: str, passes: Callable[[Analysis], bool],
    ) -> Changes | None:  # fmt: skip
        """The nearest value of each knob with which the network passes, the others as in `knobs`;
        None where there is no work left to look for one."""
        if self._layers_left <= 0:
            return None
        from mnet_cost.search.usual_values import usual_values

        present = {name: knobs.get(name, knob.default) for name, knob in spec.knobs.items()}
        values = {knob: _nearest(usual, present[knob])
                  for knob, usual in usual_values(Model(spec, {})).items()}  # fmt: skip
        passing: dict[str, Any] = {}
        untried: set[str] = set()
        for row in zip_longest(*[[(knob, value) for value in each]
                                 for knob, each in values.items()]):  # fmt: skip
            for knob, value in filter(None, row):
                if knob in passing:
                    continue
                if self._layers_left <= 0:
                    untried.add(knob)
                    continue
                try:
                    network = elaborate(spec, {**knobs, knob: value})
                    self._layers_left -= len(network.steps)
                    if passes(analyze_network(network, devices, precision=precision)):
                        passing[knob] = value
                except MnetCostError:  # no network, or none with the part that is limited
                    continue
        changes = [KnobChange(knob, passing[knob], present[knob])
                   for knob in values if knob in passing]  # fmt: skip
        return Changes(tuple(changes), tuple([knob for knob in values if knob not in untried]))


def _nearest(values: Sequence[Any], present: Any) -> list[Any]:
    """`values` without the present one, the nearest in their order first, smaller ones before."""
    numbers = [value for value in (*values, present) if isinstance(value, (int, float))]
    order = sorted({*values, present}) if len(numbers) > len(values) else list(values)
    if present not in order:
        return order
    at = order.index(present)
    others = [value for value in order if value != present]
    return sorted(others, key=lambda value: (abs(order.index(value) - at), order.index(value)))
