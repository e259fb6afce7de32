"""What a runtime may do with layers when it launches them as kernels, by the words of profiles.

Not here: how a rule is carried out, which the analysis knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

KERNEL_RULES: Mapping[str, str] = MappingProxyType(
    {
        "fold_norms": "a norm after a convolution or linear layer becomes part of its weights",
        "fuse_clamps": "relu, relu6 and other clamps are fused into the convolution or linear "
        "layer before",
        "fuse_add_clamps": "relu, relu6 and other clamps are fused into the addition before",
        "fuse_cheap_activations": "clamps, sigmoid, tanh, hard_sigmoid and hard_swish are "
        "fused into the convolution or linear layer before",
        "fuse_activations": "element-wise layers with one input are fused into the kernel before",
        "fuse_adds": "a residual addition is fused into the kernel that makes its last input",
        "in_place": "an element-wise layer writes over an input that nothing reads later",
        "concat_in_place": "inputs of a concatenation are written where it wants them",
        "copy_slices": "parts of a tensor are copied out: a slice is a kernel, not a view",
        "winograd": "3x3 convolutions of stride 1 take fewer multiplications, not at int8",
        "winograd_int8": "they do so at int8, too",
        "im2col": "k x k convolutions go through a scratch copy of their windows",
        "overlap_depthwise": "a depthwise convolution writes over the input that it reads, but for "
        "the rows of a window, if nothing else reads it",
        "overlap_windows": "convolutions with larger kernels than 1x1 do the same, and pooling",
        "overlap_pointwise": "1x1 convolutions do the same",
        "overlap_inputs": "an input of the network may be written over like any other tensor",
        "split_operators": "attention, a roll, and a layer norm along another axis than the last "
        "are several kernels: products, sums and copies",
        "split_groups": "a grouped convolution is one convolution for each group",
        "pack_channels": "channels are kept in packs of `tile`: where they do not divide, smaller "
        "packs or single channels are computed",
        "own_layout": "images of more than 4 channels that come into the network, or go out of it, "
        "are converted: tensors are kept in a layout of the runtime's own",
        "block_channels": "channels are kept in blocks of `tile`: convolutions that do not fill "
        "them, and means over windows of channels that do not, run in a plain layout",
    }
)
"""What each word of a profile's `kernels` means."""

DEFAULT_KERNEL_RULES = frozenset(("fold_norms", "fuse_activations", "in_place", "winograd"))
"""The rules of a profile that states none: what most runtimes do. With Winograd's tiles, fits to
one thread of Paddle Lite, Tengine and Bolt err less (`docs/explanation/accuracy.md`); those to
TensorFlow Lite, whose name is known, err more."""

_NPU = frozenset(("fold_norms", "fuse_clamps", "fuse_add_clamps", "in_place", "copy_slices"))

RUNTIME_RULES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        # Its graphs have activations as parameters of convolutions, where ncnnoptimize put them.
        "ncnn": frozenset(
            ("fold_norms", "fuse_clamps", "in_place", "copy_slices", "winograd", "winograd_int8",
             "split_groups", "pack_channels")
        ),
        # Clamps are parameters of operators, of additions too: `fused_activation_function`.
        "tflite": frozenset(
            ("fold_norms", "fuse_clamps", "fuse_add_clamps", "in_place", "copy_slices")
        ),
        # Convolution with relu, clip, sigmoid, hard_swish, and with a sum before them; SiLU and
        # GELU are nodes of their own. Blocks of channels: core/mlas, snchwc.cpp.
        "onnxruntime": frozenset(
            ("fold_norms", "fuse_cheap_activations", "fuse_adds", "in_place", "copy_slices",
             "block_channels", "split_operators")
        ),
        # Its convolutions keep channels last or in blocks; users give channels first.
        "openvino": frozenset(
            ("fold_norms", "fuse_activations", "fuse_adds", "in_place", "own_layout")
        ),
        "xnnpack": frozenset(
            ("fold_norms", "fuse_clamps", "fuse_add_clamps", "in_place", "copy_slices")
        ),
        # Its plan of memory lets no operator write over its input.
        "tflm": frozenset(("fold_norms", "fuse_clamps", "copy_slices")),
        # Its allocator lets results begin in their inputs; not those of depthwise convolutions.
        "x-cube-ai": DEFAULT_KERNEL_RULES
        | {"overlap_windows", "overlap_pointwise", "overlap_inputs"},
        "stedgeai": DEFAULT_KERNEL_RULES
        | {"overlap_windows", "overlap_pointwise", "overlap_inputs"},
        "tinyengine": DEFAULT_KERNEL_RULES | {"overlap_depthwise"},
        # Compilers for NPUs leave sums and curves as operators of their own, as the graphs that
        # their profilers list do; which runtime calls them does not matter.
        "qnn": _NPU, "tflite-qnn": _NPU, "onnxruntime-qnn": _NPU,
        "torch": frozenset(),
        "torch-compile": frozenset(("fuse_activations", "in_place")),
    }
)  # fmt: skip
"""What runtimes are known to do, by the first word of their name; others as `DEFAULT_KERNEL_RULES`.
Sources: ncnn, tools/ncnnoptimize.cpp; TensorFlow Lite, schema.fbs; ONNX Runtime, documentation of
graph optimizations; X-CUBE-AI and ST Edge AI, activations in the tables of the STM32 model zoo
(docs/explanation/memory.md); TinyEngine, README; OpenVINO, documentation of the CPU plugin;
PyTorch documentation, inductor."""


def runtime_rules(runtime: str) -> frozenset[str]:
    """The rules of a runtime: `tflite-xnnpack` has those of `tflite`."""
    return RUNTIME_RULES.get(runtime, RUNTIME_RULES.get(_family(runtime), DEFAULT_KERNEL_RULES))


_MULTIPLY_ALL = frozenset(("onnxruntime", "tflite", "tflite-xnnpack", "tflm", "xnnpack"))
"""Runtimes whose convolutions on processors are matrix products and direct loops alone, of exactly
that name: `tflite-gpu` is another matter. Sources: ONNX Runtime, core/mlas; TensorFlow Lite,
kernels/conv.cc, and XNNPACK, src/operators: GEMM, indirect GEMM and depthwise; CMSIS-NN. Not here:
torch, whose NNPACK has Winograd and FFT, and OpenVINO, whose Compute Library has Winograd."""


def may_multiply_less(runtime: str, rules: frozenset[str]) -> bool:
    """Whether a runtime has Winograd's tiles, or is not known not to."""
    return "winograd" in rules or runtime not in _MULTIPLY_ALL


_ACCELERATED = frozenset(
    (
        "coreml", "cuda", "edgetpu", "gpu", "hailort", "hexagon", "larod", "nnapi", "opencl", "qnn",
        "rknn", "tensorrt", "vulkan",
    )
)  # fmt: skip


def is_accelerated(runtime: str) -> bool:
    """Whether the name of a runtime says that it runs on something else than processor cores."""
    return any(word in _ACCELERATED for word in runtime.split("-"))


def is_eager(runtime: str) -> bool:
    """Whether a runtime launches each operation by itself, as PyTorch does without compiling."""
    return _family(runtime) == "torch" and runtime_rules(runtime) == RUNTIME_RULES["torch"]


def is_known_runtime(runtime: str) -> bool:
    """Whether anything is known of what a runtime does with layers."""
    return runtime in RUNTIME_RULES or _family(runtime) in RUNTIME_RULES


def _family(runtime: str) -> str:
    return runtime.partition("-")[0]
