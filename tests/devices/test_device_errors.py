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
basis: datasheet
runtime: any
threads: 2
compute:
  fp32: {macs: 19 GFLOP/s, basis: assumed, source: guess}
memory:
  - {level: L2, size: 1 MiB, bandwidth: 40 GB/s, basis: assumed, source: guess}
  - {level: DRAM, size: 4 GB, bandwidth: 10 GB/s, basis: assumed, source: guess}
overhead:
  kernel: {value: 5 us, basis: assumed, source: guess}
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


def test_the_profile_that_errors_are_made_from_is_valid() -> None:
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
            "GFLOP/s, basis: assumed, source: guess",
            "GFLOP/s, basis: assumed",
            """\
mine.yaml:8:3: `fp32` states no `source`
    8 |   fp32: {macs: 19 GFLOP/s, basis: assumed}
      |   ^^^^
hint: write where it is from: `source: "vendor data sheet, page 3"`""",
            id="no source",
        ),
        pytest.param(
            "macs: 19 GFLOP/s, basis: assumed, source: guess",
            "macs: 19 GFLOP/s",
            """\
mine.yaml:8:3: `fp32` states no `basis` and no `source`
    8 |   fp32: {macs: 19 GFLOP/s}
      |   ^^^^
hint: write where it is from: `source: "vendor data sheet, page 3"`""",
            id="neither basis nor source",
        ),
        pytest.param(
            ", bandwidth: 10 GB/s, basis: assumed",
            ", bandwidth: 10 GB/s",
            """\
mine.yaml:11:13: `DRAM` states no `basis`
   11 |   - {level: DRAM, size: 4 GB, bandwidth: 10 GB/s, source: guess}
      |             ^^^^
hint: `basis` is `datasheet`, `measured`, `fitted`, `derived` or `assumed`""",
            id="level without basis",
        ),
        pytest.param(
            "GFLOP/s, basis: assumed, source: guess",
            "GFLOP/s, basis: assumed, source: ''",
            """\
mine.yaml:8:52: `source` must be text
    8 |   fp32: {macs: 19 GFLOP/s, basis: assumed, source: ''}
      |                                                    ^^""",
            id="empty source",
        ),
        pytest.param(
            "GFLOP/s, basis: assumed",
            "GFLOP/s, basis: messured",
            """\
mine.yaml:8:35: `messured` is no basis
    8 |   fp32: {macs: 19 GFLOP/s, basis: messured, source: guess}
      |                                   ^^^^^^^^
hint: did you mean `measured`?""",
            id="basis mistyped",
        ),
        pytest.param(
            "GFLOP/s, basis: assumed",
            "GFLOP/s, basis: rumour",
            """\
mine.yaml:8:35: `rumour` is no basis
    8 |   fp32: {macs: 19 GFLOP/s, basis: rumour, source: guess}
      |                                   ^^^^^^
hint: `basis` is `datasheet`, `measured`, `fitted`, `derived` or `assumed`""",
            id="unknown basis",
        ),
        pytest.param(
            "basis: datasheet",
            "basis: sheet",
            """\
mine.yaml:4:8: `sheet` is no basis
    4 | basis: sheet
      |        ^^^^^
hint: did you mean `datasheet`?""",
            id="basis mistyped",
        ),
        pytest.param(
            "basis: datasheet",
            "basis: gold",
            """\
mine.yaml:4:8: `gold` is no basis
    4 | basis: gold
      |        ^^^^
hint: `basis` is `datasheet`, `fitted` or `calibrated`""",
            id="unknown basis",
        ),
        pytest.param(
            "fp32:",
            "fp23:",
            """\
mine.yaml:8:3: there is no precision `fp23`
    8 |   fp23: {macs: 19 GFLOP/s, basis: assumed, source: guess}
      |   ^^^^
hint: did you mean `fp32`?""",
            id="precision mistyped",
        ),
        pytest.param(
            "fp32:",
            "double:",
            """\
mine.yaml:8:3: there is no precision `double`
    8 |   double: {macs: 19 GFLOP/s, basis: assumed, source: guess}
      |   ^^^^^^
hint: one of `fp32`, `fp16`, `bf16` or `int8`""",
            id="unknown precision",
        ),
        pytest.param(
            "19 GFLOP/s",
            "19 GB/s",
            """\
mine.yaml:8:16: `19 GB/s` is a bandwidth; a rate of mult-adds is asked for
    8 |   fp32: {macs: 19 GB/s, basis: assumed, source: guess}
      |                ^^^^^^^
hint: write for example `9.4 GMAC/s`""",
            id="wrong dimension",
        ),
        pytest.param(
            "19 GFLOP/s",
            "19",
            """\
mine.yaml:8:16: `19` has no unit; a rate of mult-adds is asked for
    8 |   fp32: {macs: 19, basis: assumed, source: guess}
      |                ^^
hint: a number alone can mean anything: write for example `9.4 GMAC/s`""",
            id="bare number",
        ),
        pytest.param(
            "5 us",
            "-5 us",
            """\
mine.yaml:13:19: `-5 us` is negative; a time cannot be
   13 |   kernel: {value: -5 us, basis: assumed, source: guess}
      |                   ^^^^^""",
            id="negative",
        ),
        pytest.param(
            "10 GB/s",
            "0 GB/s",
            """\
mine.yaml:11:42: `0 GB/s` cannot be zero
   11 |   - {level: DRAM, size: 4 GB, bandwidth: 0 GB/s, basis: assumed, source: guess}
      |                                          ^^^^^^
hint: leave it out where it is not known: unknown is not zero""",
            id="zero bandwidth",
        ),
        pytest.param(
            "19 GFLOP/s",
            "0 MAC/s",
            """\
mine.yaml:8:16: `0 MAC/s` cannot be zero
    8 |   fp32: {macs: 0 MAC/s, basis: assumed, source: guess}
      |                ^^^^^^^
hint: leave it out where it is not known: unknown is not zero""",
            id="zero rate",
        ),
        pytest.param(
            "10 GB/s",
            "10000 PB/s",
            """\
mine.yaml:11:42: `10000 PB/s` is absurd: over 10.0 PB/s
   11 |   - {level: DRAM, size: 4 GB, bandwidth: 10000 PB/s, basis: assumed, source: guess}
      |                                          ^^^^^^^^^^
hint: check the prefix""",
            id="absurdly fast",
        ),
        pytest.param(
            "4 GB,",
            "4 B,",
            """\
mine.yaml:11:25: `4 B` is absurd: under 64 B
   11 |   - {level: DRAM, size: 4 B, bandwidth: 10 GB/s, basis: assumed, source: guess}
      |                         ^^^
hint: check the prefix""",
            id="absurdly small",
        ),
        pytest.param(
            "5 us",
            "5 Ms",
            """\
mine.yaml:13:19: `5 Ms` is absurd: over 60 s
   13 |   kernel: {value: 5 Ms, basis: assumed, source: guess}
      |                   ^^^^
hint: check the prefix""",
            id="absurdly slow",
        ),
        pytest.param(
            "size: 4 GB",
            "size: 1 MiB",
            """\
mine.yaml:11:25: `DRAM` (1 MiB) is not larger than `L2` (1 MiB), which is further inside
   11 |   - {level: DRAM, size: 1 MiB, bandwidth: 10 GB/s, basis: assumed, source: guess}
      |                         ^^^^^
hint: levels stand innermost first: L1, L2, ..., DRAM""",
            id="sizes upside down",
        ),
        pytest.param(
            "bandwidth: 10 GB/s",
            "bandwidth: 50 GB/s",
            """\
mine.yaml:11:42: `DRAM` (50 GB/s) is faster than `L2` (40 GB/s), which is further inside
   11 |   - {level: DRAM, size: 4 GB, bandwidth: 50 GB/s, basis: assumed, source: guess}
      |                                          ^^^^^^^
hint: levels stand innermost first: L1, L2, ..., DRAM""",
            id="bandwidths upside down",
        ),
        pytest.param(
            "level: DRAM",
            "level: L2",
            """\
mine.yaml:11:13: the level `L2` is already stated at line 10
   11 |   - {level: L2, size: 4 GB, bandwidth: 10 GB/s, basis: assumed, source: guess}
      |             ^^""",
            id="level twice",
        ),
        pytest.param(
            " size: 4 GB, bandwidth: 10 GB/s,",
            "",
            """\
mine.yaml:11:13: a memory level must state a `size`, a `bandwidth` or both
   11 |   - {level: DRAM, basis: assumed, source: guess}
      |             ^^^^""",
            id="level that states nothing",
        ),
        pytest.param(
            "level: DRAM, ",
            "",
            """\
mine.yaml:11:5: a memory level must state `level`
   11 |   - {size: 4 GB, bandwidth: 10 GB/s, basis: assumed, source: guess}
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
            "{value: 5 us, basis: assumed, source: guess}",
            "5 us",
            """\
mine.yaml:13:11: `kernel` must be a mapping
   13 |   kernel: 5 us
      |           ^^^^
hint: write `kernel: {value: ..., basis: ..., source: ...}`""",
            id="overhead without origin",
        ),
        pytest.param(
            "kernel: {value: 5 us, ",
            "kernel: {",
            """\
mine.yaml:13:11: `kernel` must state `value`
   13 |   kernel: {basis: assumed, source: guess}
      |           ^""",
            id="no value",
        ),
        pytest.param(
            "size: 1 MiB",
            "size: {value: 1 MiB}",
            """\
mine.yaml:10:17: `size` states no `basis` and no `source`
   10 |   - {level: L2, size: {value: 1 MiB}, bandwidth: 40 GB/s, basis: assumed, source: guess}
      |                 ^^^^
hint: write where it is from: `source: "vendor data sheet, page 3"`""",
            id="own origin missing",
        ),
        pytest.param(
            "size: 1 MiB",
            "size: [1 MiB]",
            """\
mine.yaml:10:23: a number with its unit must stand here
   10 |   - {level: L2, size: [1 MiB], bandwidth: 40 GB/s, basis: assumed, source: guess}
      |                       ^""",
            id="quantity no scalar",
        ),
        pytest.param(
            "  fp32: {macs: 19 GFLOP/s, basis: assumed, source: guess}\n",
            "",
            """\
mine.yaml:7:9: `compute` must be a mapping from a precision to its rates
    7 | compute:
      |         ^""",
            id="no compute",
        ),
        pytest.param(
            "{macs: 19 GFLOP/s, basis: assumed, source: guess}",
            "19 GFLOP/s",
            """\
mine.yaml:8:9: `fp32` must be a mapping: `{macs: ..., source: ...}`
    8 |   fp32: 19 GFLOP/s
      |         ^^^^^^^^^^""",
            id="rate no mapping",
        ),
        pytest.param(
            "{level: L2, size: 1 MiB, bandwidth: 40 GB/s, basis: assumed, source: guess}",
            "L2",
            """\
mine.yaml:10:5: a memory level is a mapping: `{level: DRAM, size: ..., ...}`
   10 |   - L2
      |     ^^""",
            id="level no mapping",
        ),
        pytest.param(
            "GFLOP/s, basis: assumed, source:",
            "GFLOP/s, basis: assumed, sorce:",
            """\
mine.yaml:8:44: `fp32` has no `sorce`
    8 |   fp32: {macs: 19 GFLOP/s, basis: assumed, sorce: guess}
      |                                            ^^^^^
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
   13 |   layer: {value: 5 us, basis: assumed, source: guess}
      |   ^^^^^
hint: `overhead` has kernel, inference""",
            id="unknown overhead",
        ),
        pytest.param(
            "basis: datasheet",
            "basis: datasheet\nclass: phones",
            """\
mine.yaml:5:8: `phones` is no class
    5 | class: phones
      |        ^^^^^^
hint: did you mean `phone`?""",
            id="class mistyped",
        ),
        pytest.param(
            "basis: datasheet",
            "basis: datasheet\nclass: toaster",
            """\
mine.yaml:5:8: `toaster` is no class
    5 | class: toaster
      |        ^^^^^^^
hint: `class` is `phone`, `board`, `microcontroller`, `accelerator`, `laptop`, `server` or `gpu`""",
            id="unknown class",
        ),
        pytest.param(
            "{value: 5 us,",
            "{value: 5 us, low: 6 us,",
            """\
mine.yaml:13:30: `low` (6 us) is over the value (5 us)
   13 |   kernel: {value: 5 us, low: 6 us, basis: assumed, source: guess}
      |                              ^^^^
hint: a range holds its value: `low` <= `value` <= `high`""",
            id="low over the value",
        ),
        pytest.param(
            "{value: 5 us,",
            "{value: 5 us, low: 5000 ns, hihg: 6 us,",
            """\
mine.yaml:13:39: `kernel` has no `hihg`
   13 |   kernel: {value: 5 us, low: 5000 ns, hihg: 6 us, basis: assumed, source: guess}
      |                                       ^^^^
hint: did you mean `high`?""",
            id="end of a range mistyped",
        ),
        pytest.param(
            "{level: DRAM, size: 4 GB, bandwidth: 10 GB/s, basis: assumed, source: guess}",
            "{level: DRAM, size: {value: 4 GB, high: 2 GB, basis: assumed, source: guess}}",
            """\
mine.yaml:11:45: `high` (2 GB) is under the value (4 GB)
   11 |   - {level: DRAM, size: {value: 4 GB, high: 2 GB, basis: assumed, source: guess}}
      |                                             ^^^^
hint: a range holds its value: `low` <= `value` <= `high`""",
            id="high under the value",
        ),
        pytest.param(
            "{value: 5 us,",
            "{value: 5 us, low: 1 W,",
            """\
mine.yaml:13:30: `1 W` is a power; a time is asked for
   13 |   kernel: {value: 5 us, low: 1 W, basis: assumed, source: guess}
      |                              ^^^
hint: write for example `12 ms`""",
            id="end of a range of another unit",
        ),
        pytest.param(
            "macs: 19 GFLOP/s,",
            "macs: 19 GFLOP/s, low: 9 GFLOP/s,",
            """\
mine.yaml:8:28: `fp32` has no `low`
    8 |   fp32: {macs: 19 GFLOP/s, low: 9 GFLOP/s, basis: assumed, source: guess}
      |                            ^^^
hint: `fp32` has macs, vector, tile, sparse, basis, source""",
            id="range without a number of its own",
        ),
        pytest.param(
            "overhead:",
            "power: 5 W\noverhead:",
            """\
mine.yaml:12:8: `power` must be a mapping
   12 | power: 5 W
      |        ^^^
hint: write `power: {value: ..., basis: ..., source: ...}`""",
            id="power without origin",
        ),
        pytest.param(
            "overhead:",
            "power: {value: 5 W, basis: datasheet}\noverhead:",
            """\
mine.yaml:12:1: `power` states no `source`
   12 | power: {value: 5 W, basis: datasheet}
      | ^^^^^
hint: write where it is from: `source: "vendor data sheet, page 3"`""",
            id="power without source",
        ),
        pytest.param(
            "overhead:",
            "power: {value: 5 mJ, basis: assumed, source: guess}\noverhead:",
            """\
mine.yaml:12:16: `5 mJ` is an energy; a power is asked for
   12 | power: {value: 5 mJ, basis: assumed, source: guess}
      |                ^^^^
hint: write for example `5 W`""",
            id="power of another unit",
        ),
        pytest.param(
            "overhead:",
            "power: {value: 5, basis: assumed, source: guess}\noverhead:",
            """\
mine.yaml:12:16: `5` has no unit; a power is asked for
   12 | power: {value: 5, basis: assumed, source: guess}
      |                ^
hint: a number alone can mean anything: write for example `5 W`""",
            id="power without unit",
        ),
        pytest.param(
            "overhead:",
            "power: {value: 20 kW, basis: assumed, source: guess}\noverhead:",
            """\
mine.yaml:12:16: `20 kW` is absurd: over 10.0 kW
   12 | power: {value: 20 kW, basis: assumed, source: guess}
      |                ^^^^^
hint: check the prefix""",
            id="absurd power",
        ),
        pytest.param(
            "overhead:",
            "power: {value: 5 nW, basis: assumed, source: guess}\noverhead:",
            """\
mine.yaml:12:16: `5 nW` is absurd: under 1.00 µW
   12 | power: {value: 5 nW, basis: assumed, source: guess}
      |                ^^^^
hint: check the prefix""",
            id="absurdly little power",
        ),
        pytest.param(
            "overhead:",
            "power: {value: 0 W, basis: assumed, source: guess}\noverhead:",
            """\
mine.yaml:12:16: `0 W` cannot be zero
   12 | power: {value: 0 W, basis: assumed, source: guess}
      |                ^^^
hint: leave it out where it is not known: unknown is not zero""",
            id="no power",
        ),
        pytest.param(
            "overhead:",
            "energy: 3 pJ/MAC\noverhead:",
            """\
mine.yaml:12:9: `energy` must be a mapping with `macs`, `bytes` or both
   12 | energy: 3 pJ/MAC
      |         ^^^^^^^^""",
            id="energy no mapping",
        ),
        pytest.param(
            "overhead:",
            "energy:\n  mac: {}\noverhead:",
            """\
mine.yaml:13:3: `energy` has no `mac`
   13 |   mac: {}
      |   ^^^
hint: did you mean `macs`?""",
            id="unknown energy",
        ),
        pytest.param(
            "overhead:",
            "energy:\n  macs: 3 pJ/MAC\noverhead:",
            """\
mine.yaml:13:9: `macs` must be a mapping from a precision to energy per mult-add
   13 |   macs: 3 pJ/MAC
      |         ^^^^^^^^""",
            id="energy of mult-adds no mapping",
        ),
        pytest.param(
            "overhead:",
            "energy:\n  bytes: []\noverhead:",
            """\
mine.yaml:13:10: `bytes` must be a mapping from a memory level to energy per byte
   13 |   bytes: []
      |          ^""",
            id="energy of bytes no mapping",
        ),
        pytest.param(
            "overhead:",
            "energy:\n  macs: {fp32: 3 pJ/MAC}\noverhead:",
            """\
mine.yaml:13:16: `fp32` must be a mapping
   13 |   macs: {fp32: 3 pJ/MAC}
      |                ^^^^^^^^
hint: write `fp32: {value: ..., basis: ..., source: ...}`""",
            id="energy without origin",
        ),
        pytest.param(
            "overhead:",
            "energy:\n  macs:\n    fp23: {value: 3 pJ/MAC, basis: fitted, source: x}\noverhead:",
            """\
mine.yaml:14:5: there is no precision `fp23`
   14 |     fp23: {value: 3 pJ/MAC, basis: fitted, source: x}
      |     ^^^^
hint: did you mean `fp32`?""",
            id="energy of an unknown precision",
        ),
        pytest.param(
            "overhead:",
            "energy:\n  macs:\n    fp32: {value: 3 pJ/B, basis: assumed, source: x}\noverhead:",
            """\
mine.yaml:14:19: `3 pJ/B` is an energy per byte; an energy per mult-add is asked for
   14 |     fp32: {value: 3 pJ/B, basis: assumed, source: x}
      |                   ^^^^^^
hint: write for example `400 pJ/MAC`""",
            id="energy of another unit",
        ),
        pytest.param(
            "overhead:",
            "energy:\n  bytes:\n    dram: {value: 3 pJ/B, basis: assumed, source: x}\noverhead:",
            """\
mine.yaml:14:5: there is no memory level `dram`
   14 |     dram: {value: 3 pJ/B, basis: assumed, source: x}
      |     ^^^^
hint: did you mean `DRAM`?""",
            id="energy of an unknown level",
        ),
        pytest.param(
            "overhead:",
            "energy:\n  bytes:\n    DRAM2: {value: 3 pJ/B, basis: fitted, source: x}\noverhead:",
            """\
mine.yaml:14:5: there is no memory level `DRAM2`
   14 |     DRAM2: {value: 3 pJ/B, basis: fitted, source: x}
      |     ^^^^^
hint: did you mean `DRAM`?""",
            id="energy of a mistyped level",
        ),
        pytest.param(
            "overhead:",
            "energy:\n  bytes:\n    DRAM: {value: 3 mJ/B, basis: assumed, source: x}\noverhead:",
            """\
mine.yaml:14:19: `3 mJ/B` is absurd: over 1.00 µJ/B
   14 |     DRAM: {value: 3 mJ/B, basis: assumed, source: x}
      |                   ^^^^^^
hint: check the prefix""",
            id="absurd energy",
        ),
        pytest.param(
            "macs: 19 GFLOP/s,",
            "macs: 19 GFLOP/s, tile: 8,",
            """\
mine.yaml:8:34: `tile` must be a mapping
    8 |   fp32: {macs: 19 GFLOP/s, tile: 8, basis: assumed, source: guess}
      |                                  ^
hint: write `tile: {value: ..., basis: ..., source: ...}`""",
            id="tile without origin",
        ),
        pytest.param(
            "macs: 19 GFLOP/s,",
            "macs: 19 GFLOP/s, tile: {value: 8},",
            """\
mine.yaml:8:28: `tile` states no `basis` and no `source`
    8 |   fp32: {macs: 19 GFLOP/s, tile: {value: 8}, basis: assumed, source: guess}
      |                            ^^^^
hint: write where it is from: `source: "vendor data sheet, page 3"`""",
            id="tile without source",
        ),
        pytest.param(
            "source: guess}\nmemory:",
            "source: guess,\n    tile: {basis: assumed, source: guess}}\nmemory:",
            """\
mine.yaml:9:11: `tile` must state `value`
    9 |     tile: {basis: assumed, source: guess}}
      |           ^""",
            id="tile without value",
        ),
        pytest.param(
            "source: guess}\nmemory:",
            "source: guess,\n    tile: {value: 8.5, basis: assumed, source: guess}}\nmemory:",
            """\
