"""Imported specs at a second size of images, beside eager PyTorch there.

    python benchmarks/importing/resolutions.py [NAMES]

By default one network of each of the first 34 families of timm. Each is imported at its own size.
The spec is then analyzed at 64 pixels more, and eager PyTorch counted there. same: both give the
same mult-adds and params, or both refuse. refused: the spec is right at its own size alone and says
so. wrong: it gives other numbers. Needs torch and timm. Goals: 30 of 34 the same, none wrong.
"""

from __future__ import annotations

import sys
from collections import Counter

import timm
import torch
from eager import Eager, eager

from mnet_cost.analysis import analyze_network
from mnet_cost.errors import MnetCostError
from mnet_cost.importing.imports import import_model
from mnet_cost.network import elaborate

FAMILIES = 34
MORE = 64
SKIPPED = ("csatv2",)
"""Files of timm's models that are refused at any size, since they mix the examples of a batch."""


def families() -> list[str]:
    """The first network of each file of timm's models, of the first files by these names."""
    first: dict[str, str] = {}
    for name in timm.list_models():
        family = timm.models.model_entrypoint(name).__module__.rpartition(".")[2]
        if family not in SKIPPED:
            first.setdefault(family, name)
    return list(first.values())[:FAMILIES]


def outcome(name: str) -> tuple[str, str]:
    """(`same`, `refused` or `wrong`; why) for one network."""
    with torch.device("meta"):
        module = timm.create_model(name)
    channels, height, width = module.default_cfg["input_size"]
    try:
        imported = import_model(module.eval(), shapes={"x": (1, channels, height, width)})
    except MnetCostError as problem:
        return "refused", str(problem).partition("\n")[0]
    theirs: Eager | None = None
    why = ""
    try:
        theirs = eager(module, (channels, height + MORE, width + MORE))
    except Exception as problem:  # any code may run here
        why = str(problem).partition("\n")[0][:90]
    if "resolution" not in imported.spec.knobs:
        reason = next((note for note in imported.notes if "only" in note), "no knob")
        return ("same", f"both refuse: {why}") if theirs is None else ("refused", reason[:160])
    try:
        network = elaborate(imported.spec, {"resolution": height + MORE})
    except MnetCostError as problem:
        text = str(problem).partition("\n")[0]
        return ("same", "both refuse") if theirs is None else ("refused", text)
    totals = analyze_network(network).totals
    if theirs is None:
        return "wrong", f"{totals.mult_adds:,} mult-adds, and eager refuses: {why}"
    unread = sum(
        int(note.split()[0].replace(",", ""))
        for note in imported.notes
        if note.endswith("are read by no layer")
    )
    ours = (totals.params + unread, totals.mult_adds)
    if ours != theirs[:2]:
        return "wrong", f"{ours}, not {theirs[:2]}"
    return "same", f"{totals.mult_adds:,}"


def main() -> None:
    """Print the outcome of each network, and how many there are of each."""
    torch.set_num_threads(1)
    counts: Counter[str] = Counter()
    for name in sys.argv[1:] or families():
        word, why = outcome(name)
        counts[word] += 1
        print(f"{word:8} {name:32} {why}", flush=True)
    print(", ".join(f"{count} {word}" for word, count in counts.most_common()))


if __name__ == "__main__":
    main()
