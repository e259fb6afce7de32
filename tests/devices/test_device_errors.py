"""Every way to get a profile wrong, with the whole message that the user reads."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mnet_cost.devices import load_device
from mnet_cost.errors import DeviceError

GOOD = """\
format: 1
name: mine
title: A board
tier: datasheet
runtime: any
threads: 2
compute:
  fp32: {macs: 19 GFLOP/s, standing: assumed, source: guess}
memory:
  - {level: L2, size: 1 MiB, bandwidth: 40 GB/s, standing: assumed, source: guess}
  - {level: DRAM, size: 4 GB, bandwidth: 10 GB/s, standing: assumed, source: guess}
overhead:
  kernel: {value: 5 us, standing: assumed, source: guess}
"""


def message(text: str) -> str:
    """What loading a profile of that text says."""
    Path("mine.yaml").write_text(text)
    with pytest.raises(DeviceError) as caught:
        load_device("mine.yaml")
    return str(caught.value)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_what_the_errors_are_made_of_is_good() -> None:
    Path("mine.yaml").write_text(GOOD)
    assert load_device("mine.yaml").name == "mine"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            "runtime:",
            "runtme:",
            """\
mine.yaml:5:1: a device profile has no `runtme`
    5 | runtme: any
      | ^^^^^^
hint: did you mean `runtime`?""",
            id="unknown key",
        ),
        pytest.param(
            "GFLOP/s, standing: assumed, source: guess",
            "GFLOP/s, standing: assumed",
            """\
mine.yaml:8:3: `fp32` states no `source`
    8 |   fp32: {macs: 19 GFLOP/s, standing: assumed}
      |   ^^^^
hint: write where it is from: `source: "vendor data sheet, page 3"`""",
            id="no source",
        ),
        pytest.param(
            "macs: 19 GFLOP/s, standing: assumed, source: guess",
            "macs: 19 GFLOP/s",
            """\
mine.yaml:8:3: `fp32` states no `standing` and no `source`
    8 |   fp32: {macs: 19 GFLOP/s}
      |   ^^^^
hint: write where it is from: `source: "vendor data sheet, page 3"`""",
            id="neither standing nor source",
        ),
        pytest.param(
            ", bandwidth: 10 GB/s, standing: assumed",
            ", bandwidth: 10 GB/s",
            """\
mine.yaml:11:13: `DRAM` states no `standing`
   11 |   - {level: DRAM, size: 4 GB, bandwidth: 10 GB/s, source: guess}
      |             ^^^^
hint: `standing` is `datasheet`, `measured`, `fitted`, `derived` or `assumed`""",
            id="level without standing",
        ),
        pytest.param(
            "GFLOP/s, standing: assumed, source: guess",
            "GFLOP/s, standing: assumed, source: ''",
            """\
mine.yaml:8:55: `source` must be text
    8 |   fp32: {macs: 19 GFLOP/s, standing: assumed, source: ''}
      |                                                       ^^""",
            id="empty source",
        ),
        pytest.param(
            "GFLOP/s, standing: assumed",
            "GFLOP/s, standing: messured",
            """\
mine.yaml:8:38: `messured` is no standing
    8 |   fp32: {macs: 19 GFLOP/s, standing: messured, source: guess}
      |                                      ^^^^^^^^
hint: did you mean `measured`?""",
            id="standing mistyped",
        ),
        pytest.param(
            "GFLOP/s, standing: assumed",
            "GFLOP/s, standing: rumour",
            """\
mine.yaml:8:38: `rumour` is no standing
    8 |   fp32: {macs: 19 GFLOP/s, standing: rumour, source: guess}
      |                                      ^^^^^^
hint: `standing` is `datasheet`, `measured`, `fitted`, `derived` or `assumed`""",
            id="unknown standing",
        ),
        pytest.param(
            "tier: datasheet",
            "tier: sheet",
            """\
mine.yaml:4:7: `sheet` is no tier
    4 | tier: sheet
      |       ^^^^^
hint: did you mean `datasheet`?""",
            id="tier mistyped",
        ),
        pytest.param(
            "tier: datasheet",
            "tier: gold",
            """\
mine.yaml:4:7: `gold` is no tier
    4 | tier: gold
      |       ^^^^
hint: `tier` is `datasheet`, `fitted` or `calibrated`""",
            id="unknown tier",
        ),
        pytest.param(
            "fp32:",
            "fp23:",
            """\
mine.yaml:8:3: there is no precision `fp23`
    8 |   fp23: {macs: 19 GFLOP/s, standing: assumed, source: guess}
      |   ^^^^
hint: did you mean `fp32`?""",
            id="precision mistyped",
        ),
        pytest.param(
            "fp32:",
            "double:",
            """\
