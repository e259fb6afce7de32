"""The text of a file: imports, own definitions, a class for each block, the network's class."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import groupby
from typing import Any

from mnet_cost.analysis import analyze_network
from mnet_cost.escaping import docstring_line, printable
from mnet_cost.layers import KINDS
from mnet_cost.models.types import BATCH
from mnet_cost.network import Network
from mnet_cost.torch_model.graph import tied_paths
from mnet_cost.torch_model.names import camel_case, class_name
from mnet_cost.torch_model.source.argument_columns import MISSING, ConstructorParameter, same, shown
from mnet_cost.torch_model.source.call_tree import CallTree, Instance, NotAloneError
from mnet_cost.torch_model.source.class_merge import ClassMerge
from mnet_cost.torch_model.source.class_plan import (
    ClassPlan,
    ConstructorSlot,
    DifferentError,
    Symbol,
)
from mnet_cost.torch_model.source.forward import Forward
from mnet_cost.torch_model.source.record import Recording, defaults, record
from mnet_cost.torch_model.source.sequences import join_sequences
from mnet_cost.torch_model.source.text import (
    WIDTH,
    function_name,
    own_definitions,
    source_of,
    wrapped,
)


def write_source(network: Network) -> str:
    """The text of a Python file whose last class is `network`; it needs nothing but torch.

    The class takes [N, *shape] for each input of the network. Its modules have the same paths and
    parameters as those of `build_module`, so each loads the other's `state_dict`. Raises
    `UsageError` for a layer that torch cannot build.
    """
    recording = record(network)
    plans = _plans(network, recording)
    _name(plans, network)
    ties = [f"{_module(path)}.weight = {_module(owner)}.weight" for path, owner in
            tied_paths(network)]  # fmt: skip
    text = "\n\n\n".join("\n".join(_class(plan, ties * (plan is plans[-1]))) for plan in plans)
    used = set(re.findall(r"(?<![\w.])[A-Za-z_]\w*", text))
    taken = source_of([name for name in own_definitions() if name in used])
    code = "\n\n\n".join([*taken, text])
    return f"{_docstring(network)}\n\n{_imports(code)}\n\n\n{code}\n"


# --- classes


def _plans(network: Network, recording: Recording) -> list[ClassPlan]:
    dissolved: set[str] = set()
    kinds = {*KINDS, *network.spec.blocks}
    while True:
        try:
            tree = CallTree(network, recording, dissolved)
            for instance in tree.instances.values():
                join_sequences(instance)
            return _merged(tree, kinds)
        except NotAloneError as error:
            dissolved.add(error.path)


def _merged(tree: CallTree, kinds: set[str]) -> list[ClassPlan]:
    classes: dict[Instance, ClassPlan] = {}
    plans: list[ClassPlan] = []
    for members in _families(tree.instances.values()):
        for plan in _clusters(members, classes, kinds):
            plans.append(plan)
            for member in plan.used_by:
                classes[member] = plan
    return plans


def _families(instances: Collection[Instance]) -> list[list[Instance]]:
    """The instances of each family, after the families of the instances inside them.

    No class can be made of itself. So where a block is inside itself, or blocks are inside each
    other, a family is those of its calls that have as many calls inside one another below them.
    """
    inner = {instance: _inside(instance) for instance in instances}
    heights: dict[Instance, int] = {}
    for instance in sorted(instances, key=lambda instance: -len(instance.path)):
        heights[instance] = 1 + max((heights[child] for child in inner[instance]), default=0)
    recursive: set[Any] = set()
    while True:
        families: dict[Any, list[Instance]] = {}
        for instance in instances:
            family = instance.family
            key = (family, heights[instance] if family in recursive else None)
            families.setdefault(key, []).append(instance)
        family_of = {member: key for key, members in families.items() for member in members}
        below = {
            key: dict.fromkeys(family_of[child] for member in members for child in inner[member])
            for key, members in families.items()
        }
        try:
            TopologicalSorter(below).prepare()
        except CycleError as error:
            recursive.update(family for family, _ in error.args[1])
        else:
            return [families[key] for key in _inner_first(below)]


def _inner_first(below: Mapping[Any, Iterable[Any]]) -> Iterable[Any]:
    """The keys of `below`, each after those below it."""
    order: dict[Any, None] = {}

    def visit(key: Any) -> None:
        for inner in below[key]:
            if inner not in order:
                visit(inner)
        order[key] = None

    for key in below:
        if key not in order:
            visit(key)
    return order


def _inside(instance: Instance) -> list[Instance]:
    """The instances that an instance calls or constructs."""
    called = [act.child for act in instance.acts if act.child is not None]
    return [*called, *_instances(instance.made.values())]


def _instances(made: Iterable[Any]) -> Iterator[Instance]:
    for module in made:
        if isinstance(module, Instance):
            yield module
        elif hasattr(module, "elements"):
            yield from _instances(module.elements)


def _clusters(
    members: list[Instance], classes: dict[Instance, ClassPlan], kinds: set[str]
) -> list[ClassPlan]:
    """The classes of some instances, the most common class first.

    Where no single class fits all, each instance joins the first group that has a class with it.
    """
    try:
        return ClassMerge(members, classes, kinds).plans()
    except DifferentError:
        pass
    clusters: list[list[Instance]] = []
    for member in members:
        for cluster in clusters:
            try:
                ClassMerge([*cluster, member], classes, kinds).plans()
            except DifferentError:
                continue
            cluster.append(member)
            break
        else:
            clusters.append([member])
    clusters.sort(key=len, reverse=True)
    return [plan for cluster in clusters for plan in ClassMerge(cluster, classes, kinds).plans()]


def _name(plans: Sequence[ClassPlan], network: Network) -> None:
    taken = {*own_definitions(), "Tensor", "OrderedDict", "Callable", "F"}
    taken.update(parameter.name for plan in plans for parameter in plan.parameters)
    stems: dict[tuple[Any, ...], str] = {}
    for plan in (plans[-1], *plans[:-1]):
        stem = stems.get(plan.family)
        if stem is None:
            label = network.spec.variant or network.spec.name if plan is plans[-1] else plan.label
            stems[plan.family] = stem = class_name(label, taken)
        if plan.base is not None:
            more = [
                _label_of(plan, symbol)
                for symbol in plan.outputs
                if symbol not in plan.base.outputs
            ]
            stem = f"{plan.base.name}With{camel_case(more[0])}" if more else stem
        name, number = stem, 2
        while name in taken:
            name, number = f"{stem}{number}", number + 1
        taken.add(name)
        plan.name = name


def _label_of(plan: ClassPlan, symbol: Symbol) -> str:
    """A name for a value: its label, or else the path of the layer that makes it."""
    return symbol.label or plan.lines[symbol.line].key[0].replace(".", "_")


# --- a class


def _module(path: str) -> str:
    """The Python expression for the module at a path in the network's class."""
    if any(part.isdigit() for part in path.split(".")):
        return f'self.get_submodule("{path}")'
    return f"self.{path}"


