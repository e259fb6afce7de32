"""A sample of the campaign of mutated files, and small files that ask for much work."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("resource")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import mutations
from mutations import Outcome, Seed

from mnet_cost.models.load import parse_spec
from mnet_cost.network import elaborate

HEAD = "format: 1\nname: x\ninput: {x: [8, 8, 8]}\n"
TOO_LONG = "working out this network takes too long: "
COPIES = "{repeat: 24, layers: [{repeat: 4096, %s}]}"


def _listed(form: str, count: int) -> str:
    return ", ".join(form.replace("N", str(i)).replace("M", str(i - 1)) for i in range(count))


CALLS = "[{repeat: 4096, conv2d: {channels: h(1) // h(1), kernel: 1}}]"


def _let(functions: str, layers: str = CALLS) -> str:
    return f"format: 1\nname: x\nlet: {{{functions}}}\ninput: {{x: [8, 8, 8]}}\nlayers: {layers}\n"


CHOICE = f"conv2d: {{channels: {{choose: [{_listed('input.channels', 500)}]}}, kernel: 1}}"
SHAPE = f"reshape: {{shape: [{_listed('input.height // input.height', 60)}, 512]}}"

BOMBS = {
    "copies of nothing": HEAD
    + "layers: [relu, {repeat: 4096, layers: [{repeat: 4096, layers: []}]}]",
    "copies of what is left out": HEAD
    + f"layers: [relu, {COPIES % 'layers: [{relu: {}, when: false}, {relu: {}, when: false}]'}]",
    "arguments": HEAD
    + f"blocks: {{b: {{arguments: {{{_listed('aN: N', 900)}}}, layers: [relu]}}}}\n"
    + f"layers: [{COPIES % 'b: {}'}]",
    "arguments that are sizes": HEAD
    + f"blocks: {{b: {{arguments: {{{_listed('aN: input.channels + 1', 20_000)}}}, "
    + f"layers: [relu]}}}}\nlayers: [{COPIES % 'b: {}'}]",
    "functions of functions": _let(
        f"f(x): {'+'.join(['x'] * 97)}, g(x): {'+'.join(['f(x)'] * 40)}, "
        f"h(x): {'+'.join(['g(x)'] * 40)}"
    ),
    "functions of many names": _let(
        f"{_listed('aN: N', 48)}, f(x): {'+'.join(f'a{i}' for i in range(48))}, "
        f"g(x): {'+'.join(['f(x)'] * 40)}, h(x): {'+'.join(['g(x)'] * 5)}"
    ),
    "inputs of a concatenation": HEAD
    + f"layers: [{{id: p, relu: {{}}}}, {{repeat: 8, layers: [{{repeat: 4096, layers: "
    f"[{{concat: [{_listed('p', 1000)}]}}, {{conv2d: {{channels: 8, kernel: 1}}}}]}}]}}]",
    "inputs of a sum": HEAD
    + "layers: [{id: p, relu: {}}, "
    + f"{{repeat: 100, layers: [{{add: [{_listed('p', 90_000)}]}}]}}]",
    "shared layers that double": HEAD
    + "layers: [{id: a0, layers: [{conv2d: {channels: 8, kernel: 1}}]}"
    + "".join(f", {{id: a{i}, layers: [use: a{i - 1}, use: a{i - 1}]}}" for i in range(1, 17))
    + "]",
    "long names": HEAD
    + f"layers: [{{id: {'n' * 60_000}, repeat: 4096, layers: "
    + f"[{{id: {'m' * 60_000}, relu: {{}}}}]}}]",
    "long names of outputs": "format: 1\nname: x\ninput: {x: [100000, 1, 1]}\nlayers: "
    + f"[{{id: {'n' * 100_000}, split: {{parts: 100000}}}}, "
    + f"{{from: {'n' * 100_000}.1, relu: {{}}}}]",
    "choices": HEAD + f"layers: [{COPIES % CHOICE}]",
    "sizes of a list": HEAD + f"layers: [{COPIES % SHAPE}]",
    "lists as arguments": HEAD
    + "blocks: {b: {arguments: {q: required}, layers: [{reshape: {shape: q}}]}}\n"
    + f"layers: [{COPIES % ('b: {q: [' + _listed('1', 60) + ', 512]}')}]",
}  # fmt: skip

LONG = {
    "names that are not there": HEAD
    + f"layers: [{_listed('{id: ' + 'a' * 70 + 'N, relu: {}}', 9000)}, "
    + f"{_listed('{relu: {}, from: ' + 'a' * 70 + 'bN}', 100)}]",
    "variants": HEAD
    + f"layers: [{_listed('{id: aN, relu: {}}', 20_000)}]\n"
    + f"variants: {{{_listed('vN: {layers: {a0: {gelu: {}}}}', 10_000)}}}",
    "published rows": HEAD
    + f"layers: [relu]\npublished: {{{_listed('sN: [{top1: 70}]', 40_000)}}}",
    "groups": HEAD
    + f"layers: [{_listed('{id: iN, relu: {}}', 15_000)}, {_listed('{layers: [relu]}', 15_000)}]",
    "blocks that stand for others": HEAD
    + f"blocks: {{{_listed('cN: cM', 20_000)}, c-1: relu}}\nlayers: [relu]",
    "axes": f"format: 1\nname: x\ninput: {{x: [{_listed('1', 100_000)}]}}\nlayers: "
    + f"[{_listed('relu', 2000)}]",
    "parameters": "format: 1\nname: x\nlet:\n  ? f("
    + f"{_listed('pN', 30_000)})\n  : 1\ninput: {{x: [8, 8, 8]}}\nlayers: [relu]",
    "dead ends": HEAD
    + f"layers: [{{id: p, relu: {{}}}}, {_listed('{relu: {}, from: p}', 30_000)}]",
    "blocks that nobody uses": HEAD
    + f"blocks: {{{_listed('bN: {layers: [relu]}', 20_000)}}}\nlayers: [relu]",
    "lines": HEAD + "layers:\n" + "- relu\n" * 90_000,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _shared_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow five times the CPU time of a campaign.

    Other processes slow memory down more than the loop that measures the machine's speed. These
    tests check what no machine changes: the budget refuses files whose work multiplies. The
    campaign itself checks the seconds.
    """
    monkeypatch.setattr(mutations, "SECONDS", 5 * mutations.SECONDS)