mine.yaml:8:3: there is no precision `double`
    8 |   double: {macs: 19 GFLOP/s, standing: assumed, source: guess}
      |   ^^^^^^
hint: one of `fp32`, `fp16`, `bf16` or `int8`""",
            id="unknown precision",
        ),
        pytest.param(
            "19 GFLOP/s",
            "19 GB/s",
            """\
mine.yaml:8:16: `19 GB/s` is a bandwidth; a rate of mult-adds is asked for
    8 |   fp32: {macs: 19 GB/s, standing: assumed, source: guess}
      |                ^^^^^^^
hint: write for example `9.4 GMAC/s`""",
            id="wrong dimension",
        ),
        pytest.param(
            "19 GFLOP/s",
            "19",
            """\
mine.yaml:8:16: `19` has no unit; a rate of mult-adds is asked for
    8 |   fp32: {macs: 19, standing: assumed, source: guess}
      |                ^^
hint: a number alone can mean anything: write for example `9.4 GMAC/s`""",
            id="bare number",
        ),
        pytest.param(
            "5 us",
            "-5 us",
            """\
mine.yaml:13:19: `-5 us` is negative; a time cannot be
   13 |   kernel: {value: -5 us, standing: assumed, source: guess}
      |                   ^^^^^""",
            id="negative",
        ),
        pytest.param(
            "10 GB/s",
            "0 GB/s",
            """\
mine.yaml:11:42: `0 GB/s` cannot be zero
   11 |   - {level: DRAM, size: 4 GB, bandwidth: 0 GB/s, standing: assumed, source: guess}
      |                                          ^^^^^^
hint: leave it out where it is not known: unknown is not zero""",
            id="zero bandwidth",
        ),
        pytest.param(
            "19 GFLOP/s",
            "0 MAC/s",
            """\
mine.yaml:8:16: `0 MAC/s` cannot be zero
    8 |   fp32: {macs: 0 MAC/s, standing: assumed, source: guess}
      |                ^^^^^^^
hint: leave it out where it is not known: unknown is not zero""",
            id="zero rate",
        ),
        pytest.param(
            "10 GB/s",
            "10000 PB/s",
            """\
mine.yaml:11:42: `10000 PB/s` is absurd: over 10.0 PB/s
   11 |   - {level: DRAM, size: 4 GB, bandwidth: 10000 PB/s, standing: assumed, source: guess}
      |                                          ^^^^^^^^^^
hint: check the prefix""",
            id="absurdly fast",
        ),
        pytest.param(
            "4 GB,",
            "4 B,",
            """\
mine.yaml:11:25: `4 B` is absurd: under 64 B
   11 |   - {level: DRAM, size: 4 B, bandwidth: 10 GB/s, standing: assumed, source: guess}
      |                         ^^^
hint: check the prefix""",
            id="absurdly small",
        ),
        pytest.param(
            "5 us",
            "5 Ms",
            """\
mine.yaml:13:19: `5 Ms` is absurd: over 60 s
   13 |   kernel: {value: 5 Ms, standing: assumed, source: guess}
      |                   ^^^^
hint: check the prefix""",
            id="absurdly slow",
        ),
        pytest.param(
            "size: 4 GB",
            "size: 1 MiB",
            """\
mine.yaml:11:25: `DRAM` (1 MiB) is not larger than `L2` (1 MiB), which is further inside
   11 |   - {level: DRAM, size: 1 MiB, bandwidth: 10 GB/s, standing: assumed, source: guess}
      |                         ^^^^^
hint: levels stand innermost first: L1, L2, ..., DRAM""",
            id="sizes upside down",
        ),
        pytest.param(
            "bandwidth: 10 GB/s",
            "bandwidth: 50 GB/s",
            """\
mine.yaml:11:42: `DRAM` (50 GB/s) is faster than `L2` (40 GB/s), which is further inside
   11 |   - {level: DRAM, size: 4 GB, bandwidth: 50 GB/s, standing: assumed, source: guess}
      |                                          ^^^^^^^
hint: levels stand innermost first: L1, L2, ..., DRAM""",
            id="bandwidths upside down",
        ),
        pytest.param(
            "level: DRAM",
            "level: L2",
            """\
mine.yaml:11:13: the level `L2` is already stated at line 10
   11 |   - {level: L2, size: 4 GB, bandwidth: 10 GB/s, standing: assumed, source: guess}
      |             ^^""",
            id="level twice",
        ),
        pytest.param(
            " size: 4 GB, bandwidth: 10 GB/s,",
            "",
            """\