mine.yaml:9:19: `tile` must be a whole number from 1 to 65536
    9 |     tile: {value: 8.5, basis: assumed, source: guess}}
      |                   ^^^""",
            id="half a tile",
        ),
        pytest.param(
            "source: guess}\nmemory:",
            "source: guess,\n    tile: {value: 0, basis: assumed, source: guess}}\nmemory:",
            """\
mine.yaml:9:19: `tile` must be a whole number from 1 to 65536
    9 |     tile: {value: 0, basis: assumed, source: guess}}
      |                   ^""",
            id="no tile",
        ),
        pytest.param(
            "source: guess}\nmemory:",
            "source: guess,\n    tile: {value: 8, low: 4, basis: assumed, source: x}}\nmemory:",
            """\
mine.yaml:9:22: `tile` has no `low`
    9 |     tile: {value: 8, low: 4, basis: assumed, source: x}}
      |                      ^^^
hint: `tile` has value, basis, source""",
            id="tile with a range",
        ),
        pytest.param(
            "source: guess}\nmemory:",
            "source: guess,\n    sparse: {value: 2x, basis: assumed, source: guess}}\nmemory:",
            """\
mine.yaml:9:21: `sparse` must be a number from 1 to 16
    9 |     sparse: {value: 2x, basis: assumed, source: guess}}
      |                     ^^""",
            id="sparse no number",
        ),
        pytest.param(
            "source: guess}\nmemory:",
            "source: guess,\n    sparse: {value: 0.5, basis: assumed, source: guess}}\nmemory:",
            """\
