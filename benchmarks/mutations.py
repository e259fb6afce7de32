"""Fuzzing: every mutated file gives a result or an error with a message, within limits.

    python benchmarks/mutations.py [COUNT] [--seed N] [--first N] [--keep FOLDER]

Mutates bytes, words, numbers, lines and parts of the YAML tree of shipped specs, of the wrong specs
of the tests and of three specs written here. Each mutated spec is loaded, analysed and reported as
text, with a device every fourth time; device profiles, papers and tables of measured times are
mutated and loaded too. A file fails with a traceback, above 3 s of CPU on the machine of the
README, or above 500 MB. Prints how many files had which verdict, and the slowest and the largest;
the exit status is 1 after a failure. Training and export are not tried.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import re
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

SECONDS = 3.0
MEGABYTES = 500
BATCH = 40
"""Files that one child process takes."""
_LOOP_S = 0.0045  # 100,000 additions on the machine of benchmarks/README.md
_HARD_S = 60
_BARE_MEGABYTES = 30
_SHOWN = 2000
GOOD = ("network", "read", "error")
"""Verdicts of files that do not fail."""
_ROOT = Path(__file__).resolve().parents[1]


class Seed(NamedTuple):
    """A text to mutate."""

    kind: str
    """spec, wrong (a spec with an error), device, paper or table."""
    name: str
    text: str


Cases = Callable[[int], tuple[Seed, bytes]]
"""Takes the number of a file, returns the text that it was made from and its bytes."""


class Outcome(NamedTuple):
    """What happened with one file."""

    number: int
    kind: str
    name: str
    verdict: str
    """One of `GOOD`, or the failure: traceback, time, memory, killed, no message."""
    seconds: float
    megabytes: float
    detail: str = ""


WRITTEN = (
    "format: 1\nname: x\ninput: {x: [8, 8, 8]}\n"
    "layers: [relu, {repeat: 64, layers: [{repeat: 64, layers: []}]}]\n",
    "format: 1\nname: x\nlet: {f(x): x + x * 2, g(x): f(x) + f(x) + f(f(x))}\n"
    "input: {x: [8, 8, 8]}\n"
    "blocks:\n  b: {arguments: {a: 8, c: g(a)}, layers: [{conv2d: {channels: c, kernel: 1}}]}\n"
    "layers: [{repeat: 9, b: {a: 4}}, {id: p, relu: {}}, {concat: [p, p, p]}, {add: [p, p]}]\n",
    "format: 1\nname: x\nknobs: {k: {default: 3, choices: [1, 3]}}\ninput: {x: [8, 8, 8]}\n"
    "layers:\n  - {id: a, layers: [{conv2d: {channels: {choose: [8, 4]}, kernel: k}}]}\n"
    "  - {id: b, layers: [{use: a}, {use: a}]}\n  - {id: c, layers: [{use: b}, {use: b}]}\n"
    "variants: {v: {layers: {a: {gelu: {}}}}}\npublished: {s: [{at: {k: 1}, top1: 70}]}\n"
    "outputs: [c, b]\n",
)
WORDS = (
    "format", "name", "input", "layers", "knobs", "let", "blocks", "outputs", "variants", "use",
    "arguments", "default", "choose", "from", "when", "repeat", "id", "conv2d", "relu", "add",
    "channels", "kernel", "previous", "required", "concat", "split", "attention", "true", "null",
    "{}", "[]", "[", "]", "{", "}", ":", "- ", "-1", "0", "1", "4096", "1e9", "0.5", ".nan",
    "2147483647", "9" * 25, "a" * 300, "\u8ad6", "\0", "\x1b[31m", "'", '"', "&a", "*a", "!t", "<<",
    "|", ">", "#", "%", "\t", "input.channels", "f(x)", "max(1,", "(((", ")))", " + ", " // ",
)  # fmt: skip
NUMBERS = (
    0, -1, 1, 2, 7, 64, 4096, 4097, 10**6, 2**31 - 1, 2**31, 2**53, 2**63, 10**25, 0.5,
    1e-300, 1e300,
)  # fmt: skip


def seeds() -> list[Seed]:
    """All texts that are mutated."""
    texts = [Seed("spec", f"written {i}", text) for i, text in enumerate(WRITTEN)]
    for path in sorted((_ROOT / "specs").rglob("*.yaml")):
        part = path.relative_to(_ROOT / "specs").parts[0]
        kind = {"devices": "device", "papers": "paper"}.get(part, "spec")
        if part != "coefficients":
            texts.append(Seed(kind, path.name, path.read_text(encoding="utf-8")))
    for path in sorted((_ROOT / "tests" / "spec_errors").glob("*.yaml")):
        text = path.read_text(encoding="utf-8").partition("# output\n")[0]
        texts.append(Seed("wrong", path.name, text))
    for path in sorted((_ROOT / "benchmarks" / "accuracy" / "measurements").rglob("*.csv"))[:12]:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)[:12]
        texts.append(Seed("table", path.name, "".join(lines)))
    return texts


# --- mutations


def mutated(text: str, draw: random.Random) -> bytes:
    """`text` after one to four mutations."""
    data = text
    for _ in range(draw.choice((1, 1, 1, 2, 3, 4))):
        data = draw.choice(_MUTATIONS)(data, draw)[: 2**20]
    if draw.random() < 0.1:
        return _bytes(data.encode("utf-8", "surrogateescape"), draw)
    return data.encode("utf-8", "surrogateescape")


def _bytes(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.randint(1, 6)):
        if changed:
            changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed)


def _words(text: str, draw: random.Random) -> str:
    words = list(re.finditer(r"[\w.]+|[^\w\s]", text))
    if not words:
        return text
    at = draw.choice(words)
    new = draw.choice(WORDS) if draw.random() < 0.6 else draw.choice(words)[0]
    return text[: at.start()] + new + text[at.end() :]


def _numbers(text: str, draw: random.Random) -> str:
    numbers = list(re.finditer(r"\d+(\.\d+)?", text))
    if not numbers:
        return text
    at = draw.choice(numbers)
    return text[: at.start()] + str(draw.choice(NUMBERS)) + text[at.end() :]


def _lines(text: str, draw: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    if not lines:
        return text
    at, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    match draw.choice(("delete", "double", "swap", "indent", "cut", "many", "join")):
        case "delete":
            del lines[at]
        case "double":
            lines.insert(other, lines[at])
        case "swap":
            lines[at], lines[other] = lines[other], lines[at]
        case "indent":
            lines[at] = draw.choice(("", " ", "    ", "\t")) + lines[at].lstrip()
        case "cut":
            return "".join(lines)[: draw.randrange(len(text) + 1)]
        case "many":
            first, last = sorted((at, other))
            part = lines[first : min(last, first + 30) + 1]
            lines[first:first] = part * draw.choice((2, 5, 50, 500))
        case _:
            lines[at] = lines[at].rstrip("\n")
    return "".join(lines)


def _tree(text: str, draw: random.Random) -> str:
    """Parts of the tree swapped, deleted, nested or repeated."""
    try:
        root = yaml.load(text, yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return text
    places = list(_places(root))
    if not places:
        return text
    holder, key = draw.choice(places)
    other, name = draw.choice(places)
    match draw.choice(("swap", "delete", "number", "word", "nest", "repeat", "many", "chain")):
        case "swap":
            holder[key] = json.loads(json.dumps(other[name], default=str))
        case "delete":
            del holder[key]
        case "number":
            holder[key] = draw.choice(NUMBERS)
        case "word":
            holder[key] = draw.choice(WORDS)
        case "nest":
            value = holder[key]
            for _ in range(draw.choice((1, 3, 30, 70))):
                value = [value] if draw.random() < 0.5 else {"layers": [value]}
            holder[key] = value
        case "repeat":
            holder[key] = {"repeat": draw.choice((0, 2, 64, 4096)), "layers": [holder[key]]}
        case "many":
            if isinstance(holder[key], list):
                holder[key] = holder[key] * draw.choice((2, 30, 1000))
            else:
                holder[key] = [holder[key]] * draw.choice((2, 30, 1000))
        case _:
            text = json.dumps(holder[key], default=str)
            holder[key] = f"{text} + {text}"
    try:
        return yaml.dump(root, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True)
    except (yaml.YAMLError, ValueError, RecursionError):
        return text


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(node, (dict, list)):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            yield node, key
            yield from _places(node[key])


_MUTATIONS: tuple[Callable[[str, random.Random], str], ...] = (
    _words, _words, _numbers, _numbers, _lines, _tree, _tree,
)  # fmt: skip


# --- runs


def run(kind: str, path: str, with_device: bool) -> tuple[str, str]:
    """The verdict on a file, and the error message if there is one. An exception is a failure."""
    import mnet_cost
    from mnet_cost.errors import MnetCostError
    from mnet_cost.report import render
    from mnet_cost.report.analysis import analysis_report

    def report(model: Any, devices: list[Any]) -> None:
        render(analysis_report(mnet_cost.analyze(model, {}, devices)), "text")

    try:
        if kind in ("spec", "wrong"):
            model = mnet_cost.load_model(path)
            report(model, [mnet_cost.load_device("pixel_1")] if with_device else [])
            return "network", ""
        if kind == "device":
            report(mnet_cost.load_model("mobilenet_v1"), [mnet_cost.load_device(path)])
        elif kind == "paper":
            from mnet_cost.papers.load import load_paper

            load_paper(path)
        else:
            from mnet_cost.measure.measurements import read_measurements

            read_measurements(path)
        return "read", ""
    except MnetCostError as error:
        message = str(error)
        return ("error" if message.strip() else "no message"), message


def _slowdown() -> float:
    """How many times slower this machine is now than that of the README; at least 1."""
    before, total = time.process_time(), 0
    for number in range(100_000):
        total += number
    return max(1.0, (time.process_time() - before) / _LOOP_S)


def _try_file(number: int, seed: Seed, data: bytes, path: str, base_megabytes: float) -> Outcome:
    """Run one file. `base_megabytes`: what the process held before, beyond a bare campaign's."""
    Path(path).write_bytes(data)
    slowdown = _slowdown()
    before = time.process_time()
    detail = ""
    try:
        verdict, detail = run(seed.kind, path, number % 4 == 0)
    except MemoryError:
        verdict = "memory"
    except BaseException as error:
        verdict = "traceback"
        detail = "".join(traceback.format_exception(error)[-3:])
    seconds = (time.process_time() - before) / max(slowdown, _slowdown())
    peak = _peak_megabytes() - base_megabytes
    if verdict != "traceback" and seconds > SECONDS:
        verdict = "time"
    if verdict != "traceback" and peak > MEGABYTES:
        verdict = "memory"
    return Outcome(number, seed.kind, seed.name, verdict, seconds, peak, detail[:_SHOWN])


