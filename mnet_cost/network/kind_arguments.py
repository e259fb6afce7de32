"""Arguments that hold the name of a kind or block and are written in place of a kind.

The fields of such an entry can be checked only when the argument has its value.
"""

from __future__ import annotations

from mnet_cost.errors import did_you_mean
from mnet_cost.layers import KINDS
from mnet_cost.models.calls import arity_problem, known_fields
from mnet_cost.models.types import ArgumentBody, Block, Entry, LayerBody, ModelSpec
from mnet_cost.network.frames import Frame, fail


def kind_of_argument(
    spec: ModelSpec, frame: Frame, entry: Entry, body: ArgumentBody, inputs: int
) -> Block | LayerBody:
    """The block, or the layer to be built, that an entry of `inputs` inputs stands for.

    Raises `Failed` for a name that is no kind, and for fields that it does not have or lacks.
    """
    node = frame.origin_of(body.argument)[0].node
    kind = frame.names[body.argument]
    callee = None
    if isinstance(kind, str):
        callee = spec.blocks.get(kind, KINDS.get(kind))
    if callee is None:
        from mnet_cost.layers.other_names import OTHER_KINDS, operation_hint

        hint = operation_hint(str(kind)) or did_you_mean(
            str(kind), [*spec.blocks, *KINDS], OTHER_KINDS
        )
        fail(frame, node, f"there is no layer kind or block `{kind}`", hint)
    required = (
        {name: default is None for name, default in callee.arguments.items()}
        if isinstance(callee, Block)
        else {name: field.required for name, field in known_fields(callee).items()}
    )
    keys = {} if body.fields_node is None else body.fields_node.keys
    for name in body.fields:
        if name not in required:
            hint = did_you_mean(name, required)
            fail(frame, keys[name], f"`{kind}` has no `{name}`", hint)
    for name, needed in required.items():
        if needed and name not in body.fields:
            fail(frame, node, f"`{kind}` needs `{name}`, which this entry does not give")
    if isinstance(callee, Block):
        return callee
    problem = arity_problem(callee, inputs)
    if problem:
        fail(frame, node, *problem)
    fields = known_fields(callee)
    given = tuple((name, fields[name].kind, value) for name, value in body.fields.items())
    return LayerBody(callee, {}, given, None)