def _class(plan: ClassPlan, ties: Sequence[str]) -> list[str]:
    """The lines of a class; `ties` are statements at the end of its constructor."""
    forward = Forward(plan, lambda path: _reached(plan, path))
    body = forward.lines()
    lines = [f"class {plan.name}({plan.base.name if plan.base else 'nn.Module'}):"]
    if plan.base is None:
        lines += _constructor(plan, forward, ties)
    inputs = "".join(f", {forward.variables[symbol]}: Tensor" for symbol in plan.symbols.values())
    result = "Tensor"
    if len(plan.outputs) > 1:
        result = f"tuple[{', '.join(['Tensor'] * len(plan.outputs))}]"
    lines += wrapped(f"def forward(self{inputs}) -> {result}:", 4)
    for statement in body:
        blanks = len(statement) - len(statement.lstrip())
        lines += wrapped(statement.lstrip(), 8 + blanks)
    return lines


def _constructor(plan: ClassPlan, forward: Forward, ties: Sequence[str]) -> list[str]:
    lines = []
    parameters = "".join(f", {_declared(parameter)}" for parameter in plan.parameters)
    lines += wrapped(f"def __init__(self{parameters}) -> None:", 4)
    lines.append("        super().__init__()")
    for name, text in forward.stored.items():
        lines += wrapped(f"self.{name} = {text}", 8)
    lines += _constructed(plan, forward)
    for tie in ties:
        lines += wrapped(tie, 8)
    return [*lines, ""]


