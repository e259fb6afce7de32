"""Copies of an entry become an `nn.Sequential`, called once where each feeds the next."""

from __future__ import annotations

from collections import Counter
from typing import Any

from mnet_cost.torch_model.source.call_tree import Act, Instance, ModuleSequence, values_in
from mnet_cost.torch_model.source.record import RecordedValue, Ref


def join_sequences(instance: Instance) -> None:
    """Replace modules `a.1`, `a.2`, ... by a sequence `a`, and their calls by a call of it.

    Their calls stay as they are where the result of a copy is used other than by the next copy.
    """
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
    for name, module in instance.made.items():
        if name in joined:
            base, wanted = joined[name]
            made[base] = ModuleSequence(tuple(instance.made[copy] for copy in wanted))  # type: ignore[misc]
        elif name not in others:
            made[name] = module
    instance.made = made
    if joined:
        _join_calls(instance, [*joined.values()])


def _join_calls(instance: Instance, joined: list[tuple[str, list[str]]]) -> None:
    """Replace the calls of the copies of each base in `joined` by a call of the sequence.

    `joined` has the path of each sequence and the paths of its copies, in order.
    """
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
        numbers = sorted(place for name in names for place in places.get(name, ()))
        acts = [instance.acts[place] for place in numbers]
        follow = numbers == [*range(numbers[0], numbers[0] + len(numbers))] if numbers else False
        if follow and [act.name for act in acts] == names and _is_chain(acts, uses):
            left_out.update(numbers[1:])
            whole[numbers[0]] = Act(
                base, Ref(base), acts[0].arguments, acts[-1].results, line=acts[0].line
            )
    instance.acts = [
        whole.get(place, act) for place, act in enumerate(instance.acts) if place not in left_out
    ]


def _is_chain(acts: list[Act], uses: Counter[RecordedValue]) -> bool:
    """Whether each act calls its own module with the result of the act before, its only use."""
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
