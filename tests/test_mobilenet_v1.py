"""MobileNet V1 to the digit, with what the paper prints beside each number.

arXiv:1704.04861. The paper prints millions and rounds some cells and truncates others; where a
printed figure is far from ours, the comment says what it is.
"""

from __future__ import annotations

import pytest

from mnet_cost.analysis import Analysis, analyze
from mnet_cost.models.library import load_model


def cost(reference: str) -> Analysis:
    model = load_model(reference)
    return analyze(model.spec, model.knobs)


@pytest.mark.parametrize(
    ("reference", "mult_adds", "weights", "params"),
    [
        # Table 6: 569, 325, 149, 41 million mult-adds; 4.2, 2.6, 1.3, 0.5 million parameters
        ("mobilenet_v1", 568_740_352, 4_209_088, 4_231_976),
        ("mobilenet_v1@alpha=0.75", 325_400_448, 2_568_144, 2_585_560),
        ("mobilenet_v1@alpha=0.5", 149_497_088, 1_319_648, 1_331_592),
        ("mobilenet_v1@alpha=0.25", 41_030_272, 463_600, 470_072),
        # Table 7: 418, 290, 186 million; 4.2 million each
        ("mobilenet_v1@resolution=192", 418_121_728, 4_209_088, 4_231_976),
        ("mobilenet_v1@resolution=160", 290_675_200, 4_209_088, 4_231_976),
        ("mobilenet_v1@resolution=128", 186_400_768, 4_209_088, 4_231_976),
        # Table 9: 0.50 MobileNet-160, 76 million; 1.32 million
        ("mobilenet_v1@alpha=0.5,resolution=160", 76_524_800, 1_319_648, 1_331_592),
        # Table 4: Conv MobileNet, 4866 million; 29.3 million
        ("mobilenet_v1:full", 4_867_293_184, 29_281_120, 29_294_088),
        # Table 5: Shallow MobileNet, 307 million; 2.9 million
        ("mobilenet_v1:shallow", 307_323_392, 2_875_328, 2_887_976),
    ],
)
def test_counts(reference: str, mult_adds: int, weights: int, params: int) -> None:
    totals = cost(reference).totals
    assert (totals.mult_adds, totals.weights, totals.params) == (mult_adds, weights, params)
    assert totals.flops == 2 * mult_adds


def test_narrow_and_shallow_cost_about_the_same() -> None:
    # Table 5 compares 0.75 MobileNet, 325 million, with Shallow MobileNet, 307 million.
    narrow, shallow = cost("mobilenet_v1@alpha=0.75"), cost("shallow")
    assert 1.05 < narrow.totals.mult_adds / shallow.totals.mult_adds < 1.06


def test_rho_gives_the_pixels_that_the_paper_names() -> None:
    # Table 3: alpha 0.75 and rho 0.714 on a layer of 14 pixels; section 3.4: 224, 192, 160, 128.
    small = cost("mobilenet_v1@rho=0.714")
    assert small.network.tensors[0].type.shape == (3, 160, 160)
    assert small.totals == cost("mobilenet_v1@resolution=160").totals


@pytest.mark.parametrize(
    ("variety", "mult_adds", "weights"),
    [
        ("conv2d 1x1", 94.86, 74.59),  # Table 2: 94.86 % of mult-adds, 74.59 % of parameters
        ("depthwise_conv2d 3x3", 3.06, 1.06),  # Table 2: 3.06 %, 1.06 %
        ("conv2d 3x3", 1.91, 0.02),  # Table 2: 1.19 % (digits swapped), 0.02 %
        ("linear", 0.18, 24.33),  # Table 2: 0.18 %, 24.33 %
    ],
)
def test_shares(variety: str, mult_adds: float, weights: float) -> None:
    analysis = cost("mobilenet_v1")
    layers = [layer for layer in analysis.layers if layer.step.layer.variety() == variety]
    share = sum(layer.mult_adds for layer in layers) / analysis.totals.mult_adds
    assert round(100 * share, 2) == mult_adds
    share = sum(layer.weights for layer in layers) / analysis.totals.weights
    assert round(100 * share, 2) == weights


def test_everything_is_counted() -> None:
    analysis = cost("mobilenet_v1")
    assert analysis.unmodelled == ()
    assert analysis.coverage == 1.0
    assert analysis.totals.buffers == 21_888  # mean and variance of 10,944 channels
