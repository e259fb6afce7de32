"""Python's door: knobs as keywords, results that show themselves, and go to other processes."""

from __future__ import annotations

import doctest
import json
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from dataclasses import FrozenInstanceError
from functools import partial
from io import StringIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

import mnet_cost
from mnet_cost import api
from mnet_cost.analysis.sparsity import Zeros
from mnet_cost.cli import main

PI = "raspberry_pi_4_ncnn"


@pytest.fixture(scope="module")
def half() -> mnet_cost.Analysis:
    return mnet_cost.analyze("mobilenet_v1", alpha=0.5, devices=[PI])


def test_examples_of_docstrings_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # they write files
    done = doctest.testmod(api)
    assert done.attempted >= 7
    assert done.failed == 0


def test_knobs_are_keywords(half: mnet_cost.Analysis) -> None:
    assert half.totals.mult_adds == 149_497_088
    small = mnet_cost.analyze("mobilenet_v1@alpha=0.5", resolution=128, batch=4)
    assert small.network.knobs["alpha"] == 0.5
    assert small.totals.mult_adds == 4 * 49_160_192
    assert small == mnet_cost.analyze(
        mnet_cost.load_model("mobilenet_v1"), {"alpha": 0.5, "resolution": 128}, batch=4
    )


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: mnet_cost.analyze("mobilenet_v1", alhpa=1),
            mnet_cost.MnetCostError,
            "mobilenet_v1 has no knob `alhpa`\nhint: did you mean `alpha`?",
        ),
        (
            lambda: mnet_cost.analyze("mobilenet_v1", device=[PI]),
            mnet_cost.MnetCostError,
            "mobilenet_v1 has no knob `device`\nhint: did you mean `devices`?",
        ),
        (
            lambda: mnet_cost.analyze("lenet5", zzz=1),
            mnet_cost.MnetCostError,
            "lenet5 has no knob `zzz`\nhint: it has `classes`, `batch`",
        ),
        (
            lambda: mnet_cost.analyze("mobilenet_v1", {"alpha": 1}, alpha=2),
            TypeError,
            "the knob `alpha` is given twice: as a keyword and in `knobs`",
        ),
        (
            lambda: mnet_cost.analyze("mobilenet_v1", 0.5),  # type: ignore[arg-type]
            TypeError,
            'knobs are a mapping such as {"alpha": 0.5}, not 0.5',
        ),
        (
            lambda: mnet_cost.analyze("mobilenet_v1", devices="pixel_1"),
            TypeError,
            'devices are a list, even a single one: devices=["pixel_1"]',
        ),
        (
            lambda: mnet_cost.analyze("mobilenet_v1", devices=3),  # type: ignore[arg-type]
            TypeError,
            "devices are a list, not int",
        ),
        (
            lambda: mnet_cost.analyze("mobilenet_v1", devices=[3]),  # type: ignore[list-item]
            TypeError,
            "a device is a name, a path or what load_device gives, not 3",
        ),
        (
            lambda: mnet_cost.analyze("lenet5", sparsity={}),  # type: ignore[arg-type]
            TypeError,
            'sparsity is a share, a text such as "0.5:2:4", or a list of them, not {}',
        ),
        (
            lambda: mnet_cost.analyze("lenet5", convention=3),  # type: ignore[arg-type]
            TypeError,
            "the convention is a name, not 3",
        ),
        (
            lambda: mnet_cost.analyze("lenet5", precision=8),  # type: ignore[arg-type]
            TypeError,
            "the precision is a name, not 8",
        ),
        (
            lambda: mnet_cost.compare(["full", "separable"]),  # type: ignore[arg-type]
            TypeError,
            "networks are given one after another: compare(*networks)",
        ),
        (
            lambda: mnet_cost.compare("mobilenet_v1"),
            TypeError,
            "a comparison needs two networks, not 1",
        ),
        (
            lambda: mnet_cost.what_if("mobilenet_v1", "bandwidth=x2"),  # type: ignore[arg-type]
            TypeError,
            "what_if needs what analyze gives, not str",
        ),
    ],
)
def test_wrong_arguments_say_what_is_taken(
    call: Callable[[], object], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message


def test_devices_are_names_files_and_profiles(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    text = Path("specs/devices/pixel_1.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("name: pixel_1", "name: mine"), encoding="utf-8")
    four = mnet_cost.with_threads(mnet_cost.load_device("pixel_1"), 2)
    found = mnet_cost.analyze("lenet5", devices=["pixel_1", path, str(path), four])
    assert [(one.device.name, one.device.threads) for one in found.devices] == [
        ("pixel_1", 1), ("mine", 1), ("mine", 1), ("pixel_1", 2),
    ]  # fmt: skip
    everywhere = mnet_cost.analyze("lenet5", devices=["all"])
    assert len(everywhere.devices) == len(mnet_cost.device_names())
    assert mnet_cost.analyze("lenet5", devices=["none"]).devices == ()


def test_one_line_each(half: mnet_cost.Analysis) -> None:
    assert repr(half) == (
        "<Analysis mobilenet_v1 alpha=0.5 fp32: 149.5 M mult-adds, 1.332 M params, 2.41 MB peak, "
        "raspberry_pi_4_ncnn 37.4 ms [32.4 - 43.1] fitted>"
    )
    assert repr(half.devices[0]) == (
        "<DeviceEstimate raspberry_pi_4_ncnn fp32: 37.4 ms [32.4 - 43.1] fitted>"
    )
    assert repr(half.devices[0].device) == (
        "<DeviceProfile raspberry_pi_4_ncnn: ncnn, 1 thread, fitted>"
    )
    assert repr(mnet_cost.analyze("lenet5", devices=["h100"])).endswith("bound>")
    parts: list[Any] = [
        half.network, half.network.spec, half.network.steps[0], half.layers[3], half.kernels[0],
        half.memory, half.runtime_plans[0], half.devices[0].kernels[0], half.totals,
        mnet_cost.load_model("mobilenet_v1@alpha=0.5"), mnet_cost.what_if(half, "bandwidth=x2"),
    ]  # fmt: skip
    for part in (half, *parts):
        assert "\n" not in repr(part)
        assert len(repr(part)) < 250, repr(part)


def test_records_are_frozen(half: mnet_cost.Analysis) -> None:
    records: list[Any] = [half, half.totals, half.devices[0], half.devices[0].device]
    for record, field in zip(records, ("precision", "params", "basis", "name"), strict=True):
        with pytest.raises(FrozenInstanceError):
            setattr(record, field, 1)
        with pytest.raises(TypeError):
            type(record)(1)


def printed(*words: str) -> str:
    out = StringIO()
    with redirect_stdout(out):
        assert main(words) == 0
    return out.getvalue()


def test_reports_are_those_of_the_command_line(
    half: mnet_cost.Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    words = ("mobilenet_v1", "--alpha", "0.5", "--device", PI)
    assert half.report(width=120) == printed("analyze", *words).rstrip("\n") + "\n"
    assert half.report("kind", format="csv") == printed(
        "analyze", *words, "--by", "kind", "--format", "csv"
    )
    assert half.to_dict() == json.loads(printed("analyze", *words, "--format", "json"))
    assert half.to_dict()["totals"]["mult_adds"] == 149_497_088
    compared = mnet_cost.compare("full", "separable", devices=[PI])
    json_words = ("--device", PI, "--format", "json")
    assert compared.to_dict() == json.loads(
        printed("compare", "full", "vs", "separable", *json_words)
    )
    changed = mnet_cost.what_if(half, "bandwidth=x2")
    assert changed.to_dict() == json.loads(
        printed("analyze", *words, "--what-if", "bandwidth=x2", "--format", "json")
    )
    with pytest.raises(mnet_cost.MnetCostError, match="there is no format `htm`"):
        half.report(format="htm")  # type: ignore[arg-type]


def test_comparison(half: mnet_cost.Analysis) -> None:
    compared = mnet_cost.compare(half, "mobilenet_v2", devices=[PI], alpha=0.5)
    assert compared.names == ("mobilenet_v1", "mobilenet_v2")
    assert compared.analyses[0] is half
    assert compared.analyses[1].network.knobs["alpha"] == 0.5
    ((breakdown,),) = compared.breakdowns
    assert breakdown.device == PI
    with pytest.raises(mnet_cost.MnetCostError, match="no network here has the knob `alhpa`"):
        mnet_cost.compare("full", "separable", alhpa=1)


ANALYSES: dict[str, Callable[[], mnet_cost.Analysis]] = {
    "plain": lambda: mnet_cost.analyze("mobilenet_v1", alpha=0.5),
    "devices": lambda: mnet_cost.analyze("mobilenet_v1", devices=[PI, "h100", "pixel_8_edgetpu"]),
    "variant": lambda: mnet_cost.analyze("full", devices=[PI]),
    "extends": lambda: mnet_cost.analyze("lraspp_mobilenet_v3_large", devices=[PI]),
    "sparsity": lambda: mnet_cost.analyze(
        "mobilenet_v2", devices=["h100"], precision="fp16", sparsity=[Zeros(0.5, fours=True)]
    ),
    "schedule": lambda: mnet_cost.analyze(
        "mobilenet_v1", alpha=0.25, schedule="best", devices=["stm32h743"], precision="int8"
    ),
    "threads": lambda: mnet_cost.analyze("lenet5", devices=[PI], threads=2),
    "text": lambda: mnet_cost.analyze(
        mnet_cost.parse_spec("format: 1\nname: n\ninput: {x: [3]}\nlayers: [relu]\n")
    ),
}


@pytest.mark.parametrize("name", ANALYSES)
def test_a_copy_is_equal(name: str) -> None:
    analysis = ANALYSES[name]()
    data = pickle.dumps(analysis)
    copy = pickle.loads(data)
    assert copy == analysis
    assert repr(copy) == repr(analysis)
    assert copy.report("layer") == analysis.report("layer")
    assert copy.network.graph.nodes == analysis.network.graph.nodes
    assert len(data) < 400_000
    for estimate in analysis.devices:
        assert pickle.loads(pickle.dumps(estimate)) == estimate


def test_a_repr_says_which_choice_is_not_the_first(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(CHOICE, encoding="utf-8")
    where = "depthwise_conv2d.kernel"
    assert repr(mnet_cost.analyze(path)).startswith("<Analysis net fp32: ")
    assert repr(mnet_cost.analyze(path, knobs={where: 3})).startswith("<Analysis net fp32: ")
    chosen = mnet_cost.analyze(path, knobs={where: 5})
    assert repr(chosen).startswith(f"<Analysis net {where}=5 fp32: ")
    assert repr(pickle.loads(pickle.dumps(chosen))) == repr(chosen)


CHOICE = """format: 1
name: net
input: {image: [3, 64, 64]}
layers:
  - conv2d: {channels: 16, kernel: 3, stride: 2}
  - depthwise_conv2d: {kernel: {choose: [3, 5, 7]}}
"""


def analyzed(alpha: float) -> mnet_cost.Analysis:
    return mnet_cost.analyze("mobilenet_v1", alpha=alpha, devices=["pixel_1"])


def test_results_come_from_other_processes() -> None:
    alphas = [0.25, 0.5]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        assert list(pool.map(analyzed, alphas)) == [analyzed(alpha) for alpha in alphas]


def test_other_analyses_differ(half: mnet_cost.Analysis) -> None:
    assert half != mnet_cost.analyze("mobilenet_v1", alpha=0.75, devices=[PI])
    assert half != mnet_cost.analyze("mobilenet_v1", alpha=0.5, devices=["pixel_1"])
    assert half.network != mnet_cost.analyze("mobilenet_v1", alpha=0.5, batch=2).network


@pytest.mark.parametrize("sparsity", [0.5, "0.5", ["0.5"], [Zeros(0.5)]])
def test_sparsity_is_a_share_a_text_or_rules(sparsity: Any) -> None:
    analysis = mnet_cost.analyze("lenet5", sparsity=sparsity)
    assert analysis.sparsity is not None
    dense = mnet_cost.analyze("lenet5").totals.mult_adds
    assert analysis.totals.mult_adds == dense == 416_520
    assert analysis.sparsity.effective_mult_adds == dense // 2


OPAQUE = """\
format: 1
name: net
input: {x: [3, 8, 8]}
layers:
  - conv2d: {channels: 4, kernel: 3}
  - opaque: {operation: sort, shape: [4, 8, 8]}
"""


def test_lower_bounds_are_a_keyword(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(OPAQUE)
    assert not mnet_cost.analyze(path).has_totals
    analysis = mnet_cost.analyze(path, lower_bound=True)
    assert analysis.totals.mult_adds == 6_912
    comparison = mnet_cost.compare(path, "lenet5", lower_bound=True)
    assert [each.has_totals for each in comparison.analyses] == [True, True]


@pytest.mark.parametrize(
    "call",
    [mnet_cost.analyze, mnet_cost.explore, mnet_cost.sweep, mnet_cost.fit,
     partial(mnet_cost.compare, "alexnet")],
)  # fmt: skip
def test_an_option_of_the_command_line_says_what_is_there_instead(call: Any) -> None:
    with pytest.raises(mnet_cost.MnetCostError) as caught:
        call("lenet5", format="json")
    assert str(caught.value) == (
        'there is no keyword `format`\nhint: `report(format="json")` of the result is its text'
    )


def test_a_knob_may_have_the_name_of_an_option(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(
        "format: 1\nname: net\nknobs: {by: 4}\ninput: {x: [3]}\nlayers: [linear: {features: by}]\n"
    )
    assert mnet_cost.analyze(path, by=5).totals.mult_adds == 15
