"""The tables of TFLite files: the fields that an import reads, with their slots.

From schema.fbs of LiteRT 2.3, whose version is 3 (github.com/google-ai-edge/LiteRT). Contents of
other files and what a runtime alone uses are not read. Names of options are those of the schema.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mnet_cost.importing.readers.flatbuffers import Field, Table

VERSION = 3
"""Of the schema: the only one that there is."""
IDENTIFIER = b"TFL3"
"""Bytes 4 to 7 of a file."""

TABLES: Mapping[str, Table] = {
    "model": {
        0: Field("version", "uint32", 0),
        1: Field("codes", "code", repeated=True),
        2: Field("subgraphs", "subgraph", repeated=True),
        3: Field("description", "text"),
        4: Field("buffers", "buffer", repeated=True),
    },
    "code": {
        0: Field("old_code", "int8", 0),
        1: Field("custom_code", "text"),
        2: Field("version", "int32", 1),
        3: Field("code", "int32", 0),
    },
    "subgraph": {
        0: Field("tensors", "tensor", repeated=True),
        1: Field("inputs", "int32", repeated=True),
        2: Field("outputs", "int32", repeated=True),
        3: Field("operators", "operator", repeated=True),
    },
    "tensor": {
        0: Field("shape", "int32", repeated=True),
        1: Field("type", "int8", 0),
        2: Field("buffer", "uint32", 0),
        3: Field("name", "text"),
        4: Field("quantization", "quantization"),
        5: Field("is_variable", "bool", False),
        6: Field("sparsity", "place"),
        7: Field("signature", "int32", repeated=True),
        10: Field("external_buffer", "uint32", 0),
    },
    "quantization": {
        2: Field("scales", "float", repeated=True),
        3: Field("zero_points", "int64", repeated=True),
        4: Field("details_type", "uint8", 0),
        6: Field("axis", "int32", 0),
    },
    "operator": {
        0: Field("code", "uint32", 0),
        1: Field("inputs", "int32", repeated=True),
        2: Field("outputs", "int32", repeated=True),
        3: Field("options_type", "uint8", 0),
        4: Field("options", "place"),
    },
    "buffer": {
        0: Field("data", "bytes"),
        1: Field("offset", "uint64", 0),
        2: Field("size", "uint64", 0),
    },
}

TENSOR_TYPES = (
    "float32", "float16", "int32", "uint8", "int64", "string", "bool", "int16", "complex64", "int8",
    "float64", "complex128", "uint64", "resource", "variant", "uint32", "uint16", "int4",
    "bfloat16", "int2", "uint4", "float8e4m3fn", "float8e5m2",
)  # fmt: skip
"""TensorType: types of elements by their numbers, as ONNX calls them."""

BUILTINS = (
    "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE",
    "DEQUANTIZE", "EMBEDDING_LOOKUP", "FLOOR", "FULLY_CONNECTED", "HASHTABLE_LOOKUP",
    "L2_NORMALIZATION", "L2_POOL_2D", "LOCAL_RESPONSE_NORMALIZATION", "LOGISTIC", "LSH_PROJECTION",
    "LSTM", "MAX_POOL_2D", "MUL", "RELU", "RELU_N1_TO_1", "RELU6", "RESHAPE", "RESIZE_BILINEAR",
    "RNN", "SOFTMAX", "SPACE_TO_DEPTH", "SVDF", "TANH", "CONCAT_EMBEDDINGS", "SKIP_GRAM", "CALL",
    "CUSTOM", "EMBEDDING_LOOKUP_SPARSE", "PAD", "UNIDIRECTIONAL_SEQUENCE_RNN", "GATHER",
    "BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND", "TRANSPOSE", "MEAN", "SUB", "DIV", "SQUEEZE",
    "UNIDIRECTIONAL_SEQUENCE_LSTM", "STRIDED_SLICE", "BIDIRECTIONAL_SEQUENCE_RNN", "EXP", "TOPK_V2",
    "SPLIT", "LOG_SOFTMAX", "DELEGATE", "BIDIRECTIONAL_SEQUENCE_LSTM", "CAST", "PRELU", "MAXIMUM",
    "ARG_MAX", "MINIMUM", "LESS", "NEG", "PADV2", "GREATER", "GREATER_EQUAL", "LESS_EQUAL",
    "SELECT", "SLICE", "SIN", "TRANSPOSE_CONV", "SPARSE_TO_DENSE", "TILE", "EXPAND_DIMS", "EQUAL",
    "NOT_EQUAL", "LOG", "SUM", "SQRT", "RSQRT", "SHAPE", "POW", "ARG_MIN", "FAKE_QUANT",
    "REDUCE_PROD", "REDUCE_MAX", "PACK", "LOGICAL_OR", "ONE_HOT", "LOGICAL_AND", "LOGICAL_NOT",
    "UNPACK", "REDUCE_MIN", "FLOOR_DIV", "REDUCE_ANY", "SQUARE", "ZEROS_LIKE", "FILL", "FLOOR_MOD",
    "RANGE", "RESIZE_NEAREST_NEIGHBOR", "LEAKY_RELU", "SQUARED_DIFFERENCE", "MIRROR_PAD", "ABS",
    "SPLIT_V", "UNIQUE", "CEIL", "REVERSE_V2", "ADD_N", "GATHER_ND", "COS", "WHERE", "RANK", "ELU",
    "REVERSE_SEQUENCE", "MATRIX_DIAG", "QUANTIZE", "MATRIX_SET_DIAG", "ROUND", "HARD_SWISH", "IF",
    "WHILE", "NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5", "SCATTER_ND", "SELECT_V2",
    "DENSIFY", "SEGMENT_SUM", "BATCH_MATMUL", "PLACEHOLDER_FOR_GREATER_OP_CODES", "CUMSUM",
    "CALL_ONCE", "BROADCAST_TO", "RFFT2D", "CONV_3D", "IMAG", "REAL", "COMPLEX_ABS", "HASHTABLE",
    "HASHTABLE_FIND", "HASHTABLE_IMPORT", "HASHTABLE_SIZE", "REDUCE_ALL", "CONV_3D_TRANSPOSE",
    "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "BROADCAST_ARGS", "RANDOM_STANDARD_NORMAL",
    "BUCKETIZE", "RANDOM_UNIFORM", "MULTINOMIAL", "GELU", "DYNAMIC_UPDATE_SLICE", "RELU_0_TO_1",
    "UNSORTED_SEGMENT_PROD", "UNSORTED_SEGMENT_MAX", "UNSORTED_SEGMENT_SUM", "ATAN2",
    "UNSORTED_SEGMENT_MIN", "SIGN", "BITCAST", "BITWISE_XOR", "RIGHT_SHIFT", "STABLEHLO_LOGISTIC",
    "STABLEHLO_ADD", "STABLEHLO_DIVIDE", "STABLEHLO_MULTIPLY", "STABLEHLO_MAXIMUM",
    "STABLEHLO_RESHAPE", "STABLEHLO_CLAMP", "STABLEHLO_CONCATENATE", "STABLEHLO_BROADCAST_IN_DIM",
    "STABLEHLO_CONVOLUTION", "STABLEHLO_SLICE", "STABLEHLO_CUSTOM_CALL", "STABLEHLO_REDUCE",
    "STABLEHLO_ABS", "STABLEHLO_AND", "STABLEHLO_COSINE", "STABLEHLO_EXPONENTIAL",
    "STABLEHLO_FLOOR", "STABLEHLO_LOG", "STABLEHLO_MINIMUM", "STABLEHLO_NEGATE", "STABLEHLO_OR",
    "STABLEHLO_POWER", "STABLEHLO_REMAINDER", "STABLEHLO_RSQRT", "STABLEHLO_SELECT",
    "STABLEHLO_SUBTRACT", "STABLEHLO_TANH", "STABLEHLO_SCATTER", "STABLEHLO_COMPARE",
    "STABLEHLO_CONVERT", "STABLEHLO_DYNAMIC_SLICE", "STABLEHLO_DYNAMIC_UPDATE_SLICE",
    "STABLEHLO_PAD", "STABLEHLO_IOTA", "STABLEHLO_DOT_GENERAL", "STABLEHLO_REDUCE_WINDOW",
    "STABLEHLO_SORT", "STABLEHLO_WHILE", "STABLEHLO_GATHER", "STABLEHLO_TRANSPOSE", "DILATE",
    "STABLEHLO_RNG_BIT_GENERATOR", "REDUCE_WINDOW", "STABLEHLO_COMPOSITE", "STABLEHLO_SHIFT_LEFT",
    "STABLEHLO_CBRT", "STABLEHLO_CASE",
)  # fmt: skip
"""BuiltinOperator: operators by their codes."""
CUSTOM = BUILTINS.index("CUSTOM")
PLACEHOLDER = BUILTINS.index("PLACEHOLDER_FOR_GREATER_OP_CODES")
"""What `old_code` holds where the code is too large for its byte."""

NAMES: Mapping[str, Sequence[str]] = {
    "padding": ("SAME", "VALID"),
    "fused_activation_function": ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT"),
    "mode": ("REFLECT", "SYMMETRIC"),
    "in_data_type": TENSOR_TYPES,
    "out_data_type": TENSOR_TYPES,
    "out_type": TENSOR_TYPES,
    "output_type": TENSOR_TYPES,
}
"""Options that are a number in the file and a name in the schema, by their own names."""


class Options(NamedTuple):
    """The options of an operator: which member of BuiltinOptions they are, and their fields."""

    number: int
    fields: Table


_ACTIVATION = Field("fused_activation_function", "int8", 0)
_ACTIVATION_ALONE = {0: _ACTIVATION}
_CONV_2D = {
    0: Field("padding", "int8", 0),
    1: Field("stride_w", "int32", 0),
    2: Field("stride_h", "int32", 0),
    3: _ACTIVATION,
    4: Field("dilation_w_factor", "int32", 1),
    5: Field("dilation_h_factor", "int32", 1),
}
_CONV_3D = Options(
    106,
    {
        0: Field("padding", "int8", 0),
        1: Field("stride_d", "int32", 0),
        2: Field("stride_w", "int32", 0),
        3: Field("stride_h", "int32", 0),
        4: _ACTIVATION,
        5: Field("dilation_d_factor", "int32", 1),
        6: Field("dilation_w_factor", "int32", 1),
        7: Field("dilation_h_factor", "int32", 1),
    },
)
_POOL_2D = Options(
    5,
    {
        0: Field("padding", "int8", 0),
        1: Field("stride_w", "int32", 0),
        2: Field("stride_h", "int32", 0),
        3: Field("filter_width", "int32", 0),
        4: Field("filter_height", "int32", 0),
        5: _ACTIVATION,
    },
)
_REDUCER = Options(27, {0: Field("keep_dims", "bool", False)})
_BLOCK = {0: Field("block_size", "int32", 0)}

OPTIONS: Mapping[str, Options] = {
    "CONV_2D": Options(1, _CONV_2D),
    "DEPTHWISE_CONV_2D": Options(
        2,
        {
            0: Field("padding", "int8", 0),
            1: Field("stride_w", "int32", 0),
            2: Field("stride_h", "int32", 0),
            3: Field("depth_multiplier", "int32", 0),
            4: _ACTIVATION,
            5: Field("dilation_w_factor", "int32", 1),
            6: Field("dilation_h_factor", "int32", 1),
        },
    ),
    "TRANSPOSE_CONV": Options(49, {slot: _CONV_2D[slot] for slot in range(4)}),
    "CONV_3D": _CONV_3D,
    "CONV_3D_TRANSPOSE": _CONV_3D,
    "AVERAGE_POOL_2D": _POOL_2D,
    "MAX_POOL_2D": _POOL_2D,
    "L2_POOL_2D": _POOL_2D,
    "FULLY_CONNECTED": Options(
        8,
        {
            0: _ACTIVATION,
            1: Field("weights_format", "int8", 0),
            2: Field("keep_num_dims", "bool", False),
        },
    ),
    "BATCH_MATMUL": Options(
        101, {0: Field("adj_x", "bool", False), 1: Field("adj_y", "bool", False)}
    ),
    "SOFTMAX": Options(9, {0: Field("beta", "float", 0.0)}),
    "LEAKY_RELU": Options(75, {0: Field("alpha", "float", 0.0)}),
    "GELU": Options(116, {0: Field("approximate", "bool", False)}),
    "ADD": Options(11, _ACTIVATION_ALONE),
    "SUB": Options(28, _ACTIVATION_ALONE),
    "MUL": Options(21, _ACTIVATION_ALONE),
    "DIV": Options(29, _ACTIVATION_ALONE),
    "L2_NORMALIZATION": Options(12, _ACTIVATION_ALONE),
    "LOCAL_RESPONSE_NORMALIZATION": Options(
        13,
        {
            0: Field("radius", "int32", 0),
            1: Field("bias", "float", 0.0),
            2: Field("alpha", "float", 0.0),
            3: Field("beta", "float", 0.0),
        },
    ),
    "CONCATENATION": Options(10, {0: Field("axis", "int32", 0), 1: _ACTIVATION}),
    "PACK": Options(59, {0: Field("values_count", "int32", 0), 1: Field("axis", "int32", 0)}),
    "UNPACK": Options(64, {0: Field("num", "int32", 0), 1: Field("axis", "int32", 0)}),
    "SPLIT": Options(35, {0: Field("num_splits", "int32", 0)}),
    "SPLIT_V": Options(79, {0: Field("num_splits", "int32", 0)}),
    "GATHER": Options(23, {0: Field("axis", "int32", 0), 1: Field("batch_dims", "int32", 0)}),
    "RESHAPE": Options(17, {0: Field("new_shape", "int32", repeated=True)}),
    "SQUEEZE": Options(30, {0: Field("squeeze_dims", "int32", repeated=True)}),
    "STRIDED_SLICE": Options(
        32,
        {
            0: Field("begin_mask", "int32", 0),
            1: Field("end_mask", "int32", 0),
            2: Field("ellipsis_mask", "int32", 0),
            3: Field("new_axis_mask", "int32", 0),
            4: Field("shrink_axis_mask", "int32", 0),
            5: Field("offset", "bool", False),
        },
    ),
    "MIRROR_PAD": Options(77, {0: Field("mode", "int8", 0)}),
    "DEPTH_TO_SPACE": Options(94, _BLOCK),
    "SPACE_TO_DEPTH": Options(19, _BLOCK),
    "RESIZE_BILINEAR": Options(
        15,
        {2: Field("align_corners", "bool", False), 3: Field("half_pixel_centers", "bool", False)},
    ),
    "RESIZE_NEAREST_NEIGHBOR": Options(
        74,
        {0: Field("align_corners", "bool", False), 1: Field("half_pixel_centers", "bool", False)},
    ),
    "MEAN": _REDUCER,
    "SUM": _REDUCER,
    "REDUCE_PROD": _REDUCER,
    "REDUCE_MAX": _REDUCER,
    "REDUCE_MIN": _REDUCER,
    "REDUCE_ANY": _REDUCER,
    "REDUCE_ALL": _REDUCER,
    "ARG_MAX": Options(40, {0: Field("output_type", "int8", 0)}),
    "ARG_MIN": Options(57, {0: Field("output_type", "int8", 0)}),
    "CAST": Options(
        37, {0: Field("in_data_type", "int8", 0), 1: Field("out_data_type", "int8", 0)}
    ),
    "SHAPE": Options(55, {0: Field("out_type", "int8", 0)}),
    "CUMSUM": Options(
        102, {0: Field("exclusive", "bool", False), 1: Field("reverse", "bool", False)}
    ),
    "ONE_HOT": Options(61, {0: Field("axis", "int32", 0)}),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Options(
        71, {0: _ACTIVATION, 3: Field("time_major", "bool", False)}
    ),
    "CALL": Options(16, {0: Field("subgraph", "uint32", 0)}),
    "IF": Options(
        92,
        {0: Field("then_subgraph_index", "int32", 0), 1: Field("else_subgraph_index", "int32", 0)},
    ),
    "WHILE": Options(
        93,
        {0: Field("cond_subgraph_index", "int32", 0), 1: Field("body_subgraph_index", "int32", 0)},
    ),
}
"""Of the operators whose options say something of shapes and work."""
