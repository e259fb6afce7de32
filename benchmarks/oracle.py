"""Random networks, or the whole library, against torch: shapes, params, buffers, mult-adds.

    python benchmarks/oracle.py [NETWORKS] [--from SEED]     random ones; 2,000 by default
    python benchmarks/oracle.py --library                    each network, each setting of knobs

Prints each disagreement and the kinds of layers that were there; ends with 1 if any disagrees.
Needs torch. Random ones run on the meta device and on the CPU, where torch has fused operations.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "torch_model"))

from library_settings import settings_of
from oracle import disagreements
from random_networks import DRAWN, random_network

from mnet_cost.errors import SpecError
from mnet_cost.models.catalog import read_catalog
from mnet_cost.models.library import load_model
from mnet_cost.network import Network, elaborate


def report(name: str, network: Network, kinds: Counter[str], devices: tuple[str, ...]) -> bool:
    """Compare one network and print what differs; whether something does."""
    kinds.update(step.layer.kind for step in network.steps)
    found = [f"{on}: {one}" for on in devices for one in disagreements(network, on)]
    for one in found:
        print(f"{name}: {one}", flush=True)
    return bool(found)


def random_ones(seeds: range) -> int:
    """The number of random networks that disagree."""
    kinds: Counter[str] = Counter()
    wrong = sum(
        report(f"seed {seed}", random_network(seed), kinds, ("meta", "cpu")) for seed in seeds
    )
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
            wrong += report(f"{listed.name} {knobs}", network, kinds, ("meta",))
    print(f"{len(networks)} networks in {compared} settings: {wrong} disagree; {refused} refused")
    print(f"{sum(kinds.values()):,} layers of {len(kinds)} kinds")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", type=int, nargs="?", default=2000)
    parser.add_argument("--from", dest="first", type=int, default=0, metavar="SEED")
    parser.add_argument("--library", action="store_true")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.networks)
    wrong = library() if options.library else random_ones(seeds)
    print(f"{process_time():.0f} s CPU")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