mine.yaml:11:13: a memory level must state a `size`, a `bandwidth` or both
   11 |   - {level: DRAM, standing: assumed, source: guess}
      |             ^^^^""",
            id="level that states nothing",
        ),
        pytest.param(
            "level: DRAM, ",
            "",
            """\
mine.yaml:11:5: a memory level must state `level`
   11 |   - {size: 4 GB, bandwidth: 10 GB/s, standing: assumed, source: guess}
      |     ^""",
            id="level without name",
        ),
        pytest.param(
            "threads: 2",
            "threads: many",
            """\
mine.yaml:6:10: `threads` must be a whole number from 1 to 4096
    6 | threads: many
      |          ^^^^""",
            id="threads no number",
        ),
        pytest.param(
            "threads: 2",
            "threads: 0",
            """\
mine.yaml:6:10: `threads` must be a whole number from 1 to 4096
    6 | threads: 0
      |          ^""",
            id="no threads",
        ),
        pytest.param(
            "format: 1",
            "format: 2",
            """\
mine.yaml:1:9: this version reads `format: 1` only
    1 | format: 2
      |         ^""",
            id="unknown format",
        ),
        pytest.param(
            "name: mine",
            "name: 5",
            """\
mine.yaml:2:7: `name` must be text
    2 | name: 5
      |       ^""",
            id="name no text",
        ),
        pytest.param(
            "{value: 5 us, standing: assumed, source: guess}",
            "5 us",
            """\
mine.yaml:13:11: `kernel` must be a mapping
   13 |   kernel: 5 us
      |           ^^^^
hint: write `kernel: {value: ..., standing: ..., source: ...}`""",
            id="overhead without origin",
        ),
        pytest.param(
            "kernel: {value: 5 us, ",
            "kernel: {",
            """\
mine.yaml:13:11: `kernel` must state `value`
   13 |   kernel: {standing: assumed, source: guess}
      |           ^""",
            id="no value",
        ),
        pytest.param(
            "size: 1 MiB",
            "size: {value: 1 MiB}",
            """\
mine.yaml:10:17: `size` states no `standing` and no `source`
   10 |   - {level: L2, size: {value: 1 MiB}, bandwidth: 40 GB/s, standing: assumed, source: guess}
      |                 ^^^^
hint: write where it is from: `source: "vendor data sheet, page 3"`""",
            id="own origin missing",
        ),
        pytest.param(
            "size: 1 MiB",
            "size: [1 MiB]",
            """\
mine.yaml:10:23: a number with its unit must stand here
   10 |   - {level: L2, size: [1 MiB], bandwidth: 40 GB/s, standing: assumed, source: guess}
      |                       ^""",
            id="quantity no scalar",
        ),
        pytest.param(
            "  fp32: {macs: 19 GFLOP/s, standing: assumed, source: guess}\n",
            "",
            """\
mine.yaml:7:9: `compute` must be a mapping from a precision to its rates
    7 | compute:
      |         ^""",
            id="no compute",
        ),
        pytest.param(
            "{macs: 19 GFLOP/s, standing: assumed, source: guess}",
            "19 GFLOP/s",
            """\
mine.yaml:8:9: `fp32` must be a mapping: `{macs: ..., source: ...}`
    8 |   fp32: 19 GFLOP/s
      |         ^^^^^^^^^^""",
            id="rate no mapping",
        ),
        pytest.param(
            "{level: L2, size: 1 MiB, bandwidth: 40 GB/s, standing: assumed, source: guess}",
            "L2",
            """\
mine.yaml:10:5: a memory level is a mapping: `{level: DRAM, size: ..., ...}`
   10 |   - L2
      |     ^^""",
            id="level no mapping",
        ),
        pytest.param(
            "GFLOP/s, standing: assumed, source:",
            "GFLOP/s, standing: assumed, sorce:",
            """\
mine.yaml:8:47: `fp32` has no `sorce`
    8 |   fp32: {macs: 19 GFLOP/s, standing: assumed, sorce: guess}
      |                                               ^^^^^
hint: did you mean `source`?""",
            id="source mistyped",
        ),
        pytest.param(
            "title: A board\n",
            "",
            """\
mine.yaml:1:1: a device profile must state `title`
    1 | format: 1
      | ^""",
            id="no title",
        ),
        pytest.param(
            "kernel:",
            "layer:",
            """\
mine.yaml:13:3: `overhead` has no `layer`
   13 |   layer: {value: 5 us, standing: assumed, source: guess}
      |   ^^^^^
hint: `overhead` has kernel, inference""",
            id="unknown overhead",
        ),
    ],
)
def test_one_thing_wrong(old: str, new: str, expected: str) -> None:
    assert GOOD.count(old) == 1
    assert message(GOOD.replace(old, new)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            GOOD.split("memory:")[0] + "memory: []\n",
            """\