def _declared(parameter: ConstructorParameter) -> str:
    kind = _type([value for value in parameter.values if value not in (MISSING, None)])
    if parameter.default is None:
        return f"{parameter.name}: {kind} | None = None"
    return f"{parameter.name}: {kind}" + (
        "" if parameter.default is MISSING else f" = {shown(parameter.default)}"
    )


def _type(values: list[Any]) -> str:
    if all(callable(value) for value in values):
        return "Callable[[Tensor], Tensor]"
    if all(isinstance(value, tuple) for value in values):
        flat = [element for value in values for element in value]
        inner = _type(flat)
        return f"tuple[{inner}, ...]"
    if any(isinstance(value, tuple) for value in values):
        return "int | tuple[int, ...]"
    kinds = {type(value).__name__ for value in values}
    return "float" if kinds == {"int", "float"} else " | ".join(sorted(kinds))


def _constructed(plan: ClassPlan, forward: Forward) -> list[str]:
    lines: list[str] = []
    spaces: set[str] = set()
    everywhere = (True,) * len(plan.members)

    def key(slot: ConstructorSlot) -> Any:
        return everywhere if slot.identity or slot.count is not None else slot.mask

    for mask, slots in groupby(plan.slots, key=key):
        indent = 8
        if mask != everywhere:
            lines += wrapped(f"if {_guard_text(plan, forward, mask)}:", 8)
            indent = 12
        for slot in slots:
            for space in slot.spaces():
                if space not in spaces:
                    spaces.add(space)
                    kind = "nn.Sequential()" if slot.of_sequence else "nn.Module()"
                    lines += wrapped(_assigned(plan, space, kind), indent)
            lines += _slot(plan, forward, slot, indent)
    return lines


def _guard_text(plan: ClassPlan, forward: Forward, mask: Any) -> str:
    text = plan.guards[mask].text()
    return next((f"self.{name}" for name, stored in forward.stored.items() if stored == text), text)


def _assigned(plan: ClassPlan, path: str, text: str) -> str:
    outer, _, name = path.rpartition(".")
    holder = _reached(plan, outer) if outer else "self"
    if name.isdigit():
        return f'{holder}.add_module("{name}", {text})'
    return f"{holder}.{name} = {text}"


def _slot(plan: ClassPlan, forward: Forward, slot: ConstructorSlot, indent: int) -> list[str]:
    if slot.count is not None:
        return wrapped(f"self.{slot.name} = {_sequence(slot)}", indent)
    text = _construction(slot)
    if not slot.identity:
        return wrapped(_assigned(plan, slot.name, text), indent)
    guard = _guard_text(plan, forward, slot.mask)
    whole = f"self.{slot.name} = {text} if {guard} else nn.Identity()"
    if indent + len(whole) <= WIDTH:
        return [" " * indent + whole]
    return [
        *wrapped(f"self.{slot.name} = nn.Identity()", indent),
        *wrapped(f"if {guard}:", indent),
        *wrapped(f"self.{slot.name} = {text}", indent + 4),
    ]