def case(number: int, seed: int, texts: list[Seed]) -> tuple[Seed, bytes]:
    """File `number` of a campaign: it depends on `number` and `seed` alone."""
    draw = random.Random(f"{seed}/{number}")
    kind = draw.choices(("spec", "wrong", "device", "paper", "table"), (65, 20, 8, 3, 4))[0]
    original = draw.choice([text for text in texts if text.kind == kind])
    return original, mutated(original.text, draw)


def _peak_megabytes() -> float:
    """Peak resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _address_space() -> int:
    """Bytes of addresses that this process has reserved: with torch far more than it uses."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


def _child(numbers: range, cases: Cases, write: int) -> None:
    gc.disable()  # as the command line does
    base_megabytes = max(0.0, _peak_megabytes() - _BARE_MEGABYTES)  # the process of tests is large
    limit = _address_space() + 3 * 2**30
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    with tempfile.TemporaryDirectory() as folder, os.fdopen(write, "w") as out:
        os.chdir(folder)
        for number in numbers:
            resource.setrlimit(
                resource.RLIMIT_CPU, (int(time.process_time()) + _HARD_S, resource.RLIM_INFINITY)
            )
            seed, data = cases(number)
            name = "x.csv" if seed.kind == "table" else "x.yaml"
            out.write(json.dumps(_try_file(number, seed, data, name, base_megabytes)) + "\n")
            out.flush()