def outcome(text: str) -> Outcome:
    """The outcome of a spec in a process of its own, without a device."""
    (result,) = mutations.outcomes(range(1, 2), lambda _: (Seed("spec", "", text), text.encode()))
    return result


@pytest.mark.parametrize("name", BOMBS)
def test_files_whose_work_multiplies_are_refused(name: str) -> None:
    refused = outcome(BOMBS[name] + "\n")
    assert refused.verdict == "error", refused
    assert TOO_LONG in refused.detail


@pytest.mark.parametrize("name", LONG)
def test_files_that_are_only_long_finish(name: str) -> None:
    finished = outcome(LONG[name] + "\n")
    assert finished.verdict in ("network", "error"), finished
    assert TOO_LONG not in finished.detail


IN_THREES = (
    "blocks: {b: {arguments: {n: 8, k: 3}, layers: [{conv2d: {channels: n, kernel: k, padding: "
    "same}}, batch_norm, relu]}}\nlayers: [{repeat: 8, layers: [{repeat: 4096, b: {n: 4 * 2}}]}]\n"
)
EACH_A_BLOCK = (
    "blocks: {b: {arguments: {n: 8}, layers: [{conv2d: {channels: n, kernel: 1}}]}}\n"
    "layers: [{repeat: 24, layers: [{repeat: 4096, b: {n: 4 * 2}}]}]\n"
)


@pytest.mark.parametrize("layers", [IN_THREES, EACH_A_BLOCK])
def test_a_network_of_nearly_100_000_layers_is_not_refused(layers: str) -> None:
    assert len(elaborate(parse_spec(HEAD + layers)).steps) == 98_304


def test_a_sample_of_the_campaign() -> None:
    texts = mutations.seeds()
    failed = [
        result
        for result in mutations.outcomes(
            range(100), lambda number: mutations.case(number, 10, texts)
        )
        if result.verdict not in mutations.GOOD
    ]
    assert not failed


def test_failures_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(kind: str, path: str, with_device: bool) -> tuple[str, str]:
        number = int(Path(path).read_text())
        if number == 1:
            raise ZeroDivisionError
        if number == 2:
            os._exit(9)
        if number == 3:
            start = time.process_time()
            while time.process_time() < start + 1:
                pass
        if number == 4:
            bytearray(b"x") * (600 * 2**20)
        return "network", ""

    monkeypatch.setattr(mutations, "run", run)
    monkeypatch.setattr(mutations, "SECONDS", 0.05)
    results = mutations.outcomes(range(5), lambda number: (Seed("spec", "x", ""), b"%d" % number))
    assert [result.verdict for result in results] == [
        "network",
        "traceback",
        "killed",
        "time",
        "memory",
    ]
