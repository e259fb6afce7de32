"""The list of what an accelerator runs, as `devices NAME` shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mnet_cost.devices import DeviceProfile
from mnet_cost.devices.operators import Condition, Limits, OperatorList
from mnet_cost.report.types import ASKED, Column, Fact, Table

_PARTITIONS = {
    "prefix": "one part from the start: what reads from a layer that does not run there does not "
    "either",
    "islands": "every layer that can, wherever it stands",
}
_UNLISTED = {
    "processor": "they run on the processor",
    "unknown": "the document does not say where they run",
}


def operator_facts(device: DeviceProfile) -> list[Fact]:
    """What a profile says of its accelerator, where it names a list."""
    operators = device.operators
    if operators is None:
        return []
    facts = [
        Fact("operators", operators.name, "text", f"{operators.version}; {operators.source}"),
        Fact("partition", operators.partition, "text", _PARTITIONS[operators.partition]),
    ]
    if device.fallback is not None:
        facts.append(Fact("fallback", device.fallback.name, "text", "runs the other layers"))
    if device.crossing is not None:
        facts.append(Fact("crossing", device.crossing.name, "text", "by way of which tensors go"))
    return facts


def operator_table(operators: OperatorList) -> Table:
    """Kinds that run, and what each has to keep to; then those that do not."""
    columns = (
        Column("kind", "kind", "text", ASKED),
        Column("what", "on the accelerator", "prose", ASKED),
    )
    free = [kind for kind, limits in operators.limits.items() if limits == Limits()]
    rows = [("all layers", "; ".join([f"in {' or '.join(operators.precisions)}",
                                      *map(_words, operators.every_layer)]))]  # fmt: skip
    for kind, limits in operators.limits.items():
        if kind not in free or kind in operators.unsure:
            rows.append((kind, "; ".join(_limits(limits)) or "yes"))
    rows += [(kind, f"as {' + '.join(parts)}") for kind, parts in operators.made_of.items()]
    for kind, doubt in operators.unsure.items():
        where = f" where {_all(doubt.when)}" if doubt.when else ""
        rows.append((kind, f"unknown{where}: {doubt.text}"))
    rows += [(kind, f"reservation: {text}") for kind, text in operators.caveats.items()]
    rows += [(kind, f"no; {source}") for kind, source in operators.refused.items()]
    rows.append(("without limits", ", ".join(kind for kind in free)))
    rows.append(("all other kinds", _UNLISTED[operators.unlisted]))
    return Table("operators", f"What the accelerator runs: {operators.title}", columns, tuple(rows))


def _limits(limits: Limits) -> list[str]:
    precisions = [f"in {' or '.join(limits.precisions)} alone"] if limits.precisions else []
    return [*precisions, *map(_words, limits.needs)]


def _words(condition: Condition) -> str:
    return condition.text or condition.expression


def _all(conditions: Sequence[Condition]) -> str:
    return " and ".join(map(_words, conditions))


def operators_document(device: DeviceProfile) -> dict[str, Any] | None:
    """The list for JSON; null without one."""
    operators = device.operators
    if operators is None:
        return None
    kinds = (*operators.limits, *operators.made_of, *operators.refused)
    kinds = tuple(dict.fromkeys((*kinds, *operators.unsure)))
    return {
        "name": operators.name,
        "title": operators.title,
        "version": operators.version,
        "source": operators.source,
        "unlisted": operators.unlisted,
        "partition": operators.partition,
        "precisions": list(operators.precisions),
        "every_layer": [each.expression for each in operators.every_layer],
        "kinds": {kind: _kind_document(operators, kind) for kind in kinds},
    }


def _kind_document(operators: OperatorList, kind: str) -> dict[str, Any]:
    limits, doubt = operators.limits.get(kind), operators.unsure.get(kind)
    return {
        "needs": [each.expression for each in limits.needs] if limits else [],
        "precisions": list(limits.precisions) if limits else [],
        "made_of": list(operators.made_of.get(kind, ())),
        "unsure": doubt.text if doubt else None,
        "refused": operators.refused.get(kind),
    }