def outcomes(numbers: range, cases: Cases) -> Iterator[Outcome]:
    """Outcomes in the order of `numbers`. A child process takes `BATCH` files; after one that kills
    the child, a new child takes the rest.
    """
    start = numbers.start
    while start < numbers.stop:
        read, write = os.pipe()
        batch = range(start, min(start + BATCH, numbers.stop))
        child = os.fork()
        if child == 0:
            os.close(read)
            try:
                _child(batch, cases, write)
            finally:
                os._exit(0)
        os.close(write)
        done = batch.start
        with os.fdopen(read) as lines:
            for line in lines:
                yield Outcome(*json.loads(line))
                done += 1
        os.waitpid(child, 0)
        if done < batch.stop:  # this file killed the child
            seed, _ = cases(done)
            yield Outcome(done, seed.kind, seed.name, "killed", float(_HARD_S), 0.0)
            done += 1
        start = done


def main() -> int:
    """Run a campaign and print its outcomes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, nargs="?", default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--keep", type=Path, help="folder for the files that failed")
    options = parser.parse_args()
    import mnet_cost.report.analysis  # noqa: F401 - children start with it

    texts = seeds()

    def cases(number: int) -> tuple[Seed, bytes]:
        return case(number, options.seed, texts)

    counts: Counter[tuple[str, str]] = Counter()
    finished: list[Outcome] = []
    numbers = range(options.first, options.first + options.count)
    for outcome in outcomes(numbers, cases):
        counts[outcome.kind, outcome.verdict] += 1
        finished.append(outcome)
        if outcome.verdict not in GOOD:
            print(f"FAILED {outcome.number} {outcome.name}: {outcome.verdict}, "
                  f"{outcome.seconds:.2f} s, {outcome.megabytes:.0f} MB\n{outcome.detail}",
                  flush=True)  # fmt: skip
            if options.keep:
                options.keep.mkdir(parents=True, exist_ok=True)
                path = options.keep / f"{outcome.number}.{outcome.kind}"
                path.write_bytes(cases(outcome.number)[1])
        if len(finished) % 1000 == 0:
            print(f"{len(finished):,} files", flush=True)
    print(f"\n{len(finished):,} files, seed {options.seed}")
    for (kind, verdict), count in sorted(counts.items()):
        print(f"{kind:8} {verdict:10} {count:7,}")
    print("\nmost CPU")
    for slow in sorted(finished, key=lambda outcome: -outcome.seconds)[:5]:
        print(f"{slow.number:7} {slow.name:30} {slow.verdict:10} {slow.seconds:6.2f} s")
    print("most memory: the peak of the process up to this file")
    for large in sorted(finished, key=lambda outcome: -outcome.megabytes)[:5]:
        print(f"{large.number:7} {large.name:30} {large.verdict:10} {large.megabytes:6.0f} MB")
    return int(any(verdict not in GOOD for _, verdict in counts))


if __name__ == "__main__":
    sys.exit(main())
