"""`mnet-cost analyze --what-if` and `--sparsity`: what they add to reports of every format."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from mnet_cost.cli import main

MODEL = ["analyze", "mobilenet_v1", "--by", "kind", "--device"]


@pytest.fixture(autouse=True)
def _width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")


def test_no_what_if_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*MODEL, "none", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["what_if"], document["sparsity"]) == (None, None)
    assert main([*MODEL, "none"]) == 0
    assert "effective" not in capsys.readouterr().out


def test_what_if_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*MODEL, "pixel_1", "--what-if", "bandwidth=x2,l2=2MiB"]) == 0
    out = capsys.readouterr().out
    # logits: 4.1 MB of weights at 29.8 GB/s, then 1,024,000 / 9.368 GMAC/s
    table = re.sub(r"time  .*x\n", "time\n", out)  # it depends on fitted cost coefficients
    assert (
        "\nWhat if bandwidth x2, L2 2 MiB, on pixel_1\n"
        "number                before      after  after / before\n"
        "bandwidth of DRAM  29.8 GB/s  59.6 GB/s           2.00x\n"
        "size of L2             1 MiB      2 MiB           2.00x\n"
        "time\n"
        "lower bound          60.7 ms    60.7 ms           1.00x\n"
        "\n"
        "mult-adds 568,740,352 "
    ) in table
    assert (
        "\nKernels that something else binds then, on pixel_1: 1 of 29\n"
        "kernel  kind    limit  limit then   bound  bound then\n"
        "logits  linear  DRAM   compute     138 µs      109 µs\n"
        "\n"
        "Kinds; "
    ) in table


def test_what_if_says_what_does_not_change_and_what_fits_then(
    capsys: pytest.CaptureFixture[str],
) -> None:
    device = [*MODEL, "stm32h743", "--precision", "int8", "--alpha", "0.5"]
    assert main([*device, "--what-if", "flash=1MiB"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "* stm32h743, what if: weights do not fit flash then" in out
    assert "* stm32h743, what if: no kernel is bound by something else than before" in out


def test_what_if_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    many = [*MODEL, "pixel_1", "--device", "raspberry_pi_4", "--what-if", "macs=x4"]
    assert main([*many, "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    phone, board = document["what_if"]
    assert [what_if["device"] for what_if in (phone, board)] == ["pixel_1", "raspberry_pi_4"]
    assert phone["changes"] == [
        {
            "key": "macs",
            "value": "x4",
            "number": "macs",
            "level": None,
            "unit": "MAC/s",
            "before": 9.368e9,
            "after": 37.472e9,
        }
    ]
    for what_if, device in zip((phone, board), document["devices"], strict=True):
        assert what_if["before"]["latency_ms"] == device["latency_ms"]
        assert what_if["latency_ratio"] == pytest.approx(
            what_if["after"]["latency_ms"] / device["latency_ms"]
        )
    change = board["changed_bounds"][0]
    assert change["kernel"] == "separable.depthwise_conv2d"
    assert (change["bound_before"], change["bound_after"]) == ("compute", "memory:DRAM")
    assert change["bound_after_ms"] < change["bound_before_ms"] < 4 * change["bound_after_ms"]
    assert phone["notes"][0].startswith("the time with other numbers is a model: parts that are")


@pytest.mark.parametrize("form", ["csv", "markdown", "html"])
def test_what_if_in_files(capsys: pytest.CaptureFixture[str], form: str) -> None:
    assert main([*MODEL, "pixel_1", "--what-if", "bandwidth=/10", "--format", form]) == 0
    out = capsys.readouterr().out
    if form != "csv":
        assert "What if bandwidth /10, on pixel_1" in out
        return
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == 29
    assert {row["device"] for row in rows} == {"pixel_1"}
    assert sum(row["bound_before"] != row["bound_after"] for row in rows) > 1
    assert all(float(row["latency_after_ms"]) >= float(row["latency_before_ms"]) for row in rows)


def test_a_total_that_is_refused(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    path = f"{tmp_path}/odd.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write(
            "format: 1\nname: odd\ninput: {x: [4]}\nlayers:\n  - linear: {features: 4}\n"
            "  - opaque: {operation: magic, shape: [3]}\n"
        )
    options = ["--device", "pixel_1", "--what-if", "macs=x2", "--sparsity", "0.5:2:4"]
    assert main(["analyze", path, *options, "--format", "json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["what_if"][0]["after"]["latency_ms"] is None
    assert document["sparsity"]["effective_mult_adds"] is None
    assert main(["analyze", path, *options]) == 3
    out = " ".join(capsys.readouterr().out.split())
    assert "effective mult-adds unknown since a layer has no cost rule" in out
    assert main(["analyze", path, *options, "--lower-bound"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "effective mult-adds 8 at least; not with a zero: 50 % of the weights are" in out


def test_bad_changes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*MODEL, "pixel_1", "--what-if", "ram=x2"]) == 2
    assert capsys.readouterr() == (
        "",
        "mnet-cost: --what-if:1:1: pixel_1 has no `ram` to change\n"
        "    1 | ram=x2\n"
        "      | ^^^\n"
        "hint: did you mean `DRAM`? pixel_1 has macs, vector, bandwidth, launch, inference, L1, "
        "L2, DRAM\n",
    )


def test_sparsity_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    rules = ["--sparsity", "0.5:2:4", "--sparsity", "logits=0.9"]
    assert main([*MODEL, "h100", "--precision", "fp16", *rules, "-v"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    # 539,492,352 of 1x1 convolutions halved, and a tenth of 1,024,000 left
    effective = 568_740_352 - 539_492_352 // 2 - 921_600
    assert f"effective mult-adds {effective:,} 298.1 M not with a zero: 59.19 %" in out
    assert "params take 5.72 MB with 2:4 compressed" in out
    assert "14 of 28 layers stay dense, since 2:4 needs input channels in fours: stem, " in out
    assert "zeros anywhere make a matrix product faster only where nearly all weights are" in out
    assert (
        "h100: 13 of 29 kernels have zeros in 2:4, and multiply 2x as fast; zeros elsewhere are "
        "multiplied like other numbers"
    ) in out


def test_sparsity_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    rules = ["--sparsity", "conv2d 1x1=0.5:2:4"]
    assert main([*MODEL, "pixel_1", *rules, "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    sparsity = document["sparsity"]
    assert sparsity["rules"] == ["conv2d 1x1=0.5:2:4"]
    assert sparsity["zeros"] * 2 == 3_139_584
    assert sparsity["stored_weight_bytes"] == 4 * 4_231_976 - 3_139_584 * 2 + 3_139_584 // 8
    assert sparsity["effective_mult_adds"] == 568_740_352 - 539_492_352 // 2
    assert document["totals"]["mult_adds"] == 568_740_352
    assert document["totals"]["weight_bytes"] == 4 * 4_231_976
    assert len(sparsity["layers"]) == 28
    assert {layer["pattern"] for layer in sparsity["layers"]} == {None, "2:4"}
    assert document["devices"][0]["notes"][-1].startswith("zeros are multiplied like other numbers")
