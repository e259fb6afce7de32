"""Kernels of optimized graphs that are written by hand, beside the file that they came from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mnet_cost.measure.runtimes.onnx_kernels import Operation, Work, works

RECORDED = Path(__file__).parent / "recorded"


def graph(text: str) -> list[Operation]:
    """Operations, one a line: `name Operator input,input -> output,output [activation]`."""
    operations = []
    for line in text.strip().splitlines():
        left, _, right = line.partition("->")
        name, operator, inputs = left.split()
        outputs, *activation = right.split()
        operations.append(
            Operation(
                name,
                operator,
                tuple("" if one == "." else one for one in inputs.split(",")),
                tuple(outputs.split(",")),
                activation="".join(activation),
            )
        )
    return operations


def done(file: str, optimized: str, inputs: str = "x") -> dict[str, str]:
    """What each kernel does: its nodes, with `copy of` before them where it only copies."""
    operations = graph(optimized)
    found = works(inputs.split(), graph(file), operations)
    return {
        operation.name: ("copy of " if work.is_layout else "") + " ".join(work.nodes)
        for operation, work in zip(operations, found, strict=True)
    }


def test_fused_kernels_do_what_is_between_their_tensors() -> None:
    file = """
        conv Conv x,w -> a
        relu Relu a -> b
        conv.2 Conv b,v -> c
        add Add c,x -> d
        six Clip d,low,high -> e
    """
    optimized = """
        conv/Fused FusedConv x,w -> b
        conv.2/Fused FusedConv b,v,.,x -> e
    """
    assert done(file, optimized) == {
        "conv/Fused": "conv relu",
        "conv.2/Fused": "conv.2 add six",
    }


def test_blocked_tensors_are_told_by_their_kernels() -> None:
    """A sum and an activation that became part of a convolution after it got its name."""
    file = """
        stem Conv x,w -> a
        swish HardSwish a -> b
        expand Conv b,v -> c
        relu Relu c -> d
        project Conv d,u -> e
        add Add b,e -> f
        head Conv f,t -> g
    """
    optimized = """
        ReorderInput ReorderInput x -> reorder
        a_nchwc Conv reorder,w1 -> reorder_token_1 HardSwish
        d_nchwc_token_7 Conv reorder_token_1,v1 -> reorder_token_2 Relu
        e_nchwc Conv reorder_token_2,u1,.,reorder_token_1 -> reorder_token_3
        g_nchwc Conv reorder_token_3,t1 -> reorder_token_4
        ReorderOutput_token_9 ReorderOutput reorder_token_4 -> g
    """
    assert done(file, optimized) == {
        "ReorderInput": "copy of ",
        "a_nchwc": "stem swish",
        "d_nchwc_token_7": "expand relu",
        "e_nchwc": "project add",
        "g_nchwc": "head",
        "ReorderOutput_token_9": "copy of head",
    }


def test_two_nodes_that_became_one_between_convolutions_in_blocked_layout() -> None:
    """`x * sigmoid(x)` is one operator there, which is named after its product."""
    file = """
        stem Conv x,w -> a
        silu Sigmoid a -> b
        silu/2 Mul a,b -> c
        expand Conv c,v -> d
        add Add a,d -> e
        gate.silu Sigmoid e -> f
        gate.silu/2 Mul e,f -> g
        excite Conv g,u -> h
        sigmoid Sigmoid h -> i
    """
    optimized = """
        a_nchwc Conv x,w1 -> reorder
        silu/2/QuickGeluFusion/ QuickGelu reorder -> reorder_token_1
        d_nchwc Conv reorder_token_1,v1,.,reorder -> reorder_token_2
        gate.silu/2/QuickGeluFusion/ QuickGelu reorder_token_2 -> reorder_token_3
        i_nchwc Conv reorder_token_3,u1 -> reorder_token_4 Sigmoid
        ReorderOutput ReorderOutput reorder_token_4 -> i
    """
    assert done(file, optimized) == {
        "a_nchwc": "stem",
        "silu/2/QuickGeluFusion/": "silu silu/2",
        "d_nchwc": "expand add",
        "gate.silu/2/QuickGeluFusion/": "gate.silu gate.silu/2",
        "i_nchwc": "excite sigmoid",
        "ReorderOutput": "copy of sigmoid",
    }


def test_a_batch_norm_in_blocked_layout_is_a_convolution_of_its_own() -> None:
    file = """
        norm BatchNormalization x,s,b,m,v -> a
        relu Relu a -> b
        conv Conv b,w -> c
    """
    optimized = """
        a_bn_nchwc Conv x,s1 -> reorder Relu
        c_nchwc Conv reorder,w1 -> reorder_token_1
        ReorderOutput ReorderOutput reorder_token_1 -> c
    """
    assert done(file, optimized) == {
        "a_bn_nchwc": "norm relu",
        "c_nchwc": "conv",
        "ReorderOutput": "copy of conv",
    }


def test_merged_nodes_are_all_of_their_kernel() -> None:
    """The second of two equal nodes is gone: nothing that reads it does its work."""
    file = """
        one Relu x -> a
        two Relu x -> b
        conv Conv a,w -> c
        conv.2 Conv b,v -> d
        add Add c,d -> e
    """
    optimized = """
        one Relu x -> a
        conv Conv a,w -> c
        conv.2 FusedConv a,v,.,c -> e
    """
    assert done(file, optimized) == {"one": "one two", "conv": "conv", "conv.2": "conv.2 add"}


def test_what_is_the_same_for_all_inputs_is_no_kernels() -> None:
    """Constants are folded, shapes are known, and copies do nothing."""
    file = """
        scale Mul w,two -> w2
        same Identity x -> y
        conv Conv y,w2 -> a
        shape Shape a -> s
        part Gather s,axis -> t
        rows Reshape a,t -> b
    """
    optimized = """
        conv Conv x,w2 -> a
        rows Reshape a,t -> b
    """
    assert done(file, optimized) == {"conv": "conv", "rows": "rows"}


def test_kernels_around_a_tensor_without_a_name_are_divided() -> None:
    """A product became a matrix product with copies around it, twice, and two copies one."""
    file = """
        first MatMul x,w -> a
        first/2 Add a,b -> c
        second MatMul c,v -> d
        second/2 Add d,u -> e
    """
    optimized = """
        gemm_input_reshape Reshape x,shape -> r
        first/MatMulAddFusion Gemm r,w,b -> r1
        new_reshape Reshape r1,shape.2 -> r2
        second/MatMulAddFusion Gemm r2,v,u -> r3
        gemm_output_reshape Reshape r3,shape.3 -> e
    """
    assert done(file, optimized) == {
        "gemm_input_reshape": "copy of ",
        "first/MatMulAddFusion": "first first/2",
        "new_reshape": "copy of first first/2",
        "second/MatMulAddFusion": "second second/2",
        "gemm_output_reshape": "copy of second second/2",
    }


def test_parts_of_one_node_are_all_of_it() -> None:
    file = """
        before Relu x -> a
        norm LayerNormalization a,s -> b
        after MatMul b,w -> c
    """
    optimized = """
        before Relu x -> a
        mean ReduceMean a -> p
        less Sub a,p -> q
        rms RMS q -> r
        after MatMul r,w -> c
    """
    assert done(file, optimized) == {
        "before": "before",
        "mean": "norm",
        "less": "norm",
        "rms": "norm",
        "after": "after",
    }


def test_a_transpose_that_moved_is_a_copy_of_what_it_copies() -> None:
    file = """
        turn Transpose x -> a
        relu Relu a -> b
        sum ReduceSum b -> c
    """
    optimized = """
        relu Relu x -> b_turned
        Transpose_token_3 Transpose b_turned -> b
        sum ReduceSum b -> c
    """
    assert done(file, optimized) == {
        "relu": "turn relu",
        "Transpose_token_3": "copy of relu",
        "sum": "sum",
    }


def test_what_the_tensors_contradict_is_not_joined() -> None:
    """A kernel that reads less than its nodes need, and whose name is of no node."""
    file = """
        one Relu x -> a
        two Mul y,a -> b
    """
    optimized = """
        one Relu x -> a
        strange Fused a -> b
    """
    assert done(file, optimized, "x y") == {"one": "one", "strange": ""}


def test_a_node_with_graphs_inside_reads_what_they_read() -> None:
    onnx = pytest.importorskip("onnx")
    text = """
        <ir_version: 8, opset_import: ["" : 13]>
        choose (bool c, float[1] x) => (float[1] z) {
            y = Relu(x)
            z = If (c) <
                then_branch = yes () => (float[1] a) { a = Neg(y) },
                else_branch = no () => (float[1] b) { b = Abs(y) }
            >
        }
    """
    from mnet_cost.measure.runtimes.onnx_kernels import operations_of

    operations = operations_of(onnx.parser.parse_model(text).graph)
    assert [(one.operator, one.inputs) for one in operations] == [
        ("Relu", ("x",)),
        ("If", ("c", "y")),
    ]


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_recorded_graphs_are_joined(runtime: str) -> None:
    """The small network of `small_network.py`, as a runtime optimized it on an x86 server core."""
    recorded = json.loads((RECORDED / f"{runtime}.json").read_text(encoding="utf-8"))
    found = works(recorded["inputs"], operations(recorded["file"]), operations(recorded["kernels"]))
    assert {
        kernel[0]: work
        for kernel, work in zip(recorded["kernels"], found, strict=True)
        if kernel[0]
    } == {name: Work(tuple(nodes), copy) for name, (nodes, copy) in recorded["work"].items()}


def operations(rows: list[list[object]]) -> list[Operation]:
    """Of rows as JSON has them."""
    return [
        Operation(
            str(name),
            str(operator),
            tuple(inputs),  # type: ignore[arg-type]
            tuple(outputs),  # type: ignore[arg-type]
            bytes.fromhex(str(attributes)),
            str(activation),
            tuple(nodes),  # type: ignore[arg-type]
        )
        for name, operator, inputs, outputs, attributes, activation, nodes in rows
    ]
