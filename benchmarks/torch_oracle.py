"""Random networks, or the whole library, against torch: shapes, params, buffers, mult-adds.

    python benchmarks/torch_oracle.py [NETWORKS] [--from SEED]  random ones; 2,000 by default
    python benchmarks/torch_oracle.py --library                 each network, each setting of knobs
    python benchmarks/torch_oracle.py --onnx [--library]        exported files in onnxruntime

Prints each disagreement and the kinds of layers that were there; ends with 1 if any disagrees.
Needs torch. Random ones run on the meta device and on the CPU, where torch has fused operations.
With --onnx (needs onnx, onnxscript and onnxruntime) each file has to pass the checker and give
the values of the module; 200 random networks by default, the library at a small resolution.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from time import process_time
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "torch_model"))

from library_settings import settings_of
from oracle import disagreements
from random_networks import DRAWN, random_network

from mnet_cost.errors import MnetCostError, SpecError
from mnet_cost.models.catalog import read_catalog
from mnet_cost.models.library import load_model
from mnet_cost.models.types import ModelSpec
from mnet_cost.network import Network, elaborate

RESOLUTIONS = (33, 65, 97, 131)
"""Of the library's networks with --onnx: odd, so that padding is not alike on all sides."""


Compare = Callable[[Network], list[str]]
"""From a network to what disagrees."""


def counts(*devices: str) -> Compare:
    """What is compared by default: shapes and counts, on each device."""
    return lambda network: [f"{on}: {one}" for on in devices for one in disagreements(network, on)]


def exported(network: Network) -> list[str]:
    """What is compared with --onnx."""
    from onnx_oracle import onnx_disagreements

    return onnx_disagreements(network)


def report(name: str, network: Network, kinds: Counter[str], compare: Compare) -> bool:
    """Compare one network and print what differs; whether something does."""
    kinds.update(step.layer.kind for step in network.steps)
    try:
        found = compare(network)
    except MnetCostError as error:
        found = [str(error)]
    for one in found:
        print(f"{name}: {one}", flush=True)
    return bool(found)


def random_ones(seeds: range, compare: Compare) -> int:
    """The number of random networks that disagree."""
    kinds: Counter[str] = Counter()
    wrong = sum(report(f"seed {seed}", random_network(seed), kinds, compare) for seed in seeds)
    print(f"{len(seeds):,} random networks of {sum(kinds.values()):,} layers: {wrong} disagree")
    print(f"{len(kinds)} of {len(DRAWN)} kinds; layers of each:")
    print(", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common()))
    return wrong


def library() -> int:
    """The number of settings of networks of the library that disagree."""
    kinds: Counter[str] = Counter()
    compared = wrong = refused = 0
    networks = read_catalog().networks
    for listed in networks:
        spec = load_model(listed.names[0]).spec
        for knobs in ({}, *settings_of(spec)):
            try:
                network = elaborate(spec, knobs)
            except SpecError:
                refused += 1
                continue
            compared += 1
            wrong += report(f"{listed.name} {knobs}", network, kinds, counts("meta"))
    print(f"{len(networks)} networks in {compared} settings: {wrong} disagree; {refused} refused")
    print(f"{sum(kinds.values()):,} layers of {len(kinds)} kinds")
    return wrong


def small(spec: ModelSpec, given: Mapping[str, Any]) -> Network:
    """A network of the library at the smallest of some resolutions that it takes."""
    for resolution in RESOLUTIONS if "resolution" in spec.knobs else ():
        try:
            return elaborate(spec, {**given, "resolution": resolution})
        except SpecError:
            continue
    return elaborate(spec, given)


def exported_library() -> int:
    """The number of networks of the library whose ONNX files disagree."""
    kinds: Counter[str] = Counter()
    wrong = 0
    networks = read_catalog().networks
    for listed in networks:
        model = load_model(listed.names[0])
        start = process_time()
        bad = report(listed.name, small(model.spec, model.knobs), kinds, exported)
        wrong += bad
        verdict = "disagrees" if bad else "agrees"
        print(f"{listed.name}: {verdict}, {process_time() - start:.0f} s CPU", flush=True)
    print(
        f"{len(networks)} networks, {sum(kinds.values()):,} layers of {len(kinds)} kinds: ", end=""
    )
    print(f"{wrong} disagree")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", type=int, nargs="?")
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="SEED")
    parser.add_argument("--library", action="store_true")
    parser.add_argument("--onnx", action="store_true")
    options = parser.parse_args()
    networks = options.networks or (200 if options.onnx else 2000)
    seeds = range(options.first, options.first + networks)
    if options.library:
        wrong = exported_library() if options.onnx else library()
    else:
        wrong = random_ones(seeds, exported if options.onnx else counts("meta", "cpu"))
    print(f"{process_time():.0f} s CPU")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
