"""Shapes, params, buffers and mult-adds of random networks or of the library, against torch.

    python benchmarks/torch_oracle.py [NETWORKS] [--from SEED]  random networks; 2,000 by default
    python benchmarks/torch_oracle.py --library                 all networks at many knob settings
    python benchmarks/torch_oracle.py --onnx [--library]        values of ONNX files

Prints each disagreement and how many layers of each kind were compared; the exit status is 1 after
a disagreement. Needs torch. Random networks run on the meta device and on the CPU, where torch has
fused operations. With --onnx (needs onnx, onnxscript and onnxruntime) each exported file has to
pass the checker, and onnxruntime has to give the module's values; the default is 200 random
networks, and the library is exported at a small resolution.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
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

RESOLUTIONS = (33, 65, 97, 131, 205)
"""Image sizes of the library with --onnx: odd, so that padding differs from side to side."""

Compare = Callable[[Network], list[str]]
"""Takes a network, returns its disagreements."""


def compare_counts(*devices: str) -> Compare:
    """Compare shapes and counts on each of these torch devices."""
    return lambda network: [
        f"{device}: {problem}" for device in devices for problem in disagreements(network, device)
    ]


def compare_onnx(network: Network) -> list[str]:
    """Compare the values of the exported file with those of the module."""
    from onnx_oracle import is_exportable, onnx_disagreements

    return onnx_disagreements(network) if is_exportable(network) else []


def report(name: str, network: Network, kinds: Counter[str], compare: Compare) -> bool:
    """Compare one network and print what differs; True if anything differs."""
    kinds.update(step.layer.kind for step in network.steps)
    try:
        problems = compare(network)
    except MnetCostError as error:
        problems = [str(error)]
    for problem in problems:
        print(f"{name}: {problem}", flush=True)
    return bool(problems)


def check_random(seeds: range, compare: Compare) -> int:
    """The number of random networks that disagree."""
    kinds: Counter[str] = Counter()
    wrong = sum(report(f"seed {seed}", random_network(seed), kinds, compare) for seed in seeds)
    print(f"{len(seeds):,} random networks of {sum(kinds.values()):,} layers: {wrong} disagree")
    print(f"{len(kinds)} of {len(DRAWN)} kinds; layers of each:")
    print(", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common()))
    return wrong


def check_library() -> int:
    """The number of knob settings, over all networks of the library, that disagree."""
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
            wrong += report(f"{listed.name} {knobs}", network, kinds, compare_counts("meta"))
    print(f"{len(networks)} networks in {compared} settings: {wrong} disagree; {refused} refused")
    print(f"{sum(kinds.values()):,} layers of {len(kinds)} kinds")
    return wrong


def small_networks(spec: ModelSpec, knobs: Mapping[str, Any]) -> Iterator[Network]:
    """The network at those of `RESOLUTIONS` that it takes, or as it is."""
    takes_any = False
    for resolution in RESOLUTIONS if "resolution" in spec.knobs else ():
        try:
            network = elaborate(spec, {**knobs, "resolution": resolution})
        except SpecError:
            continue
        takes_any = True
        yield network
    if not takes_any:
        yield elaborate(spec, knobs)


def compare_small_onnx(networks: Iterator[Network]) -> Compare:
    """Compare the values of a network; where rounding decides them, those of the next one."""

    def compare(network: Network) -> list[str]:
        from onnx_oracle import ROUNDING_ALONE

        problems = compare_onnx(network)
        for larger in networks:
            if ROUNDING_ALONE not in problems:
                break
            problems = compare_onnx(larger)
        return problems

    return compare


def check_exported_library() -> int:
    """The number of networks of the library whose ONNX files disagree."""
    kinds: Counter[str] = Counter()
    wrong = 0
    networks = read_catalog().networks
    for listed in networks:
        model = load_model(listed.names[0])
        start = process_time()
        sizes = small_networks(model.spec, model.knobs)
        smallest = next(sizes)
        disagrees = report(listed.name, smallest, kinds, compare_small_onnx(sizes))
        wrong += disagrees
        verdict = "disagrees" if disagrees else "agrees"
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
        wrong = check_exported_library() if options.onnx else check_library()
    else:
        wrong = check_random(seeds, compare_onnx if options.onnx else compare_counts("meta", "cpu"))
    print(f"{process_time():.0f} s CPU")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