mine.yaml:9:21: `sparse` must be a number from 1 to 16
    9 |     sparse: {value: 0.5, basis: assumed, source: guess}}
      |                     ^^^""",
            id="sparse slower",
        ),
        pytest.param(
            "overhead:",
            "kernels: fold_norms\noverhead:",
            """\
mine.yaml:12:10: `kernels` must be a list of words
   12 | kernels: fold_norms
      |          ^^^^^^^^^^
hint: what the runtime does: `kernels: [fold_norms, fuse_clamps]`""",
            id="kernels no list",
        ),
        pytest.param(
            "overhead:",
            "kernels: [fold_norm]\noverhead:",
            """\
mine.yaml:12:11: there is no rule of kernels `fold_norm`
   12 | kernels: [fold_norm]
      |           ^^^^^^^^^
hint: did you mean `fold_norms`?""",
            id="rule of kernels mistyped",
        ),
        pytest.param(
            "overhead:",
            "kernels: [magic]\noverhead:",
            """\
mine.yaml:12:11: there is no rule of kernels `magic`
   12 | kernels: [magic]
      |           ^^^^^
hint: """
            "`fold_norms`, `fuse_clamps`, `fuse_add_clamps`, `fuse_cheap_activations`, "
            "`fuse_activations`, `fuse_adds`, `in_place`, `concat_in_place`, `copy_slices`, "
            "`winograd`, `winograd_int8`, `im2col`, `overlap_depthwise`, `overlap_windows`, "
            "`overlap_pointwise`, `overlap_inputs`, `split_operators`, `split_groups`, "
            "`pack_channels`, `own_layout` or `block_channels`",
            id="unknown rule of kernels",
        ),
        pytest.param(
            "overhead:",
            "kernels: [{fold_norms: true}]\noverhead:",
            """\
