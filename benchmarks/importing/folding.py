"""Networks of timm as specs that a person can read: how long they are, and whether they are exact.

    python benchmarks/importing/folding.py --cache FOLDER [NAMES]

Takes the programs that `timm_networks` left in FOLDER. Each becomes a folded and a flat spec; both
are elaborated, and mult-adds and params compared with eager PyTorch. Prints what fails and why, then
lines and CPU times. Goals: all equal; 65 lines in the median, 120 or less for 90 %.
"""

from __future__ import annotations

import argparse
import pickle
import statistics
import time
from pathlib import Path
from typing import NamedTuple

from mnet_cost.analysis import analyze_network
from mnet_cost.errors import MnetCostError
from mnet_cost.importing.files import layers_of
from mnet_cost.importing.patterns import recognized
from mnet_cost.importing.written import written
from mnet_cost.models.dump import dump_data
from mnet_cost.models.plain_data import spec_from_data
from mnet_cost.network import elaborate

SHORT = 120


class Row(NamedTuple):
    """What came of one network."""

    name: str
    lines: int = 0
    flat_lines: int = 0
    seconds: float = 0.0
    problem: str = ""


def row(path: Path) -> Row:
    """Write one network in both forms, and compare them with eager PyTorch."""
    eager, _, graph = pickle.loads(path.read_bytes())
    params, mult_adds = eager[:2]
    start = time.process_time()
    try:
        flat = layers_of(graph)
        folded = recognized(flat)
        form = written(folded)
    except MnetCostError as problem:
        return Row(path.stem, problem=str(problem).partition("\n")[0])
    seconds = time.process_time() - start
    unread = sum(
        int(note.split()[0].replace(",", ""))
        for note in folded.notes
        if note.endswith("are read by no layer")
    )
    problems = []
    texts = []
    for name, data in (("folded", form.data), ("flat", written(flat, flat=True).data)):
        texts.append(dump_data(data).count("\n"))
        totals = analyze_network(elaborate(spec_from_data(data), {})).totals
        if totals.mult_adds != mult_adds:
            problems.append(f"{name} has {totals.mult_adds:,} mult-adds, eager {mult_adds:,}")
        if totals.params + unread != params:
            problems.append(f"{name} has {totals.params + unread:,} params, eager {params:,}")
    return Row(path.stem, texts[0], texts[1], seconds, "; ".join(problems))


def main() -> None:
    """Print what fails, then the sums."""
    parser = argparse.ArgumentParser(description="Networks of timm as specs.")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--cache", type=Path, required=True)
    options = parser.parse_args()
    paths = sorted(options.cache.glob("*.pickle"))
    if options.names:
        paths = [path for path in paths if path.stem in options.names]
    rows = []
    for path in paths:
        rows.append(row(path))
        if rows[-1].problem:
            print(f"{rows[-1].name}: {rows[-1].problem}", flush=True)
    specs = [row for row in rows if row.lines]
    lines = [row.lines for row in specs]
    times = [row.seconds for row in specs]
    print(f"{len(rows)} networks; {sum(not row.problem for row in rows)} equal in both forms")
    print(
        f"lines: flat {statistics.median(row.flat_lines for row in specs):.0f}, folded "
        f"{statistics.median(lines):.0f} in the median; {SHORT} or less: "
        f"{sum(n <= SHORT for n in lines)} of {len(lines)}"
    )
    print(
        f"CPU seconds to map, fold and compare: {statistics.median(times):.2f} in the median, "
        f"{max(times):.2f} at most"
    )
    longest = sorted(specs, key=lambda row: -row.lines)[:30]
    print("longest: " + ", ".join(f"{row.name} {row.lines}" for row in longest))


if __name__ == "__main__":
    main()
