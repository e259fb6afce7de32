"""Layers that share weights are folded: inside a block, as a whole block, by a path into one."""

from __future__ import annotations

from layer_graphs import Layers

from mnet_cost.analysis import analyze_network
from mnet_cost.importing.layer_graph import LayerGraph, Wire
from mnet_cost.importing.written import written, wrong
from mnet_cost.models.dump import dump_data
from mnet_cost.models.plain_data import spec_from_data
from mnet_cost.network import elaborate


class Shared(Layers):
    """Makes layers that may use the weights of an earlier one."""

    def use(self, owner: int | None, kind: str, x: Wire, **fields: object) -> Wire:
        """Add a layer, with the weights of the layer `owner` if there is one."""
        made = self.add(kind, x, **fields)
        self.layers[-1] = self.layers[-1]._replace(shares=owner)
        return made


def position(layers: Shared, x: Wire, owner: int | None = None) -> tuple[Wire, int]:
    """(A convolution and much that stores nothing; the number of the convolution)."""
    made = layers.use(owner, "depthwise_conv2d", x, kernel=3, bias=True)
    number = len(layers.layers) - 1
    for kind in ("gelu", "square", "relu", "silu"):
        made = layers.add("add", layers.add(kind, made), x)
    return made, number


def stage(layers: Shared, x: Wire, owner: int | None = None) -> tuple[Wire, int]:
    """Two blocks, each with weights of its own and one convolution that both have."""
    for _ in range(2):
        x, conv = position(layers, x, owner)
        owner = conv if owner is None else owner
        normed = layers.add("layer_norm", x)
        wide = layers.add("conv2d", normed, channels=16, kernel=1)
        x = layers.add("add", layers.add("conv2d", wide, channels=8, kernel=1), x)
    assert owner is not None
    return x, owner


def lines(graph: LayerGraph) -> list[str]:
    """The folded spec from its blocks on; it is the graph, and counts as it does flat."""
    data = written(graph).data
    flat = written(graph, flat=True).data
    assert wrong(data, graph) is None
    ours, theirs = (
        analyze_network(elaborate(spec_from_data(form), {})).totals for form in (data, flat)
    )
    assert (ours.params, ours.mult_adds) == (theirs.params, theirs.mult_adds)
    return dump_data(data).partition("blocks:\n")[2].splitlines()


def test_a_block_whose_layers_use_each_other_is_a_block() -> None:
    layers = Shared((8, 16, 16))
    x = layers.input()
    for _ in range(4):
        x, _ = stage(layers, x)
    written_lines = lines(layers.graph())
    assert [line for line in written_lines if "use:" in line] == ["      - {id: x2, use: x1}"]
    assert written_lines[-1].endswith("repeat: 4}")


def test_a_later_call_uses_what_is_inside_of_an_earlier_one() -> None:
    layers = Shared((8, 16, 16))
    x, owners = layers.input(), []
    for _ in range(4):
        x, owner = stage(layers, x)
        owners.append(owner)
    for owner in (owners[1], owners[3], owners[1]):
        x, _ = position(layers, layers.add("relu", x), owner)
    uses = [line.strip() for line in lines(layers.graph()) if "use:" in line]
    assert uses[0] == "- use: x"
    # Without an id they would be called `x`, as the input is.
    assert uses[1:] == [
        "- {id: residual_again, use: depthwise1.x}",
        "- {id: residual_again1, use: depthwise2.x}",
        "- {id: residual_again2, use: depthwise1.x}",
    ]


def test_a_copy_that_shares_a_part_with_something_outside_is_no_copy() -> None:
    layers = Shared((8, 16, 16))
    x, owner = stage(layers, layers.input())
    for _ in range(4):
        x, _ = stage(layers, x, owner)
    text = "\n".join(lines(layers.graph()))
    assert text.count("use:") == 9


def test_a_block_that_is_used_once_more() -> None:
    layers = Shared((8, 16, 16))
    x, owner = position(layers, layers.input())
    position(layers, x, owner)
    graph = layers.graph()
    data = written(graph).data
    assert wrong(data, graph) is None
    assert data["layers"] == [{"id": "residual1", "residual": {}}, {"use": "residual1"}]
    data["layers"][1] = "residual"
    assert "other layers that it shares weights with" in str(wrong(data, graph))