mine.yaml:12:11: a rule of kernels is one word
   12 | kernels: [{fold_norms: true}]
      |           ^
hint: """
            "`fold_norms`, `fuse_clamps`, `fuse_add_clamps`, `fuse_cheap_activations`, "
            "`fuse_activations`, `fuse_adds`, `in_place`, `concat_in_place`, `copy_slices`, "
            "`winograd`, `winograd_int8`, `im2col`, `overlap_depthwise`, `overlap_windows`, "
            "`overlap_pointwise`, `overlap_inputs`, `split_operators`, `split_groups`, "
            "`pack_channels`, `own_layout` or `block_channels`",
            id="rule of kernels no word",
        ),
        pytest.param(
            "overhead:",
            "kernels: [in_place, winograd, in_place]\noverhead:",
            """\
mine.yaml:12:31: `in_place` is already stated
   12 | kernels: [in_place, winograd, in_place]
      |                               ^^^^^^^^""",
            id="rule of kernels twice",
        ),
        pytest.param(
            "overhead:",
            "storage: {level: DRAM, size: 8 GB, basis: assumed, source: guess}\noverhead:",
            """\
mine.yaml:12:18: the level `DRAM` is already stated in `memory`
   12 | storage: {level: DRAM, size: 8 GB, basis: assumed, source: guess}
      |                  ^^^^""",
            id="storage named as a level",
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
      | ^^^^^^
hint: `mnet-cost analyze` takes a model""",
            id="a model",
        ),
        pytest.param(
            "format: 1\nname: x\nbasis: fitted\n",
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
        GOOD.replace("basis: datasheet", "basis: gold")
        .replace("19 GFLOP/s", "19")
        .replace("size: 4 GB", "size: 4 gb")
        .replace("5 us, basis: assumed", "5 us")
    )
    expected = """\
mine.yaml:4:8: `gold` is no basis
    4 | basis: gold
      |        ^^^^
hint: `basis` is `datasheet`, `fitted` or `calibrated`

mine.yaml:8:16: `19` has no unit; a rate of mult-adds is asked for
    8 |   fp32: {macs: 19, basis: assumed, source: guess}
      |                ^^
hint: a number alone can mean anything: write for example `9.4 GMAC/s`

mine.yaml:11:25: `4 gb`: there is no unit `gb`; a size is asked for
   11 |   - {level: DRAM, size: 4 gb, bandwidth: 10 GB/s, basis: assumed, source: guess}
      |                         ^^^^
hint: did you mean `GB`?

mine.yaml:13:3: `kernel` states no `basis`
   13 |   kernel: {value: 5 us, source: guess}
      |   ^^^^^^
hint: `basis` is `datasheet`, `measured`, `fitted`, `derived` or `assumed`"""
    assert message(text) == expected


NO_NAME = "hint: `mnet-cost devices` lists them; a profile of your own is named by its path: "


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pixel1", "there is no device `pixel1`\nhint: did you mean `pixel_1`?"),
        ("toaster", f"there is no device `toaster`\n{NO_NAME}`./toaster.yaml`"),
        ("", f"there is no device ``\n{NO_NAME}`./device.yaml`"),
        ("./none.yaml", "./none.yaml: cannot be read: no such file or directory"),
        ("none.yml", "none.yml: cannot be read: no such file or directory"),
        ("a/b", "a/b: cannot be read: no such file or directory"),
        ("./", "./: cannot be read: is a directory"),
        ("a\0.yaml", "a\\x00.yaml: cannot be read: a path cannot hold a NUL character"),
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