mine.yaml:9:9: `memory` must be a list of levels, innermost first
    9 | memory: []
      |         ^""",
            id="no list of levels",
        ),
        pytest.param(
            "- 1\n",
            """\
mine.yaml:1:1: a device profile is a mapping: `name: ...`, one key a line
    1 | - 1
      | ^""",
            id="no mapping",
        ),
        pytest.param(
            "format: 1\nname: x\nlayers: []\n",
            """\
mine.yaml:3:1: this is a model, not a device profile
    3 | layers: []
      | ^^^^^^""",
            id="a model",
        ),
        pytest.param(
            "format: 1\nname: x\ntier: fitted\n",
            """\
mine.yaml:1:1: a device profile must state `title`, `runtime`, `threads`, `compute`, `memory`
    1 | format: 1
      | ^""",
            id="almost nothing",
        ),
        pytest.param(
            "",
            """\
mine.yaml: is empty""",
            id="empty",
        ),
        pytest.param(
            GOOD + "storage: 2 MiB\n",
            """\
mine.yaml:14:10: a memory level is a mapping: `{level: DRAM, size: ..., ...}`
   14 | storage: 2 MiB
      |          ^^^^^""",
            id="storage no mapping",
        ),
        pytest.param(
            "format: [1\n",
            """\
mine.yaml:1:9: not valid YAML: did not find expected ',' or ']'
    1 | format: [1
      |         ^
hint: a bracket or brace before this is not closed""",
            id="bad yaml",
        ),
    ],
)
def test_a_file_that_is_no_profile(text: str, expected: str) -> None:
    assert message(text) == expected


def test_all_problems_at_once() -> None:
    text = (
        GOOD.replace("tier: datasheet", "tier: gold")
        .replace("19 GFLOP/s", "19")
        .replace("size: 4 GB", "size: 4 gb")
        .replace("5 us, standing: assumed", "5 us")
    )
    expected = """\
mine.yaml:4:7: `gold` is no tier
    4 | tier: gold
      |       ^^^^
hint: `tier` is `datasheet`, `fitted` or `calibrated`

mine.yaml:8:16: `19` has no unit; a rate of mult-adds is asked for
    8 |   fp32: {macs: 19, standing: assumed, source: guess}
      |                ^^
hint: a number alone can mean anything: write for example `9.4 GMAC/s`

mine.yaml:11:25: `4 gb`: there is no unit `gb`; a size is asked for
   11 |   - {level: DRAM, size: 4 gb, bandwidth: 10 GB/s, standing: assumed, source: guess}
      |                         ^^^^
hint: did you mean `GB`?

mine.yaml:13:3: `kernel` states no `standing`
   13 |   kernel: {value: 5 us, source: guess}
      |   ^^^^^^
hint: `standing` is `datasheet`, `measured`, `fitted`, `derived` or `assumed`"""
    assert message(text) == expected


SHIPPED = "`h100`, `jetson_nano`, `pixel_1`, `pixel_6`, `raspberry_pi_4`, `stm32h743`, `zen3`"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "pixel1",
            f"there is no device `pixel1`; there are {SHIPPED}\nhint: did you mean `pixel_1`?",
        ),
        (
            "toaster",
            f"there is no device `toaster`; there are {SHIPPED}\n"
            "hint: a profile of your own is named by its path: `./toaster.yaml`",
        ),
        (
            "",
            f"there is no device ``; there are {SHIPPED}\n"
            "hint: a profile of your own is named by its path: `./device.yaml`",
        ),
        ("./none.yaml", "./none.yaml: cannot be read: no such file or directory"),
        ("none.yml", "none.yml: cannot be read: no such file or directory"),
        ("a/b", "a/b: cannot be read: no such file or directory"),
        ("./", "./: cannot be read: is a directory"),
        ("a\0.yaml", "a path cannot hold a NUL character"),
    ],
)
def test_no_such_device(name: str, expected: str) -> None:
    with pytest.raises(DeviceError) as caught:
        load_device(name)
    assert str(caught.value) == expected


PIECES = ["", "{", "]", "0", "-1", "1 GB", "null", "true", ".nan", "source: x", "\n", "  ", "- a"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.integers(0, len(GOOD)),
    length=st.integers(0, 30),
    piece=st.sampled_from(PIECES) | st.text(max_size=5),
)
def test_a_damaged_profile_raises_nothing_else(start: int, length: int, piece: str) -> None:
    text = GOOD[:start] + piece + GOOD[start + length :]
    Path("mine.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    with suppress(DeviceError):
        assert load_device("mine.yaml").compute
