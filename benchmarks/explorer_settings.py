"""How many settings the pages of `explore` know, how large they are, and how long they take.

    python benchmarks/explorer_settings.py [MODEL ...]

For each network of the library, on five devices: settings with one control moved, with two, and
with many, that the page has numbers for, of those that do not break the network; the same for one
control at the other precisions. Sliders are moved to 12 places. Chance is the same each time.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from random import Random
from typing import Any
from unittest.mock import patch

from mnet_cost.devices.choice import choose_devices
from mnet_cost.errors import MnetCostError
from mnet_cost.explorer import document
from mnet_cost.explorer.document import Asked, Explored, explore_document
from mnet_cost.explorer.knobs import Control, Select, Slider
from mnet_cost.explorer.packing import packed_bytes
from mnet_cost.explorer.settings import Likely
from mnet_cost.explorer.structures import Recordings
from mnet_cost.models.library import load_model, model_names
from mnet_cost.models.types import ModelSpec
from mnet_cost.network import elaborate

FIVE = ("pixel_1", "raspberry_pi_4_ncnn", "stm32l4r5_tflm", "jetson_nano", "pixel_3_tflite_gpu")
PLACES = 12
COUNT = 60
"""Settings with two controls moved, and with many."""


class Kept(Recordings):
    """Recordings, kept to ask them afterwards."""

    last: Kept
    spec: ModelSpec
    controls: Sequence[Control]

    def __init__(self, spec: ModelSpec, controls: Sequence[Control], *rest: Any) -> None:
        super().__init__(spec, controls, *rest)
        self.spec, self.controls = spec, controls
        Kept.last = self

    def share(self, settings: Sequence[dict[str, Any]], precision: str) -> str:
        """How many of some settings are known, of those that do not break the network."""
        known = self.holds(settings, precision)
        unknown = [s for s, is_known in zip(settings, known, strict=True) if not is_known]
        return f"{sum(known)}/{sum(known) + sum(map(self._is_legal, unknown))}"

    def _is_legal(self, setting: dict[str, Any]) -> bool:
        of_devices = {s.name for s in self.sliders if s.of == "device"}
        try:
            elaborate(self.spec, {n: v for n, v in setting.items() if n not in of_devices})
        except MnetCostError:
            return False
        return True


def moved(control: Control) -> list[Any]:
    """Values of a control but its default."""
    if isinstance(control, Select):
        return [value for value in control.values if value != control.default]
    if not isinstance(control, Slider):
        return []
    places = [value for value in control.positions() if value != control.default]
    if len(places) <= PLACES:
        return places
    return [places[round(i * (len(places) - 1) / (PLACES - 1))] for i in range(PLACES)]


def measure(name: str) -> None:
    """Print one line."""
    start = time.process_time()
    explored = Explored(name, name, load_model(name))
    with patch.object(document, "Recordings", Kept):
        page = explore_document([explored], Asked(choose_devices(FIVE), FIVE))
    seconds = time.process_time() - start
    kept, chance = Kept.last, Random(1)
    now = Likely(kept.controls, []).now
    values = {control.name: moved(control) for control in kept.controls}
    names = [control for control, found in values.items() if found]
    single = [{**now, control: value} for control in names for value in values[control]]
    pairs, many = [], []
    for _ in range(COUNT if len(names) > 1 else 0):
        chosen = chance.sample(names, 2)
        pairs.append({**now, **{control: chance.choice(values[control]) for control in chosen}})
        chosen = [control for control in names if chance.random() < 0.6]
        many.append({**now, **{control: chance.choice(values[control]) for control in chosen}})
    first, *others = page["precisions"]
    shares = [kept.share(settings, first) for settings in (single, pairs, many)]
    shares += [kept.share(single, precision) for precision in others]
    print(
        f"{name:36} {seconds:6.1f} {packed_bytes(page) / 1e3:6.0f} {len(kept.structures):6}  "
        + "  ".join(shares),
        flush=True,
    )


def main() -> None:
    """Print a line for each network."""
    print(f"{'network':36} {'s':>6} {'kB':>6} {'graphs':>6}  one, two, many; one at others")
    for name in sys.argv[1:] or model_names():
        measure(name)


if __name__ == "__main__":
    main()
