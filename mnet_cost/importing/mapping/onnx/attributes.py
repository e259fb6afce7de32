"""Types of attributes, checked before a rule reads them: a file can have anything in them.

An attribute of a name has the same type in all operators that have a rule (onnx/defs of ONNX 1.23).
Not here: which values make sense, which each rule knows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from mnet_cost.importing.mapping.builder import Builder
from mnet_cost.importing.mapping.mapper import Call, Rule
from mnet_cost.importing.mapping.values import Unmapped, Value

_NAMES = {
    "a whole number": (
        "align_corners allowzero axis batch_axis batch_dims blocksize ceil_mode "
        "count_include_pad detect_negative detect_positive dtype end exclusive fmod group "
        "hidden_size ignore_index input_forget interleaved is_causal k keepdims kv_num_heads "
        "largest layout linear_before_reset local_window_size noop_with_empty_axes num_groups "
        "num_heads num_outputs output_datatype output_dtype output_height output_width p "
        "q_num_heads qk_matmul_output_mode reverse rotary_embedding_dim sampling_ratio size "
        "sorted start time_axis to training_mode transA transB upper value_int"
    ),
    "a number": (
        "alpha beta bias epsilon gamma high lambd limit low max mean min scale seed softcap "
        "spatial_scale value_float"
    ),
    "a word": (
        "activation approximate auto_pad coordinate_transformation_mode direction equation "
        "keep_aspect_ratio_policy mode padding_mode reduction value_string"
    ),
    "a list of whole numbers": (
        "axes dilations ends kernel_shape output_padding output_shape pads perm pooled_shape shape "
        "split starts strides value_ints"
    ),
    "a list of numbers": "activation_alpha activation_beta scales value_floats",
    "a list of words": "activations",
}
_TYPES = {name: type_ for type_, names in _NAMES.items() for name in names.split()}


def _is_whole(value: Any) -> bool:
    return type(value) is int


def _is_number(value: Any) -> bool:
    return type(value) is int or (type(value) is float and math.isfinite(value))


_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "a whole number": _is_whole,
    "a number": _is_number,
    "a word": lambda value: isinstance(value, str),
    "a list of whole numbers": lambda value: isinstance(value, list) and all(map(_is_whole, value)),
    "a list of words": lambda value: (
        isinstance(value, list) and all(isinstance(word, str) for word in value)
    ),
    "a list of numbers": lambda value: isinstance(value, list) and all(map(_is_number, value)),
}


def checked(rule: Rule) -> Rule:
    """The rule, which is only asked where all attributes have the types that it expects."""

    def rule_of_checked(b: Builder, call: Call) -> Value | list[Value]:
        for name, value in call.arguments.items():
            type_ = _TYPES.get(name)
            if type_ is not None and not _CHECKS[type_](value):
                raise Unmapped(f"has an attribute `{name}` that is not {type_}")
        return rule(b, call)

    return rule_of_checked
