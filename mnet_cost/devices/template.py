"""The text of a new device profile, with comments, for a user to fill in.

What has to be filled in says `FILL_IN`, which `load_device` reports line by line. What may be left
out stands behind `#`. Not here: writing the file.
"""

from __future__ import annotations

import re

from mnet_cost.devices.choice import ALL, NONE, check_class
from mnet_cost.devices.library import device_names
from mnet_cost.devices.reader import FILL_IN
from mnet_cost.devices.types import CLASSES
from mnet_cost.errors import DeviceError, Problem
from mnet_cost.yamlfile import parse_scalar

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")

_PIPELINES = {
    "phone": "out_of_order",
    "board": "out_of_order",
    "laptop": "out_of_order",
    "server": "out_of_order",
    "microcontroller": "scalar",
}
"""Of classes whose machines compute on processor cores; the others have none."""


def device_template(name: str, device_class: str = "board") -> str:
    """The YAML text of a profile `name` to fill in.

    Raises `DeviceError` for a name that no profile can have, or that a shipped one has, and for an
    unknown class.
    """
    if not _NAME.fullmatch(name) or parse_scalar(name) != name:
        hint = "a letter, then letters, digits, `_` and `-`, at most 64 in all"
        raise DeviceError(Problem(f"`{name}` is no name of a device", hint=hint))
    if name in (ALL, NONE):
        raise DeviceError(f"the name `{name}` is taken")
    if name in device_names():
        hint = f"`mnet-cost devices {name}` shows it"
        raise DeviceError(Problem(f"the name `{name}` is taken", hint=hint))
    check_class(device_class)
    pipeline = _PIPELINES.get(device_class)
    if pipeline is None:
        processor = (
            "# pipeline: out_of_order       # of processor cores alone; without it, times are\n"
            f"{'':31}# lower bounds until `mnet-cost calibrate` has measured some"
        )
    else:
        processor = (
            f"{f'pipeline: {pipeline}':31}# in_order, out_of_order or scalar (no vector unit): it\n"
            f"{'':31}# decides how much of its peak a core reaches"
        )
    storage = _STORAGE if device_class == "microcontroller" else _COMMENTED_STORAGE
    return _TEMPLATE.format(
        name=name,
        device_class=f"class: {device_class}",
        processor=processor,
        storage=storage,
        fill_in=FILL_IN,
        classes=", ".join(CLASSES),
    )


_STORAGE = f"""\
storage:                       # read-only memory from which weights are read in place
  level: flash
  size: {FILL_IN}                # for example 2 MiB
  basis: datasheet
  source: {FILL_IN}
"""
_COMMENTED_STORAGE = """\
# storage:                     # read-only memory from which weights are read in place, as flash
#   {level: flash, size: 2 MiB, basis: datasheet, source: the reference manual}
"""

_TEMPLATE = """\
# Device profile: {name}. Replace each {fill_in}, then run
#   mnet-cost analyze mobilenet_v1 --device ./{name}.yaml
#
# Every number has a unit and says where it comes from. `basis` is datasheet, measured, fitted,
# derived (worked out from other numbers) or assumed. What you do not know is left out, not 0:
# the time that depends on it is then unknown. Lines that start with # are optional.
format: 1
name: {name}
title: {fill_in}                 # what it is, in a line
{device_class:31}# {classes}
{processor}
basis: datasheet               # `mnet-cost calibrate --into ./{name}.yaml` adds measured times
runtime: any                   # the program that runs networks: tflite, ncnn, ...
threads: 1                     # of which the numbers below are the peaks
# cores: {{value: 4, basis: datasheet, source: the product page}}
compute:                       # peaks by precision: fp32, fp16, bf16, int8
  fp32:
    macs: {fill_in}              # clock x lanes x units x threads, as in 9.6 GMAC/s
    vector: {fill_in}            # all other operations, most often as many: 9.6 Gop/s
    basis: derived
    source: {fill_in}            # for example "1.2 GHz x 4 lanes x 2 units"
    # tile: {{value: 8, basis: assumed, source: a guess}}     # output channels computed together
memory:                        # the innermost level first; the last one is the main memory
  # - {{level: L1, size: 32 KiB, basis: datasheet, source: the reference manual}}
  # - {{level: L2, size: 512 KiB, basis: datasheet, source: the reference manual}}
  - level: main
    size: {fill_in}              # for example 2 GB
    bandwidth: {fill_in}         # for example 6.4 GB/s
    basis: datasheet
    source: {fill_in}
{storage}\
# overhead:                    # what each kernel, and each inference, takes beside its work
#   kernel: {{value: 5 us, basis: assumed, source: a guess}}
#   inference: {{value: 1 ms, basis: assumed, source: a guess}}
# power: {{value: 3 W, low: 2 W, high: 5 W, basis: measured, source: a meter at the plug}}
# kernels: [fold_norms, fuse_clamps, in_place]     # what the runtime does with layers
"""