def _sequence(slot: ConstructorSlot) -> str:
    assert slot.count is not None
    count = slot.count.expression
    special: dict[str, str] = {}
    for argument, step in slot.steps.items():
        growth = step.expression.text()
        factor = "i" if growth == "1" else f"{growth} * i"
        special[argument] = f"{slot.columns[argument].expression.text()} + {factor}"
    if slot.rows is not None:
        names, column = slot.rows
        for name in names:
            special[name] = name
        inner = _construction(slot, special)
        held = ", ".join(names)
        target = f"({held})" if len(names) > 1 else held
        return (
            f"nn.Sequential(OrderedDict((str(i), {inner}) "
            f"for i, {target} in enumerate({column.expression.text()}, 1)))"
        )
    inner = _construction(slot, special)
    if special:
        return f"nn.Sequential(OrderedDict((str(i + 1), {inner}) for i in range({count.text()})))"
    known = count.constant is not MISSING
    end = str(count.constant + 1) if known else f"{count.text()} + 1"
    return f"nn.Sequential(OrderedDict((str(i), {inner}) for i in range(1, {end})))"


def _construction(slot: ConstructorSlot, special: dict[str, str] | None = None) -> str:
    """The call that constructs a slot's module; `special` has the text of some arguments."""
    special = special or {}
    if isinstance(slot.factory, ClassPlan):
        name = slot.factory.name
        usual = {
            parameter.name: parameter.default
            for parameter in slot.factory.parameters
            if parameter.default is not MISSING
        }
        order = [parameter.name for parameter in slot.factory.parameters]
    else:
        name = function_name(slot.factory)
        usual = defaults(slot.factory)
        order = [*(slot.order or slot.columns)]
    words = []
    for argument in order:
        if argument in special:
            text = special[argument]
        else:
            column = slot.columns[argument]
            constant = column.expression.constant
            if argument in usual and constant is not MISSING and same(constant, usual[argument]):
                continue
            text = column.expression.text()
        by_name = argument in usual and not argument.startswith("*")
        words.append(f"{argument}={text}" if by_name else text)
    return f"{name}({', '.join(words)})"


def _reached(plan: ClassPlan, path: str) -> str:
    """The Python expression for the module at `path`, as written in the class's methods."""
    text, seen = "self", ""
    for part in path.split("."):
        seen = f"{seen}.{part}" if seen else part
        outer = seen.rpartition(".")[0]
        if not part.isdigit():
            text = f"{text}.{part}"
        elif outer in plan.sequences or outer not in plan.spaces:
            text = f"{text}[{int(part) - 1}]"
        else:
            text = f'{text}.get_submodule("{part}")'
    return text


# --- the file


def _docstring(network: Network) -> str:
    totals = analyze_network(network).totals
    spec = network.spec
    knobs = ", ".join(f"{name} {value}" for name, value in network.knobs.items() if name != BATCH)
    inputs = "; ".join(_size(network, index, named=True) for index in network.inputs)
    outputs = ", ".join(_size(network, index) for index in network.outputs)
    lines = [
        f"{spec.title} as a PyTorch module.",
        "",
        *(_filled(f"Source: {spec.source}.") if spec.source else ()),
        *(_filled(f"Knobs: {knobs}.") if knobs else ()),
        *_filled(f"Takes {inputs}; gives {outputs}."),
        f"{totals.mult_adds:,} mult-adds, {totals.params:,} params.",
    ]
    return '"""' + "\n".join(map(docstring_line, lines)) + '\n"""'


def _filled(text: str) -> list[str]:
    return textwrap.wrap(printable(text.replace("\n", " ")), WIDTH)


def _size(network: Network, index: int, named: bool = False) -> str:
    tensor = network.tensors[index]
    sizes = ", ".join(["N", *map(str, tensor.type.shape)])
    return f"{tensor.name} [{sizes}]" if named else f"[{sizes}]"


def _imports(code: str) -> str:
    standard = []
    if "OrderedDict(" in code:
        standard.append("from collections import OrderedDict")
    if "Callable[" in code:
        standard.append("from collections.abc import Callable")
    names = [name for name in ("Tensor", "nn") if re.search(rf"(?<![\w.]){name}\b", code)]
    own = ["import torch"] if re.search(r"(?<![\w.])torch\.", code) else []
    own.append(f"from torch import {', '.join(names)}")
    if re.search(r"(?<![\w.])F\.", code):
        own.append("from torch.nn import functional as F")
    return "\n\n".join("\n".join(block) for block in (standard, own) if block)
