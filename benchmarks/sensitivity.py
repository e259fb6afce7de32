"""`sensitivity` against networks that were written anew: each group of ten networks.

Each network is written as a flat spec. For each channel group the text of the spec is edited, one
step narrower and wider, and analyzed; every metric of the network and of the devices has to be the
one that `sensitivity` gives. `python benchmarks/sensitivity.py` prints how many were compared.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from flat_specs import flat_document, flat_spec

from mnet_cost.analysis import Analysis, analyze, analyze_network
from mnet_cost.changes.sensitivity import GroupSensitivity, find_sensitivities
from mnet_cost.network import elaborate

NETWORKS = (
    "mobilenet_v1",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "resnet18",
    "shufflenet_v2",
    "efficientnet",
    "densenet",
    "vit",
    "googlenet",
    "ssdlite320_mobilenet_v2",
)
DEVICES = ("pixel_1", "raspberry_pi_4_ncnn", "stm32h7a3")


def edits(
    analysis: Analysis, sensitivity: GroupSensitivity, steps: int
) -> dict[int, dict[str, int]]:
    """Fields to write, by entry: widths of the members, so many steps wider."""
    layers = analysis.network.steps
    return {
        member.step: {
            str(layers[member.step].layer.width_field): member.channels + steps * member.change
        }
        for member in sensitivity.group.members
    }


def main() -> None:
    compared = wrong = 0
    for name in NETWORKS:
        analysis = analyze(name, devices=DEVICES)
        profiles = [estimate.device for estimate in analysis.devices]
        start = time.perf_counter()
        result = find_sensitivities(analysis)
        took = time.perf_counter() - start
        document = flat_document(analysis.network)
        for each in result.groups:
            for steps, change in ((-1, each.fewer), (1, each.more)):
                if change is None:
                    continue
                network = elaborate(flat_spec(document, edits(analysis, each, steps)))
                compared += 1
                if analyze_network(network, profiles).costs != change.costs:
                    wrong += 1
                    print(f"{name}: {each.name} by {steps}: differs")
        print(f"{name}: {len(result.groups)} groups, {took:.2f} s for {len(DEVICES)} devices")
    print(f"{compared} networks compared, {wrong} differ")


if __name__ == "__main__":
    main()
