"""What is not needed is not imported: frameworks, arrays, graphs."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "onnx", "numpy", "networkx")

ANALYZE = """
from mnet_cost.analysis import analyze
from mnet_cost.models.library import load_model
assert analyze(load_model("mobilenet_v1").spec).totals.mult_adds == 568_740_352
"""

FROM_THE_TOP = """
import mnet_cost
device = mnet_cost.load_device("pixel_1")
analysis = mnet_cost.analyze(mnet_cost.load_model("mobilenet_v1:full@alpha=0.5"), devices=[device])
assert analysis.devices[0].latency_s > 0
"""

FITTED = """
from contextlib import redirect_stdout
from io import StringIO
from mnet_cost.cli import main
for device in ("pixel_1_tflite", "pixel_8_edgetpu"):  # fitted coefficients, and a fitted roofline
    with redirect_stdout(StringIO()):
        assert main(["analyze", "mobilenet_v1", "--device", device]) == 0
    with redirect_stdout(StringIO()):
        assert main(["devices", device]) == 0
"""

CHECK = """
import os, tempfile
from contextlib import redirect_stdout
from io import StringIO
from mnet_cost.cli import main
entry = "{model: mobilenet_v1, at: {alpha: 0.5}, device: pixel_1_tflite, latency: 1 ms, params: 1}"
os.chdir(tempfile.mkdtemp())
with open("budget.yaml", "w") as file:
    file.write(f"format: 1\\nbudgets: [{entry}]\\n")
with redirect_stdout(StringIO()):
    assert main(["check", "--skip-others", "budget.yaml"]) == 1
"""

RECONCILE = """
from contextlib import redirect_stdout
from io import StringIO
from mnet_cost.cli import main
with redirect_stdout(StringIO()):
    assert main(["reconcile", "mobilenet_v1", "--with", "thop=588962304"]) == 0
"""

GRAPH = """
from mnet_cost.models.library import load_model
from mnet_cost.network import elaborate
assert len(elaborate(load_model("mobilenet_v1").spec).graph)
"""


def heavy_imports(program: str) -> list[str]:
    """Which of `HEAVY` a program has imported when it ends."""
    report = f"\nimport sys\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program + report], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    "program",
    ["import mnet_cost", ANALYZE, FROM_THE_TOP, "import mnet_cost.cli", FITTED, CHECK, RECONCILE],
    ids=[
        *("import", "analyze", "from the top", "command line", "fitted profiles", "check"),
        "reconcile",
    ],
)
def test_loads_nothing_heavy(program: str) -> None:
    assert heavy_imports(program) == []


def test_the_check_can_fail() -> None:
    assert heavy_imports("import numpy") == ["numpy"]
    assert "networkx" in heavy_imports(GRAPH)


KINDS = """
import sys
from mnet_cost.models.library import load_model
from mnet_cost.network import elaborate
elaborate(load_model("mobilenet_v1").spec)
assert "conv2d" in mnet_cost.layers.KINDS and "lstm" in mnet_cost.layers.KINDS
imported = [name for name in sys.modules if name.startswith("mnet_cost.layers.")]
assert "mnet_cost.layers.conv" in imported
assert "mnet_cost.layers.attention" not in imported
assert "mnet_cost.layers.recurrent" not in imported
"""


def test_kinds_are_imported_when_they_are_used() -> None:
    assert heavy_imports(f"import mnet_cost.layers{KINDS}") == []
