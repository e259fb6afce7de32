"""What a shell is told a word may become, as argcomplete asks for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("argcomplete", reason="the extra `completion` is not installed")


def completions(line: str, folder: Path | None = None) -> list[str]:
    """The answers for a command line that ends at the cursor."""
    out = (folder or Path.cwd()) / "answers.txt" if folder else None
    environment = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_SHELL": "bash",
        "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
        "_ARGCOMPLETE_IFS": "\n",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path]),
    }
    assert out is not None
    environment["_ARGCOMPLETE_STDOUT_FILENAME"] = str(out)
    program = "from mnet_cost.cli import entry_point; entry_point()"
    subprocess.run([sys.executable, "-c", program], env=environment, cwd=folder, check=False)
    return out.read_text(encoding="utf-8").split("\n")


@pytest.mark.parametrize(
    ("line", "answers"),
    [
        ("mnet-cost anal", {"analyze"}),
        ("mnet-cost analyze mobilenet_v3_s", {"mobilenet_v3_small"}),
        ("mnet-cost compare lenet5 vs mobilenet_v3_s", {"mobilenet_v3_small"}),
        ("mnet-cost analyze lenet5 --device raspberry_pi_4_n", {"raspberry_pi_4_ncnn"}),
        ("mnet-cost devices raspberry_pi_4_n", {"raspberry_pi_4_ncnn"}),
        ("mnet-cost devices --for mobilenet_v3_s", {"mobilenet_v3_small"}),
        ("mnet-cost analyze mobilenet_v1 --set al", {"alpha="}),
        ("mnet-cost analyze mobilenet_v1@al", {"mobilenet_v1@alpha="}),
        ("mnet-cost analyze mobilenet_v1 --precision b", {"bf16"}),
        ("mnet-cost analyze mobilenet_v1 --convention fv", {"fvcore"}),
        ("mnet-cost analyze mobilenet_v1 --conv", {"--convention"}),
        ("mnet-cost analyze mobilenet_v1 --by ke", {"kernel"}),
        ("mnet-cost layers depthwise_conv2", {"depthwise_conv2d"}),
        ("mnet-cost analyze my", {"mynet.yaml"}),
    ],
)
def test_words(line: str, answers: set[str], tmp_path: Path) -> None:
    (tmp_path / "mynet.yaml").touch()
    words = {answer.strip() for answer in completions(line, tmp_path)}
    assert words == answers


def test_variants(tmp_path: Path) -> None:
    words = completions("mnet-cost analyze mobilenet_v1:f", tmp_path)
    assert any(answer.strip().endswith("full") for answer in words)
