"""Memory of microcontrollers beside published figures: `python
benchmarks/microcontroller_memory.py [--each]`.

`microcontroller_memory.csv` has what compilers and interpreters printed: activations, weights and
their own RAM in KiB (STM32 model zoo), or all RAM and flash of a program in kB (TinyEngine's
README, whose figures are KiB by the sizes of tensors). Ours: the arena of activations under the
rules of the runtime and under the usual ones, and weights as they are stored.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean, median
from typing import NamedTuple

from mnet_cost.analysis.runtime_plan import RuntimePlan, activations_of, launch
from mnet_cost.analysis.stored_weights import stored_weight_bytes
from mnet_cost.analysis.work import add_up, count_work
from mnet_cost.devices.rules import DEFAULT_KERNEL_RULES, runtime_rules
from mnet_cost.models.library import load_model
from mnet_cost.network import elaborate
from mnet_cost.tensors import DTYPES

HERE = Path(__file__).resolve().parent
KIB = 1024


class Row(NamedTuple):
    """One published figure and ours. Bytes; None where the source has none."""

    runtime: str
    version: str
    precision: str
    model: str
    activations: float
    """As published; of a whole program where the source has nothing else."""
    usual: int
    """Our arena under the usual rules."""
    ours: int
    """Our arena under the rules of the runtime."""
    weights: float | None
    dense: int
    """Our weights at the width of the precision."""
    stored: int
    """Our weights with biases as wide as they are stored."""


def compare() -> Iterator[Row]:
    """Each row of the file, in its order."""
    with (HERE / "microcontroller_memory.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            plans = [
                _plan(row["model"], row["precision"], rules)
                for rules in (DEFAULT_KERNEL_RULES, runtime_rules(row["runtime"]))
            ]
            usual, ours = (activations_of(plan).arena_bytes for plan in plans)
            dense = add_up(count_work(plans[0].network, plans[0].precision)).weight_bytes
            yield Row(
                row["runtime"],
                row["version"],
                row["precision"],
                row["model"].rpartition("/")[2],
                float(row["activations_kib"] or row["peak_kb"]) * KIB,
                usual,
                ours,
                float(row["weights_kib"]) * KIB if row["weights_kib"] else None,
                dense,
                stored_weight_bytes(plans[1].kernels, row["precision"], dense),
            )


def _plan(reference: str, precision: str, rules: frozenset[str]) -> RuntimePlan:
    name = str(HERE / reference) if "/" in reference else reference
    model = load_model(name)
    network, dtype = elaborate(model.spec, model.knobs), DTYPES[precision]
    return launch(network, count_work(network, dtype), dtype, rules)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", action="store_true", help="each row as well")
    options = parser.parse_args()
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in compare():
        version = f" {row.version.partition('.')[0]}" if row.runtime == "x-cube-ai" else ""
        groups[f"{row.runtime}{version} {row.precision}"].append(row)
    for name, rows in groups.items():
        before = [row.usual / row.activations - 1 for row in rows]
        after = [row.ours / row.activations - 1 for row in rows]
        print(f"{name}: {len(rows)} rows; activations {_figures(before)} -> {_figures(after)}")
        weights = [row for row in rows if row.weights]
        if weights:
            dense = [row.dense / row.weights - 1 for row in weights if row.weights]
            stored = [row.stored / row.weights - 1 for row in weights if row.weights]
            print(f"    weights {_figures(dense)} -> {_figures(stored)}")
        for row in rows if options.each else ():
            print(f"    {row.model:50} {row.activations / KIB:9.2f} KiB {row.ours / KIB:9.2f}")


def _figures(errors: list[float]) -> str:
    sizes = [abs(error) for error in errors]
    return f"{median(sizes):.1%} / {fmean(sizes):.1%} ({min(errors):+.1%} to {max(errors):+.1%})"


if __name__ == "__main__":
    main()
