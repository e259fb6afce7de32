"""What a runtime may do with layers when it launches them as kernels, by the words of profiles.

Not here: how a rule is carried out, which the analysis knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

KERNEL_RULES: Mapping[str, str] = MappingProxyType(
    {
        "fold_norms": "a norm after a convolution or linear layer becomes part of its weights",
        "fuse_clamps": "relu, relu6 and other clamps ride on the kernel before",
        "fuse_activations": "every element-wise layer with one input rides on the kernel before",
        "fuse_adds": "a residual addition rides on the kernel that makes its last input",
        "in_place": "an element-wise layer writes over an input that nothing reads later",
        "concat_in_place": "inputs of a concatenation are written where it wants them",
        "winograd": "3x3 convolutions of stride 1 take fewer multiplications",
        "im2col": "k x k convolutions go through a scratch copy of their windows",
        "split_groups": "a grouped convolution is one convolution for each group",
    }
)
"""What each word of a profile's `kernels` means."""

DEFAULT_KERNEL_RULES = frozenset(("fold_norms", "fuse_activations", "in_place"))
"""What is taken for a profile that does not say: what every inference runtime does."""
