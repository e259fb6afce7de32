"""--fail-if-not-fit: status 1, and what does not fit is said first and on stderr."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnet_cost.cli import main

SMALL = ("--device", "stm32h743", "--precision", "int8")
MISFIT = (
    "mobilenet_v1 does not fit stm32h743: activations need 1.00 MB, SRAM has 512 KiB and weights "
    "need 4.26 MB, flash has 2 MiB\n"
)


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("NO_COLOR", "1")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main([*arguments, "--fail-if-not-fit"])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize(
    "command",
    [
        ["analyze", "mobilenet_v1", *SMALL],
        ["compare", "mobilenet_v1", "lenet5", *SMALL],
        ["devices", "--for", "mobilenet_v1", "stm32h743", "--precision", "int8"],
    ],
    ids=["analyze", "compare", "devices --for"],
)
def test_a_network_that_does_not_fit(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, *command)
    assert (status, err) == (1, f"mnet-cost: {MISFIT}")
    assert out.startswith(MISFIT)
    assert main(command) == 0


def test_an_unknown_size_does_not_fail(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "analyze", "lenet5", "--device", "h200", "--device", "h100")
    assert status == 0
    assert err == (
        "mnet-cost: it is not known whether lenet5 fits h200: a size of its memory is not known\n"
    )
    assert run(capsys, "analyze", "lenet5", "--device", "none")[0::2] == (0, "")


def test_what_is_refused_stays_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(
        "format: 1\nname: net\ninput: {x: [3, 4000, 4000]}\n"
        "layers: [opaque: {operation: sort, shape: [4, 8, 8]}]\n"
    )
    status, _, err = run(capsys, "analyze", str(spec), *SMALL)
    assert status == 3
    assert "it is not known whether net fits stm32h743: a layer has no cost rule\n" in err


def test_many_devices_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, "devices", "--for", "vgg", "--precision", "int8")
    assert status == 1
    assert "mnet-cost: vgg does not fit 14 of 135 devices: esp32_s3, " in err
