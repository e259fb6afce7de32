"""Copies of an entry as one `nn.Sequential`, called at once where they follow each other."""

from __future__ import annotations

from typing import Any

from mnet_cost.torch_model.source.instances import Act, Copies, Instance, values_in
from mnet_cost.torch_model.source.record import Ref


def join_copies(instance: Instance) -> None:
    """Put modules `a.1`, `a.2`, ... together, and their calls where they follow each other."""
    counts: dict[str, list[str]] = {}
    for name in instance.made:
        base, _, number = name.rpartition(".")
        if number.isdigit() and "." not in base and base:
            counts.setdefault(base, []).append(name)
    below = {name.split(".")[0] for name in instance.made if name.count(".") > 1}
    for base, names in counts.items():
        wanted = [f"{base}.{i}" for i in range(1, len(names) + 1)]
        if sorted(names) != sorted(wanted) or base in below:
            continue
        elements = tuple(instance.made[name] for name in wanted)
        made: dict[str, Any] = {}
        for name, one in instance.made.items():
            if name == wanted[0]:
                made[base] = Copies(elements)  # type: ignore[arg-type]
            elif name not in wanted:
                made[name] = one
        instance.made = made
        _join_calls(instance, base, wanted)


def _join_calls(instance: Instance, base: str, names: list[str]) -> None:
    acts = [act for act in instance.acts if act.name in names]
    if [act.name for act in acts] != names or any(
        not isinstance(act.target, Ref) or act.target.path != act.name for act in acts
    ):
        return
    first = instance.acts.index(acts[0])
    if instance.acts[first : first + len(acts)] != acts:
        return
    uses = [
        value
        for act in instance.acts
        for argument in act.arguments.values()
        for value in values_in(argument)
    ] + instance.outputs
    for act, after in zip(acts, [*acts[1:], None], strict=True):
        if len(act.results) != 1 or len(act.arguments) != 1:
            return
        if after is not None and (
            list(after.arguments.values()) != act.results or uses.count(act.results[0]) != 1
        ):
            return
    whole = Act(base, Ref(base), acts[0].arguments, acts[-1].results, line=acts[0].line)
    instance.acts[first : first + len(acts)] = [whole]
