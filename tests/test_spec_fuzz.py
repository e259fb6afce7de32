"""Whatever a file holds: a network or an error with a message, and soon."""

from __future__ import annotations

import time
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mnet_cost.errors import MnetCostError
from mnet_cost.models.library import model_names, model_path
from mnet_cost.models.load import parse_spec
from mnet_cost.network import Network, elaborate

SECONDS = 5.0
SHIPPED = [Path(model_path(name)).read_text() for name in model_names()]
CASES = [
    path.read_text().partition("# output\n")[0]
    for path in sorted((Path(__file__).parent / "spec_errors").glob("*.yaml"))
    if not path.stem.startswith(("block_doubling", "repeat_no", "repeat_nested"))  # slow by design
]
WORDS = [
    "format: 1\n", "name: x\n", "input: {a: [3, 8, 8]}\n", "layers:\n", "knobs:\n", "let:\n",
    "blocks:\n", "outputs: ", "variants:\n", "arguments: ", "default: ", "choose: ", "use: ",
    "from: ", "when: ", "repeat: ", "id: ", "conv2d: ", "relu", "add: ", "channels: ", "kernel: ",
    "input", "previous", "required", "alpha", "f(x): ", "max(", "input.channels", "a", "b", "x",
    "{", "}", "[", "]", "(", ")", ", ", ": ", "- ", "\n", "\n  ", "\n    ", "  ", "*", "&", "!",
    "'", '"', "|", ">", "#", "%", "?", "<<", "---\n", "\t", "010", "1", "3", "0", "-1", "1e9",
    "0.5", "true", "null", "~", ".inf", " + ", " // ", " == ", " and ", "not ", "\u8ad6", "\0",
]  # fmt: skip


def outcome(text: str, variant: str | None = None) -> Network | str:
    """The network of a text, or the message that refuses it."""
    start = time.process_time()
    result: Network | str
    try:
        result = elaborate(parse_spec(text, variant, "x"))
    except MnetCostError as error:
        result = str(error)
        assert result
        assert result.replace("\n", "").isprintable()
    assert time.process_time() - start < SECONDS
    return result


@settings(max_examples=250)
@given(st.lists(st.sampled_from(WORDS), max_size=40).map("".join))
def test_fragments(text: str) -> None:
    outcome(text)


@settings(max_examples=150)
@given(st.lists(st.sampled_from(WORDS), max_size=12).map("".join))
def test_fragments_after_a_good_start(text: str) -> None:
    outcome(
        "format: 1\nname: x\ninput: {a: [3, 8, 8]}\nlayers:\n  - {id: b, relu: {}}\n  - " + text
    )


@settings(max_examples=100)
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    outcome(text)


@st.composite
def mutated(draw: st.DrawFn, texts: list[str]) -> str:
    """A text with some of its lines deleted, doubled, swapped, or with other words."""
    lines = draw(st.sampled_from(texts)).splitlines()
    for _ in range(draw(st.integers(1, 4))):
        if not lines:
            break
        at, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        match draw(st.sampled_from(["delete", "double", "swap", "indent", "word", "cut", "take"])):
            case "delete":
                del lines[at]
            case "double":
                lines.insert(other, lines[at])
            case "swap":
                lines[at], lines[other] = lines[other], lines[at]
            case "indent":
                lines[at] = draw(st.sampled_from([" ", "  ", "    ", "\t"])) + lines[at].lstrip()
            case "word":
                parts = lines[at].split(" ")
                place = draw(st.integers(0, len(parts) - 1))
                parts[place] = draw(st.sampled_from(WORDS)).strip("\n")
                lines[at] = " ".join(parts)
            case "take":
                parts, others = lines[at].split(" "), lines[other].split(" ")
                parts[draw(st.integers(0, len(parts) - 1))] = draw(st.sampled_from(others))
                lines[at] = " ".join(parts)
            case "cut":
                lines[at] = lines[at][: draw(st.integers(0, len(lines[at])))]
    return "\n".join(lines) + "\n"


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(mutated(SHIPPED), st.sampled_from([None, None, "full", "minimalistic", "densenet169"]))
def test_shipped_specs_with_mistakes(text: str, variant: str | None) -> None:
    outcome(text, variant)


@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow])
@given(mutated(CASES), st.sampled_from([None, None, "full", "v"]))
def test_wrong_specs_with_more_mistakes(text: str, variant: str | None) -> None:
    outcome(text, variant)
