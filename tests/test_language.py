"""What a spec means: names, references, blocks, conditions, copies, variants, choices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from spec_text import counts, first_line, layers, network, spec, warnings

from mnet_cost.models.library import load_model
from mnet_cost.network import elaborate
from mnet_cost.tensors import Differs, Mask

BLOCKS = """
    blocks:
      pair: {layers: [relu, {id: out, tanh: {}}]}
      conv:
        arguments: {channels: required, kernel: 3, stride: 1}
        layers:
          - conv2d: {channels: channels, kernel: kernel, stride: stride}
"""


# --- the shipped specs


@pytest.mark.parametrize(
    ("name", "mult_adds", "params"),
    [
        ("mobilenet_v1", 568_740_352, 4_231_976),
        ("mobilenet_v1@alpha=0.5", 149_497_088, 1_331_592),
        ("mobilenet_v1:full", 4_867_293_184, 29_294_088),
        ("mobilenet_v1:shallow", 307_323_392, 2_887_976),
        ("mobilenet_v3_large", 216_589_760, 5_483_032),
        ("mobilenet_v3_large@alpha=0.75", 154_560_624, 3_993_528),
        ("mobilenet_v3_large:minimalistic", 209_136_704, 3_924_288),
        ("densenet", 2_834_161_664, 7_978_856),
        ("densenet:densenet169", 3_359_843_328, 14_149_480),
    ],
)
def test_the_shipped_specs_count_as_published(name: str, mult_adds: int, params: int) -> None:
    model = load_model(name)
    net = elaborate(model.spec, model.knobs)
    assert counts(net) == (mult_adds, params)
    assert (*model.spec.warnings, *net.warnings) == ()


def test_arrays_of_knobs_give_the_shapes_of_each_candidate() -> None:
    model = load_model("mobilenet_v1").spec
    alpha = np.array([0.25, 0.29, 0.5, 0.75, 1.0, 1.4])
    resolution = np.array([128, 160, 192, 224, 97, 1])
    mask = Mask()
    together = elaborate(model, {"alpha": alpha, "resolution": resolution}, mask)
    mult_adds, params = counts(together)
    valid = np.broadcast_to(mask.valid, alpha.shape)
    for i in range(len(alpha)):
        knobs = {"alpha": float(alpha[i]), "resolution": int(resolution[i])}
        alone = elaborate(model, knobs)
        assert valid[i]
        assert [step.name for step in alone.steps] == [step.name for step in together.steps]
        for single, all_ in zip(alone.tensors, together.tensors, strict=True):
            at = tuple(int(np.broadcast_to(size, alpha.shape)[i]) for size in all_.type.shape)
            assert single.type.shape == at
        assert counts(alone) == (mult_adds[i], params[i])


def test_arrays_mark_candidates_that_do_not_fit() -> None:
    mask = Mask()
    text = "knobs: {n: 4}\nlayers: [conv2d: {channels: n, kernel: 1}, add: [previous, image]]"
    net = elaborate(spec(text), {"n": np.array([2, 3, 0, 5])}, mask)
    assert mask.valid.tolist() == [False, True, False, False]
    assert len(net.steps) == 2


def test_structure_must_be_the_same_for_all_candidates() -> None:
    text = "knobs: {n: 1}\nlayers: [{relu: {}, when: n > 1}, {tanh: {}, repeat: n}]"
    model = spec(text)
    for values, mask in (([1, 2], [True, False]), ([2, 3, 2], [True, False, True])):
        with pytest.raises(Differs) as raised:
            elaborate(model, {"n": np.array(values)}, Mask())
        assert raised.value.mask.tolist() == mask
    net = elaborate(model, {"n": np.array([2, 2])}, Mask())
    assert list(layers(net)) == ["relu", "tanh.1", "tanh.2"]


# --- names


def test_names_are_ids_or_kinds_with_numbers() -> None:
    text = """
    layers:
      - relu
      - {id: first, tanh: {}}
      - relu
      - tanh
      - {relu: {}, when: false}
      - relu
    """
    assert layers(network(text)) == {
        "relu": "[3, 32, 32] of image",
        "first": "[3, 32, 32] of relu",
        "relu_2": "[3, 32, 32] of first",
        "tanh": "[3, 32, 32] of relu_2",
        "relu_4": "[3, 32, 32] of tanh",
    }


def test_names_in_blocks_copies_and_groups() -> None:
    text = (
        BLOCKS
        + """
    layers:
      - pair
      - pair
      - {id: stage, pair: {}, repeat: 2}
      - layers: [relu, tanh]                     # adds nothing to the path
      - relu
      - {layers: [relu], repeat: 2}
      - {id: named, layers: [relu, layers: [relu]]}
      - {relu: {}, repeat: 1}
    """
    )
    assert list(layers(network(text))) == [
        "pair.relu", "pair.out", "pair_2.relu", "pair_2.out",
        "stage.1.relu", "stage.1.out", "stage.2.relu", "stage.2.out",
        "relu", "tanh", "relu_2", "group.1.relu", "group.2.relu",
        "named.relu", "named.relu_2", "relu_3.1",
    ]  # fmt: skip


def test_a_use_without_id_is_counted_after_the_id() -> None:
    text = "layers: [{id: a, relu: {}}, {use: a}, {use: a}, {id: b, use: a}]"
    assert list(layers(network(text))) == ["a", "a_2", "a_3", "b"]


def test_calls_are_listed_with_their_copies() -> None:
    net = network(BLOCKS + "    layers: [pair, {id: s, pair: {}, repeat: 2}]")
    assert {path: (call.block, call.copy) for path, call in net.calls.items()} == {
        "pair": ("pair", None), "s.1": ("pair", 1), "s.2": ("pair", 2),
    }  # fmt: skip
    assert [step.block_path for step in net.steps] == ["pair", "pair", "s.1", "s.1", "s.2", "s.2"]


# --- references


def test_previous_input_and_ids() -> None:
    text = """
    layers:
      - {id: a, conv2d: {channels: 8, kernel: 1}}
      - {id: b, relu: {}, from: input}
      - add: [b, image]
      - {concat: {axis: height}, from: [previous, b]}
      - layers:
          - {id: inner, tanh: {}, from: a}       # a name around the group
          - add: [input, b, input]
        from: b
      - {relu: {}, from: inner}
    """
    shapes = layers(network(text))
    assert shapes["b"] == "[3, 32, 32] of image"
    assert shapes["add"] == "[3, 32, 32] of b, image"
    assert shapes["concat"] == "[3, 64, 32] of add, b"
    assert shapes["inner"] == "[8, 32, 32] of a"
    assert shapes["add_2"] == "[3, 32, 32] of b, b, b"
    assert shapes["relu"] == "[8, 32, 32] of inner"


def test_paths_go_into_blocks_copies_and_groups() -> None:
    text = (
        BLOCKS
        + """
    layers:
      - {id: one, pair: {}}
      - {id: many, pair: {}, repeat: 3}
      - {id: g, layers: [{id: x, relu: {}}, {id: p, pair: {}}]}
      - {id: r1, relu: {}, from: one.relu}
      - {id: r2, relu: {}, from: many.2.relu}
      - {id: r3, relu: {}, from: many}
      - {id: r4, relu: {}, from: g.p.relu}
      - {id: r5, relu: {}, from: many.1}
      - {id: r6, relu: {}, from: r1.0}
      - {id: r7, add: [g.x, g]}
    """
    )
    shapes = layers(network(text))
    read = {name: shapes[name].split(" of ")[1] for name in shapes if name.startswith("r")}
    assert read == {
        "r1": "one.relu", "r2": "many.2.relu", "r3": "many.3.out", "r4": "g.p.relu",
        "r5": "many.1.out", "r6": "r1", "r7": "g.x, g.p.out",
    }  # fmt: skip


def test_an_inner_name_hides_an_outer_one() -> None:
    text = "layers: [{id: a, relu: {}}, {id: g, layers: [{id: a, tanh: {}}, add: [a, input]]}]"
    assert layers(network(text))["g.add"] == "[3, 32, 32] of g.a, a"


def test_several_inputs_and_outputs() -> None:
    text = """
    input: {left: [8], right: {shape: [2, 8], dtype: int8}}
    layers:
      - {id: l, linear: {features: 8}, from: left}
      - {id: r, relu: {}, from: right}
      - {id: rr, linear: {features: left.features + r.length}, from: r}
    outputs: [l, rr, right]
    """
    net = network(text)
    assert [net.tensors[index].name for index in net.outputs] == ["l", "rr", "right"]
    assert layers(net)["rr"] == "[2, 10] of r"
    dtypes = [tensor.type.dtype for tensor in net.tensors]
    assert dtypes[0] is None
    assert dtypes[1] is not None
    assert dtypes[1].name == "int8"


def test_sizes_of_tensors_in_expressions() -> None:
    text = """
    layers:
      - {id: stem, conv2d: {channels: 2 * input.channels + image.height, kernel: 1, stride: 2}}
      - conv2d: {channels: previous.width + stem.height // 3, kernel: 1}
      - resize: {size: [image.height, stem.width]}
      - global_avg_pool
      - linear: {features: previous.features + 1}
    """
    shapes = layers(network(text))
    assert shapes["stem"] == "[38, 16, 16] of image"
    assert shapes["conv2d"] == "[21, 16, 16] of stem"
    assert shapes["resize"] == "[21, 32, 16] of conv2d"
    assert shapes["linear"] == "[22] of global_avg_pool"


def test_outputs_of_a_layer_with_several() -> None:
    net = network("""\
        layers:
          - {id: conv, conv2d: {channels: 8, kernel: 1}}
          - {id: parts, split: {sizes: [2, 6]}}
          - {id: a, relu: {}, from: parts.1}
          - {id: twin, use: parts, from: conv}
          - {id: both, concat: [parts.0, a, twin.0]}
          - {id: last, split: {parts: 5}}
        """)
    assert layers(net) == {
        "conv": "[8, 32, 32] of image",
        "parts": "[2, 32, 32] of conv",
        "a": "[6, 32, 32] of parts.1",
        "twin": "[2, 32, 32] of conv",
        "both": "[10, 32, 32] of parts.0, a, twin.0",
        "last": "[2, 32, 32] of both",
    }
    assert [net.tensors[index].name for index in net.outputs] == [f"last.{i}" for i in range(5)]
    assert [net.tensors[index].type.shape[0] for index in net.step("parts").outputs] == [2, 6]
    assert sorted(net.graph.successors("parts")) == ["a", "both"]


def test_what_is_skipped_after_several_outputs_leaves_them() -> None:
    text = """\
        knobs: {on: false}
        layers:
          - {id: parts, split: {parts: 3}}
          - {relu: {}, when: on, from: parts.0}
        """
    assert len(network(text).outputs) == 3
    assert len(network(text, on=True).outputs) == 1


# --- blocks


def test_a_block_sees_its_input_arguments_and_the_file() -> None:
    text = """
    knobs: {k: 5}
    let: {twice(x): 2 * x}
    blocks:
      b:
        arguments: {a: required, c: twice(a), d: c + input.channels, k: 1}
        layers:
          - conv2d: {channels: d, kernel: k}
          - concat: [input, previous]
    layers:
      - b: {a: 2}
      - b: {a: input.height, c: 1, k: k}
    """
    net = network(text)
    assert layers(net) == {
        "b.conv2d": "[7, 32, 32] of image",
        "b.concat": "[10, 32, 32] of image, b.conv2d",
        "b_2.conv2d": "[11, 32, 32] of b.concat",
        "b_2.concat": "[21, 32, 32] of b.concat, b_2.conv2d",
    }
    assert "kernel=5" in repr(net.step("b_2.conv2d").layer)


def test_a_block_with_several_inputs() -> None:
    text = """
    blocks:
      up:
        input: [deep, skip]
        layers:
          - {conv_transpose2d: {channels: skip.channels, kernel: 2, stride: 2}, from: deep}
          - layers: [relu, add: [previous, skip]]
    layers:
      - {id: e, conv2d: {channels: 8, kernel: 3}}
      - conv2d: {channels: 16, kernel: 3, stride: 2}
      - up: [previous, e]
    """
    assert layers(network(text)) == {
        "e": "[8, 32, 32] of image",
        "conv2d": "[16, 16, 16] of e",
        "up.conv_transpose2d": "[8, 32, 32] of conv2d",
        "up.relu": "[8, 32, 32] of up.conv_transpose2d",
        "up.add": "[8, 32, 32] of up.relu, e",
    }


def test_an_argument_holds_a_kind_or_a_block() -> None:
    text = """
    blocks:
      double: {arguments: {channels: required}, layers: [linear: {features: 2 * channels}]}
      wide: {arguments: {channels: 4}, layers: [linear: {features: channels}]}
      b:
        arguments: {nl: relu, op: required}
        layers:
          - {id: op, op: {channels: 4}}
          - {id: act, nl: {}, repeat: 2}
    layers:
      - b: {op: double}
      - b: {op: wide, nl: hard_swish}
    """
    shapes = layers(network(text))
    assert shapes["b.op.linear"] == "[3, 32, 8] of image"
    assert shapes["b_2.op.linear"] == "[3, 32, 4] of b.act.2"
    net = network(text)
    kinds = [net.step(name).layer.kind for name in ("b.act.2", "b_2.act.1")]
    assert kinds == ["relu", "hard_swish"]


def test_an_argument_passes_a_kind_on() -> None:
    text = """
    blocks:
      inner: {arguments: {nl: required}, layers: [nl]}
      outer: {arguments: {nl: required}, layers: [inner: {nl: nl}]}
    layers: [outer: {nl: tanh}]
    """
    assert list(layers(network(text))) == ["outer.inner.nl"]
    assert network(text).steps[0].layer.kind == "tanh"


def test_a_list_in_place_of_fields_is_from() -> None:
    short = network("layers: [{id: a, relu: {}}, {concat: [a, input]}]")
    long = network("layers: [{id: a, relu: {}}, {concat: {}, from: [a, input]}]")
    assert layers(short) == layers(long)


def test_words_of_a_field_win_over_arguments() -> None:
    text = """
    blocks:
      b:
        arguments: {same: 1, channels: 4}
        layers:
          - conv2d: {channels: channels, kernel: 3, stride: 2, padding: same}
          - {concat: {axis: channels}, from: [previous, previous]}
          - conv2d: {channels: 4, kernel: 3, padding: same + 0}
    layers: [b]
    """
    assert layers(network(text))["b.concat"].startswith("[8, 16, 16]")


# --- when


def test_what_is_not_there_stands_for_its_input() -> None:
    text = (
        BLOCKS
        + """
    layers:
      - {id: stem, relu: {}}
      - {id: shortcut, conv2d: {channels: 3, kernel: 1}, from: image, when: false}
      - tanh                                     # follows `stem`
      - add: [previous, shortcut]
      - {id: p, pair: {}, when: 1 > 2}
      - {id: g, layers: [relu], when: false}
      - {id: last, add: [p, g]}
    """
    )
    shapes = layers(network(text))
    assert shapes["tanh"] == "[3, 32, 32] of stem"
    assert shapes["add"] == "[3, 32, 32] of tanh, image"
    assert shapes["last"] == "[3, 32, 32] of add, add"


def test_inside_a_block_what_is_not_there_can_be_named_from_outside() -> None:
    text = """
    blocks:
      b:
        arguments: {t: 1}
        layers:
          - {id: expand, conv2d: {channels: t * input.channels, kernel: 1}, when: t > 1}
          - relu
    layers:
      - {id: one, b: {}}
      - {id: two, b: {t: 2}}
      - {id: tap, tanh: {}, from: one.expand}
      - {id: tap2, tanh: {}, from: two.expand}
    """
    shapes = layers(network(text))
    assert shapes["tap"] == "[3, 32, 32] of image"
    assert shapes["tap2"] == "[6, 32, 32] of two.expand"


def test_repeat_0_is_like_a_false_when() -> None:
    text = """
    knobs: {n: 0}
    layers:
      - {id: a, relu: {}}
      - {id: b, conv2d: {channels: 3, kernel: 1}, from: image, repeat: n}
      - {id: m, add: [a, image], repeat: n}
      - tanh
      - add: [previous, b]
    """
    shapes = layers(network(text))
    assert shapes == {
        "a": "[3, 32, 32] of image",
        "tanh": "[3, 32, 32] of a",
        "add": "[3, 32, 32] of tanh, image",
    }
    assert layers(network(text, n=1))["tanh"] == "[3, 32, 32] of m.1"


def test_what_reads_something_absent_may_be_absent_itself() -> None:
    text = """
    layers:
      - {id: a, relu: {}}
      - {id: m, add: [a, image], when: false}
      - {id: r, relu: {}, from: m, when: false}
      - {layers: [{id: x, add: [a, input]}], when: false}
      - {relu: {}, from: x, when: false}
      - tanh
    """
    assert layers(network(text)) == {"a": "[3, 32, 32] of image", "tanh": "[3, 32, 32] of a"}
    lines = text.replace("tanh", "{tanh: {}, from: r}")
    assert first_line(lines).endswith("`r` is not there: its `when` is false")


def test_the_first_copy_takes_from_the_others_the_copy_before() -> None:
    text = "layers: [relu, {id: c, conv2d: {channels: 8, kernel: 1}, from: image, repeat: 3}]"
    assert layers(network(text)) == {
        "relu": "[3, 32, 32] of image",
        "c.1": "[8, 32, 32] of image",
        "c.2": "[8, 32, 32] of c.1",
        "c.3": "[8, 32, 32] of c.2",
    }


# --- use


def test_use_shares_weights_once() -> None:
    text = (
        BLOCKS
        + """
    layers:
      - {id: a, conv2d: {channels: 3, kernel: 3, bias: true}}
      - {id: b, use: a}
      - {id: c, use: b, repeat: 2}
      - {id: t, conv: {channels: previous.channels, kernel: 1}, from: image}
      - {id: u, use: t, from: a}
      - {id: v, use: u}
      - {id: w, use: u.conv2d}
    """
    )
    net = network(text)
    assert {step.name: step.shares for step in net.steps} == {
        "a": None, "b": 0, "c.1": 0, "c.2": 0,
        "t.conv2d": None, "u.conv2d": 4, "v.conv2d": 4, "w": 4,
    }  # fmt: skip
    large, small = 3 * 3 * 3 * 3, 3 * 3
    assert counts(net) == (32 * 32 * (4 * large + 4 * small), large + 3 + small)


def test_use_keeps_the_arguments_of_the_first_time() -> None:
    """`previous` and `input` in a call mean what they meant where the call stands."""
    text = (
        BLOCKS
        + """
    layers:
      - {id: t, conv: {channels: previous.channels + input.height}}
      - conv2d: {channels: 3, kernel: 1}
      - {id: u, use: t}
    """
    )
    assert layers(network(text))["u.conv2d"] == "[35, 32, 32] of conv2d"


def test_use_evaluates_defaults_and_conditions_for_its_own_input() -> None:
    text = """
    blocks:
      b:
        arguments: {h: input.height * 2}
        layers: [{relu: {}, when: input.height > 0}, resize: {size: h}]
    layers: [{id: t, b: {}}, {id: u, use: t}]
    """
    assert layers(network(text))["u.resize"] == "[3, 128, 128] of u.relu"


def test_use_of_a_group_sees_the_names_around_the_first_one() -> None:
    text = """
    blocks:
      b:
        arguments: {c: 3}
        layers:
          - {id: r, relu: {}}
          - {id: g, layers: [conv2d: {channels: c, kernel: 1}, add: [previous, r]]}
          - tanh
          - {id: h, use: g}
    layers: [{id: one, b: {}}, {id: two, use: one}]
    """
    net = network(text)
    assert layers(net)["one.h.conv2d"] == "[3, 32, 32] of one.tanh"
    assert layers(net)["one.h.add"] == "[3, 32, 32] of one.h.conv2d, one.r"
    assert layers(net)["two.h.add"] == "[3, 32, 32] of two.h.conv2d, two.r"
    assert counts(net)[1] == 9
    shares = [step.shares for step in net.steps if step.name.endswith("conv2d")]
    assert shares == [None, 1, 1, 1]


def test_use_of_a_block_that_holds_a_kind() -> None:
    text = """
    blocks:
      b: {arguments: {op: required}, layers: [{id: o, op: {}}]}
      c: {layers: [conv2d: {channels: 3, kernel: 1}]}
    layers: [{id: one, b: {op: c}}, {id: two, use: one}, {id: three, use: one.o}]
    """
    net = network(text)
    assert list(layers(net)) == ["one.o.conv2d", "two.o.conv2d", "three.conv2d"]
    assert counts(net) == (3 * 9 * 1024, 9)


def test_use_of_a_block_with_several_inputs() -> None:
    text = """
    blocks:
      m: {input: [x, y], layers: [add: [x, y], conv2d: {channels: 3, kernel: 1}]}
    layers:
      - {id: one, m: [image, image]}
      - {id: two, use: one, from: [previous, image]}
    """
    assert layers(network(text))["two.add"] == "[3, 32, 32] of one.conv2d, image"
    assert first_line(text.replace("[previous, image]", "image")).endswith(
        "`m` has 2 inputs, not 1"
    )


def test_use_follows_the_choices_of_the_first_time() -> None:
    text = """
    blocks:
      b:
        arguments: {k: {choose: [1, 3]}}
        layers: [conv2d: {channels: {choose: [3, 6]}, kernel: k}]
    layers:
      - {id: t, b: {}}
      - {id: u, use: t, from: image}
      - {id: v, use: u, from: image}
    """
    net = network(text, t__k=3, t__conv2d__channels=6)
    assert list(net.choices) == ["t.k", "t.conv2d.channels"]
    assert [str(tensor.type) for tensor in net.tensors[1:]] == ["[6, 32, 32]"] * 3
    assert counts(net)[1] == 3 * 6 * 9


def test_use_with_arrays_marks_the_candidates_that_fit() -> None:
    text = """
    knobs: {n: 3}
    layers: [{id: a, conv2d: {channels: n, kernel: 1}}, {id: b, use: a}]
    """
    mask = Mask()
    elaborate(spec(text), {"n": np.array([3, 4, 3])}, mask)
    assert mask.valid.tolist() == [True, False, True]


# --- variants


VARIANTS = (
    BLOCKS
    + """
      big: {arguments: {channels: 1}, layers: [conv2d: {channels: channels, kernel: 7}]}
    knobs: {n: {default: 4, help: width}, m: 2}
    let: {w: n * m}
    layers:
      - {id: a, big: {channels: w}}
      - {id: b, relu: {}, repeat: 2}
      - {id: c, tanh: {}, from: a, when: m == 2}
    variants:
      none: {}
      knobs: {knobs: {n: 8, m: {default: 3}}}
      let: {let: {w: n + m, unused: 1}}
      alias: {blocks: {big: conv}}
      kind: {blocks: {big: {layers: [relu], arguments: {channels: 1}}}}
      body: {layers: {b: {conv2d: {channels: 5, kernel: 1}}}}
      word: {layers: {b: gelu, c: {from: b}}}
      modifier: {layers: {b: {repeat: 1}, c: {when: m != 2}}}
      less: {layers: {b: null, c: null}}
      list: {layers: [relu, gelu]}
      input: {input: {image: [1, 8, 8]}}
      renamed: {input: {image: null, picture: [1, 8, 8]}}
      outputs: {outputs: [a, c]}
"""
)


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        (None, {"a.conv2d": "[8, 32, 32] of image", "b.1": "[8, 32, 32] of a.conv2d",
                "b.2": "[8, 32, 32] of b.1", "c": "[8, 32, 32] of a.conv2d"}),
        ("none", {"a.conv2d": "[8, 32, 32] of image"}),
        ("knobs", {"a.conv2d": "[24, 32, 32] of image", "c": None}),
        ("let", {"a.conv2d": "[6, 32, 32] of image"}),
        ("alias", {"a.conv2d": "[8, 32, 32] of image"}),
        ("kind", {"a.relu": "[3, 32, 32] of image", "c": "[3, 32, 32] of a.relu"}),
        ("body", {"b.1": "[5, 32, 32] of a.conv2d", "b.2": "[5, 32, 32] of b.1"}),
        ("word", {"b.1": "[8, 32, 32] of a.conv2d", "c": "[8, 32, 32] of b.2"}),
        ("modifier", {"b.1": "[8, 32, 32] of a.conv2d", "b.2": None, "c": None}),
        ("less", {"a.conv2d": "[8, 32, 32] of image", "b.1": None, "c": None}),
        ("list", {"relu": "[3, 32, 32] of image", "gelu": "[3, 32, 32] of relu", "c": None}),
        ("input", {"a.conv2d": "[8, 8, 8] of image"}),
        ("renamed", {"a.conv2d": "[8, 8, 8] of picture"}),
        ("outputs", {"c": "[8, 32, 32] of a.conv2d"}),
    ],
)  # fmt: skip
def test_a_variant_is_a_patch(variant: str | None, expected: dict[str, str | None]) -> None:
    net = network(VARIANTS, variant)
    shapes = layers(net)
    assert {name: shapes.get(name) for name in expected} == expected
    kernel = "kernel=3" if variant == "alias" else "kernel=7"
    if "a.conv2d" in shapes:
        assert kernel in repr(net.step("a.conv2d").layer)
    assert net.spec.title == ("x" if variant is None else f"x:{variant}")
    assert len(net.spec.variants) == 13


def test_a_new_default_keeps_the_rest_of_the_knob() -> None:
    knob = spec(VARIANTS, "knobs").knobs["n"]
    assert (knob.default, knob.help) == (8, "width")
    assert layers(network(VARIANTS, "knobs", n=1))["a.conv2d"] == "[3, 32, 32] of image"


def test_an_alias_of_an_alias_and_of_a_kind() -> None:
    text = """
    blocks: {A: B, B: C, C: relu, D: E, E: {layers: [tanh]}}
    layers: [A, B, D, E]
    """
    net = network(text)
    assert list(layers(net)) == ["A", "B", "D.tanh", "E.tanh"]
    assert [step.layer.kind for step in net.steps] == ["relu", "relu", "tanh", "tanh"]


def test_a_block_of_the_file_wins_over_a_kind() -> None:
    text = "blocks: {relu: {layers: [tanh]}}\nlayers: [relu]"
    assert list(layers(network(text))) == ["relu.tanh"]


def test_names_of_the_file_win_over_built_in_functions() -> None:
    text = """
    knobs: {min: 7}
    let:
      floor(x): x + 100
      max: min(3, min)
    blocks:
      b: {arguments: {round: 2.5}, layers: [conv2d: {channels: round(round) + floor(1), kernel: 1}]}
    layers: [b, conv2d: {channels: max, kernel: 1}]
    """
    assert [str(tensor.type) for tensor in network(text).tensors[1:]] == [
        "[103, 32, 32]",
        "[3, 32, 32]",
    ]


# --- choices


OFA = """
    blocks:
      mb:
        arguments: {channels: required, kernel: {choose: [3, 5, 7]}, op: {choose: [relu, tanh]}}
        layers:
          - conv2d: {channels: channels, kernel: kernel}
          - {id: act, op: {}}
      stage:
        arguments: {c: required}
        layers:
          - {id: first, mb: {channels: c}}
          - {id: more, mb: {channels: c}, repeat: {choose: [1, 2, 3]}}
    layers:
      - {id: s1, stage: {c: 8}}
      - {id: s2, stage: {c: {choose: [4, 8]}}}
"""


def test_choices_are_named_by_their_paths() -> None:
    net = network(OFA, s1__more__repeat=2)
    assert net.choices == {
        "s1.first.kernel": (3, 5, 7), "s1.first.op": ("relu", "tanh"),
        "s1.more.repeat": (1, 2, 3),
        "s1.more.1.kernel": (3, 5, 7), "s1.more.1.op": ("relu", "tanh"),
        "s1.more.2.kernel": (3, 5, 7), "s1.more.2.op": ("relu", "tanh"),
        "s2.c": (4, 8),
        "s2.first.kernel": (3, 5, 7), "s2.first.op": ("relu", "tanh"),
        "s2.more.repeat": (1, 2, 3),
        "s2.more.1.kernel": (3, 5, 7), "s2.more.1.op": ("relu", "tanh"),
    }  # fmt: skip
    assert net.knobs == {"batch": 1, "s1.more.repeat": 2}


def test_choices_are_made_by_knobs() -> None:
    net = network(OFA, s1__more__repeat=2, s1__more__2__kernel=7, s2__c=8, s2__first__op="tanh")
    assert "kernel=7" in repr(net.step("s1.more.2.conv2d").layer)
    assert "kernel=3" in repr(net.step("s1.more.1.conv2d").layer)
    assert net.step("s2.first.act").layer.kind == "tanh"
    assert layers(net)["s2.first.conv2d"].startswith("[8, ")


def test_choices_in_copies_that_are_not_there_are_ignored() -> None:
    assert "s1.more.2.conv2d" not in layers(network(OFA, s1__more__3__kernel=5))


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"s1__more__2__kernal": 5}, "x has no choice `s1.more.2.kernal`"),
        ({"s3__more": 5}, "x has no choice `s3.more`"),
        ({"s1__first__kernel": 4}, "`s1.first.kernel` is one of 3, 5, 7, not 4"),
        ({"kernel": 3}, "x has no knob `kernel`"),
        ({"batch": 0}, "batch must be at least 1, not 0"),
        ({"batch": 2**21}, "batch must be at most 1048576, not 2097152"),
        ({"batch": "2"}, "batch needs a whole number, not the word `2`"),
    ],
)
def test_knobs_that_are_refused(knobs: dict[str, Any], message: str) -> None:
    assert message in first_line(OFA, **knobs)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, -(2**54), True, "1", None])
def test_a_knob_needs_a_number_that_can_be_counted_with(value: Any) -> None:
    text = "knobs: {n: 3}\nlayers: [conv2d: {channels: floor(n * 1.5), kernel: 1}]"
    assert "the knob `n` of x needs a number" in first_line(text, n=value)


def test_batch_is_a_knob_of_every_model() -> None:
    net = network("layers: [relu]", batch=8)
    assert (net.batch, net.knobs) == (8, {"batch": 8})
    assert str(net.tensors[0].type) == "[3, 32, 32]"
    text = "layers: [conv2d: {channels: 2 * batch, kernel: 1}]"
    assert layers(network(text, batch=3))["conv2d"].startswith("[6, ")


def test_a_word_is_a_knob_too() -> None:
    text = """
    knobs: {op: {default: small, choices: [small, large]}, flag: true}
    blocks:
      small: {layers: [relu]}
      large: {layers: [tanh]}
      b: {arguments: {kind: op}, layers: [{kind: {}, when: flag}, gelu]}
    layers: [b]
    """
    assert list(layers(network(text))) == ["b.kind.relu", "b.gelu"]
    assert list(layers(network(text, op="large"))) == ["b.kind.tanh", "b.gelu"]
    assert list(layers(network(text, flag=False))) == ["b.gelu"]
    assert warnings(text) == []


# --- warnings and equality


def test_what_is_warned_of() -> None:
    text = """
    input: {image: [3, 8, 8], other: [3]}
    knobs: {used: 1, spare: 2, of_a_variant: 3}
    blocks: {a: {layers: [relu]}, b: {layers: [relu]}, c: {layers: [relu]}}
    layers:
      - {id: x, a: {}, from: image, repeat: used}
      - {id: dead, relu: {}, from: image}
      - {id: dead2, relu: {}, from: dead}
      - {id: y, relu: {}, from: x}
    variants:
      v: {blocks: {a: c}, let: {n: of_a_variant}}
      typo: {knobs: {usde: 3}}
    """
    assert warnings(text) == [
        "the knob `spare` is not used",
        "the knob `usde` is not used",
        "the block `b` is not used",
        "no output depends on `dead2`",
        "no layer reads the input `other`",
    ]
    assert warnings(text, "typo")[0] == "the knob `usde` is not used"
    assert spec(text, "typo").warnings[0].hint == "did you mean `used`?"


def test_specs_are_equal_when_they_say_the_same() -> None:
    first = spec("knobs: {a: 1}\nlayers:\n  - conv2d: {channels: a, kernel: 3}\n")
    other = spec("layers:\n  - conv2d:\n      kernel: 3\n      channels: 'a'\nknobs:\n  a: 1\n")
    assert first == other
    assert first != spec("knobs: {a: 2}\nlayers: [conv2d: {channels: a, kernel: 3}]")


def test_a_network_of_which_nothing_is_left() -> None:
    assert first_line("layers: [{relu: {}, when: false}]").endswith(
        "nothing is left of the network"
    )


def test_a_merge_in_a_block_called_twice_sees_each_other_input() -> None:
    net = network(
        """
        input: {image: [3, 8, 8]}
        blocks:
          join: {input: [one, other], layers: [{concat: [one, other]}]}
        layers:
          - {id: a, conv2d: {channels: 4, kernel: 1}}
          - {id: b, conv2d: {channels: 8, kernel: 1}}
          - {id: c, conv2d: {channels: 16, kernel: 1}, from: a}
          - {id: first, join: {}, from: [a, b]}
          - {id: second, join: {}, from: [a, c]}
        outputs: [first, second]
        """
    )
    shapes = {step.name: net.tensors[step.output].type.shape for step in net.steps}
    assert shapes["first.concat"] == (12, 8, 8)
    assert shapes["second.concat"] == (20, 8, 8)
