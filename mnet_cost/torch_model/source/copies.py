"""Copies of an entry as one `nn.Sequential`, called at once where they follow each other."""

from __future__ import annotations

from collections import Counter
from typing import Any

from mnet_cost.torch_model.source.instances import Act, Copies, Instance, values_in
from mnet_cost.torch_model.source.record import Ref, Value


def join_copies(instance: Instance) -> None:
    """Put modules `a.1`, `a.2`, ... together, and their calls where they follow each other."""
    counts: dict[str, list[str]] = {}
    for name in instance.made:
        base, _, number = name.rpartition(".")
        if number.isdigit() and "." not in base and base:
            counts.setdefault(base, []).append(name)
    below = {name.split(".")[0] for name in instance.made if name.count(".") > 1}
    joined: dict[str, tuple[str, list[str]]] = {}
    for base, names in counts.items():
        wanted = [f"{base}.{i}" for i in range(1, len(names) + 1)]
        if sorted(names) == sorted(wanted) and base not in below:
            joined[wanted[0]] = base, wanted
    others = {name for _, wanted in joined.values() for name in wanted}
    made: dict[str, Any] = {}
    for name, one in instance.made.items():
        if name in joined:
            base, wanted = joined[name]
            made[base] = Copies(tuple(instance.made[copy] for copy in wanted))  # type: ignore[misc]
        elif name not in others:
            made[name] = one
    instance.made = made
    if joined:
        _join_calls(instance, [*joined.values()])


def _join_calls(instance: Instance, joined: list[tuple[str, list[str]]]) -> None:
    """One call for the calls of all copies of each base in `joined`, where that is the same."""
    places: dict[str, list[int]] = {}
    for place, act in enumerate(instance.acts):
        places.setdefault(act.name, []).append(place)
    uses = Counter(
        value
        for act in instance.acts
        for argument in act.arguments.values()
        for value in values_in(argument)
    )
    uses.update(instance.outputs)
    whole: dict[int, Act] = {}
    left_out: set[int] = set()
    for base, names in joined:
        found = sorted(place for name in names for place in places.get(name, ()))
        acts = [instance.acts[place] for place in found]
        follow = found == [*range(found[0], found[0] + len(found))] if found else False
        if follow and [act.name for act in acts] == names and _is_chain(acts, uses):
            left_out.update(found[1:])
            whole[found[0]] = Act(
                base, Ref(base), acts[0].arguments, acts[-1].results, line=acts[0].line
            )
    instance.acts = [
        whole.get(place, act) for place, act in enumerate(instance.acts) if place not in left_out
    ]


def _is_chain(acts: list[Act], uses: Counter[Value]) -> bool:
    """Whether each act calls its own module with what the one before gives, and nobody else has."""
    for act, after in zip(acts, [*acts[1:], None], strict=True):
        if not isinstance(act.target, Ref) or act.target.path != act.name:
            return False
        if len(act.results) != 1 or len(act.arguments) != 1:
            return False
        if after is not None and (
            list(after.arguments.values()) != act.results or uses[act.results[0]] != 1
        ):
            return False
    return True
