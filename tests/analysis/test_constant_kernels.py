"""Convolutions whose kernel is not trained: buffers, which are stored and read as weights are."""

from __future__ import annotations

from mnet_cost.analysis import analyze
from mnet_cost.analysis.sparsity import parse_zeros
from mnet_cost.analysis.terms import kernel_amounts
from mnet_cost.analysis.training import training_cost
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.models.load import parse_spec
from mnet_cost.models.types import ModelSpec
from mnet_cost.network import elaborate


def blurred(trained: bool) -> ModelSpec:
    """A trained convolution, 3 to 4 channels of 8x8, and a blur with a stride of 2."""
    return parse_spec(
        "format: 1\nname: blurred\ninput: {x: [3, 8, 8]}\nlayers:\n"
        "  - conv2d: {channels: 4, kernel: 1}\n"
        "  - {id: blur, depthwise_conv2d: {kernel: 3, stride: 2, bias: true, "
        f"trained: {str(trained).lower()}}}}}\n"
    )


def test_it_has_buffers_and_no_params() -> None:
    analysis = analyze(blurred(False))
    blur = analysis.layers[1]
    # 3 * 3 * 4 and 4 biases
    assert (blur.params, blur.buffers, blur.weights, blur.mult_adds) == (0, 40, 36, 36 * 16)
    assert (analysis.totals.params, analysis.totals.buffers) == (12, 40)


def test_it_is_stored_and_read_as_a_trained_one_is() -> None:
    constant, trained = (analyze(blurred(flag)) for flag in (False, True))
    assert constant.totals.weight_bytes == trained.totals.weight_bytes == (12 + 40) * 4
    kernels = [analysis.kernels[1] for analysis in (constant, trained)]
    assert [kernel.weight_bytes for kernel in kernels] == [160, 160]
    amounts = [
        dict(zip(TERM_NAMES, kernel_amounts((kernel,), frozenset())[0], strict=True))
        for kernel in kernels
    ]
    assert amounts[0] == amounts[1]
    assert amounts[0]["weights"] == 40 / 1e6


def test_training_has_no_gradient_of_it() -> None:
    constant, trained = (training_cost(elaborate(blurred(flag))) for flag in (False, True))
    assert (constant.weight_bytes, constant.statistic_bytes) == (48, 160)
    assert (trained.weight_bytes, trained.statistic_bytes) == (208, 0)
    assert constant.gradient_bytes == 48
    # 12 * 64 of the first convolution; the blur has 36 * 16 more if it is trained.
    assert constant.weight_gradient_mult_adds == 768
    assert trained.weight_gradient_mult_adds == 768 + 576
    assert constant.input_gradient_mult_adds == trained.input_gradient_mult_adds == 576


def test_zeros_in_it_save_mult_adds() -> None:
    sparsity = analyze(blurred(False), sparsity=parse_zeros(["blur=0.5"])).sparsity
    assert sparsity is not None
    assert (sparsity.zeros, sparsity.effective_mult_adds) == (18, 768 + 288)
